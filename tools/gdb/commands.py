# SPDX-License-Identifier: MIT
"""What all commands share: words in, one sentence out where something is wrong."""
import gdb

from memory import Cache, Said

COMMANDS = []


def number(text):
    """An address or number typed by the user: any gdb expression; a function means its address."""
    try:
        result = gdb.parse_and_eval(text)
        if result.type.code == gdb.TYPE_CODE_FUNC:
            result = result.address
        return int(result) & (1 << 64) - 1
    except gdb.MemoryError as error:
        raise Said(f"cannot read {text}: {error}") from None
    except gdb.error as error:
        raise Said(f"{text} is no number or address: {error}") from None


class Command(gdb.Command):
    """A command whose first line of documentation is its usage, a colon, and what it shows."""
    least, most = 0, 0  # words that it takes

    def __init__(self):
        self.usage = self.__doc__.split(":")[0]
        self.name = self.usage.split()[0]
        super().__init__(self.name, gdb.COMMAND_DATA)
        COMMANDS.append(self)

    def run(self, *words):
        raise NotImplementedError

    def invoke(self, text, from_tty):
        Cache.forget()
        words = gdb.string_to_argv(text)
        if not self.least <= len(words) <= self.most:
            raise Said(f"usage: {self.usage}")
        try:
            self.run(*words)
        except Said:
            raise
        except (gdb.error, UnicodeError) as error:
            raise Said(f"{self.name}: {error}") from None
