# SPDX-License-Identifier: MIT
"""Tasks, and what runs on each CPU."""
import gdb

from commands import Command, number
from memory import (Cache, LATER, Mode, Object, Said, address_of, list_of, per_cpu, selected_cpu,
                    variable)

STATES = ((0x30, "zombie"), (0x4, "stopped"), (0x2, "waiting"), (0x1, "sleeping"))


def running(cpu):
    """The task that a CPU runs; false before the first."""
    return Object(per_cpu("current_task", cpu), "struct task_struct")


def current():
    task = running(selected_cpu())
    if not task:
        raise Said(f"no task runs yet: {LATER}")
    return task


@Mode()
def runs(name):
    """Does the selected CPU run the program of that name?"""
    task = running(selected_cpu())
    return bool(task) and task.text("comm") == name[:15]


def tasks():
    return list_of(address_of("task_list"), "struct task_struct", "tasks")


def task_by_pid(text):
    pid = number(text)
    for task in tasks():
        if task["pid"] == pid:
            return task
    raise Said(f"no task has pid {text}; `tasks` lists them")


def who(task):
    return f"{task.text('comm')} [{task['pid']}]"


def map_of(task):
    mm = task.follow("mm", "struct mm_struct")
    if not mm:
        raise Said(f"{who(task)} has no user address space")
    return mm


def chosen_map(words):
    """The map of the pid in words, or the current task's."""
    return map_of(task_by_pid(words[0]) if words else current())


def processes_of(mm):
    """The processes that run in a map, without their further threads."""
    return [task for task in tasks() if task["mm"] == mm.address and task["pid"] == task["tgid"]]


def task_line(task, cpus):
    state = next((word for bits, word in STATES if task["state"] & bits), "runnable")
    if task.address in cpus:
        state = f"on CPU {cpus[task.address]}"
    parent = task.follow("real_parent", "struct task_struct")
    kind = "kernel thread" if not task["mm"] else \
        f"thread of {task['tgid']}" if task["pid"] != task["tgid"] else \
        f"child of {parent['pid']}" if parent else "user"
    return f"{task['pid']:5d} {state:9s} {task.text('comm'):16s} {kind}"


class Tasks(Command):
    """tasks: every task: pid, state, program, whose child or thread; a star: the current one."""

    def run(self):
        now = running(selected_cpu())
        cpus = {running(cpu).address: cpu for cpu in range(variable("nr_cpus"))}
        some = False
        for task in tasks():
            some = True
            print(f"{'*' if task == now else ' '} {task_line(task, cpus)}")
        if not some:
            raise Said(f"there are no tasks yet: {LATER}")


class Cpus(Command):
    """cpus: the task that each CPU runs; a star: the selected CPU.
`thread N` selects CPU N - 1."""

    def run(self):
        if not variable("nr_cpus"):
            raise Said(f"the kernel runs on no CPU yet: {LATER}")
        for cpu in range(variable("nr_cpus")):
            task = running(cpu)
            what = f"{task['pid']:5}  {task.text('comm')}" if task else "    -  -"
            print(f"{'*' if cpu == selected_cpu() else ' '} CPU {cpu}: {what}")


class Function(gdb.Function):
    """What stands in an expression as $name(...). Its documentation begins with that."""
    words = 0  # names that it takes, in quotes

    def __init__(self):
        self.usage = self.__doc__.split(":")[0]
        super().__init__(self.usage[1:self.usage.index("(")])

    def value(self, *words):
        raise NotImplementedError

    def invoke(self, *given):
        Cache.forget()
        try:
            words = [value.string() for value in given]
        except (gdb.error, UnicodeError):
            words = None
        if words is None or len(words) != self.words:
            raise Said(f"usage: {self.usage}")
        return self.value(*words)


class Current(Function):
    """$current(): the task that the selected CPU runs, as a struct task_struct *."""

    def value(self):
        return gdb.Value(current().address).cast(gdb.lookup_type("struct task_struct").pointer())


class Runs(Function):
    """$runs("NAME"): does the selected CPU run the program NAME?"""
    words = 1

    def value(self, name):
        return runs(name)


class PerCpu(Function):
    """$percpu("NAME"): the selected CPU's instance of a per-CPU variable.
Its plain name means CPU 0's."""
    words = 1

    def value(self, name):
        try:
            plain = gdb.parse_and_eval(name)
        except gdb.error as error:
            raise Said(f"there is no variable {name}: {error}") from None
        if plain.address is None:
            raise Said(f"{name} is no variable")
        offset = variable("__per_cpu_offset")[selected_cpu()]
        place = gdb.Value(int(plain.address) + offset & (1 << 64) - 1)
        return place.cast(plain.type.pointer()).dereference()


def register():
    for made in (Current, Runs, PerCpu, Tasks, Cpus):
        made()
