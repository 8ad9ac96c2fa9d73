#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows a run while it goes on: the page of see.py, on http://127.0.0.1:PORT/. `make watch
PROG=thrash` is a thin name for

    tools/trace/watch.py [--port N] [--program NAME] [--kernel ELF] [--elf ELF]

What PROG=, ELF= or CMD= in the environment say is run and recorded, or else the shell. The server
answers this machine alone, and knows three things: the page, the records from a byte on, and the
names of instructions from one on. It stays behind the end of the run until Ctrl-C.
"""
import signal

if __name__ == "__main__":  # Ctrl-C ends it without a word until there is somebody to catch it
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# pylint: disable=wrong-import-position
import argparse
import http.server
import itertools
import json
import os
import re
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit

import format as flt
import see
from story import INTERRUPTED, REFUSED, run_machine, tell
from symbols import TOP, Symbols

PATIENCE = 0.1  # seconds between two looks at the file, and that a gap in the records may last


class Follower(threading.Thread):
    """Reads a record file that grows, each byte once: .records are all records so far, in order;
    .names, [key, words], where their instructions stand."""

    def __init__(self, path, symbols):
        super().__init__(daemon=True)
        self.trace, self.path, self.records = flt.Trace(path), path, bytearray()
        self.names, self._places = [], see.Places(symbols)
        self.over, self.failure = threading.Event(), None
        self.lock = threading.Lock()  # on trace

    def run(self):
        try:
            while not self.over.is_set():
                self._look()
                time.sleep(PATIENCE)
            self._look(0)
        except flt.Bad as bad:
            self.failure = str(bad)

    def _look(self, patience=PATIENCE):
        try:
            with open(self.path, "rb") as file, self.lock:
                file.seek(len(self.trace.data))
                self.trace.feed(file.read())
                if self.trace.header:
                    self._take(self.trace.take_raw(patience))
        except FileNotFoundError:
            pass


    def _take(self, fresh):
        known = len(self._places.words)
        self._places.add(fresh)
        self.names += itertools.islice(self._places.words.items(), known, None)
        self.records += fresh


class Server(http.server.ThreadingHTTPServer):
    """For this machine alone."""

    def __init__(self, port, answers):
        super().__init__(("127.0.0.1", port), answers)

    def handle_error(self, request, client_address):
        """A browser that goes away in the middle of an answer is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def handler(follower, args):
    """The class that answers requests."""
    class Handler(http.server.BaseHTTPRequestHandler):
        """Three answers, and 404."""

        def do_GET(self):
            """http.server's name for it."""
            asked = urlsplit(self.path)
            host = re.sub(r":\d+$", "", self.headers.get("Host", ""))
            if host not in ("127.0.0.1", "localhost"):
                self.send_error(403)  # another site's name that leads here
            elif asked.path == "/":
                self._page()
            elif asked.path == "/records":
                self._answer(bytes(follower.records[self._begin(asked):]), "application/octet-stream")
            elif asked.path == "/names":
                names = follower.names[self._begin(asked):]
                self._answer(json.dumps(names).encode(), "application/json")
            else:
                self.send_error(404)

        @staticmethod
        def _begin(asked):
            begin = parse_qs(asked.query).get("from", ["0"])[0]
            return int(begin) if re.fullmatch(r"\d{1,12}", begin, re.ASCII) else 0

        def _page(self):
            while not follower.trace.header and not follower.over.is_set() and not follower.failure:
                time.sleep(PATIENCE)
            if not follower.trace.header:
                self._answer(b"Nothing was recorded.", "text/plain")
                return
            with follower.lock:
                facts = dict(see.meta(follower.trace, 0, args, {}), live=True)
            self._answer(see.build(facts, b"").encode(), "text/html; charset=utf-8")

        def _answer(self, body, kind):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Over", str(int(not follower.is_alive())))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):  # pylint: disable=arguments-differ
            """The terminal is the program's."""
    return Handler


def main():
    """The command line."""
    parser = argparse.ArgumentParser(prog="watch.py", description="Shows a run while it goes on.")
    parser.add_argument("--port", type=int, default=8060)
    parser.add_argument("--program", default="the machine")
    parser.add_argument("--kernel", default=os.path.join(TOP, "build/kernel/faultline.elf"))
    parser.add_argument("--elf")
    args = parser.parse_args()
    path = os.path.join(TOP, "build/run/trace.flt")
    if os.path.isfile(path):
        os.remove(path)
    follower = Follower(path, Symbols(args.kernel, args.elf))
    try:
        server = Server(args.port, handler(follower, args))
    except (OSError, OverflowError) as error:
        tell(f"port {args.port}: {getattr(error, 'strerror', error)}; PORT= names another")
        return REFUSED
    url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    follower.start()
    tell(f"the page is {url}")
    see.show(url)
    try:
        status = run_machine(args.kernel, path, os.environ)
        follower.over.set()
        follower.join()
        if not follower.trace.header:
            tell(f"the run ended with status {status}, and nothing was recorded")
            return REFUSED
        tell(follower.failure or "the run is over; Ctrl-C ends the page too")
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
