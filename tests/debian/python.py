#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What CPython does with files, processes, threads, signals and mapped memory. Prints nothing that
depends on process ids or time; both kernels must give the same bytes."""
import ctypes
import errno
import fcntl
import hashlib
import io
import json
import mmap
import multiprocessing
import multiprocessing.shared_memory
import os
import random
import resource
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback


def say(title):
    print("==", title, flush=True)


def refused(function, *args):
    """The errno by name with which a call fails."""
    try:
        function(*args)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "no error"


def files():
    say("files")
    os.makedirs("a/b/c")
    with open("a/b/text", "w", encoding="utf-8") as file:
        file.writelines(f"line {i} \u00e4\n" for i in range(5000))
    with open("a/b/text", encoding="utf-8") as file:
        lines = file.readlines()
    print(len(lines), lines[-1].strip(), os.stat("a/b/text").st_size)
    with open("a/b/text", "r+b") as file:
        file.seek(-10, io.SEEK_END)
        file.truncate()
        print(file.tell(), os.fstat(file.fileno()).st_size)
    fd = os.open("a/data", os.O_RDWR | os.O_CREAT, 0o640)
    print(os.writev(fd, [b"ab", b"cd", b"ef"]), os.pread(fd, 3, 2), os.pwrite(fd, b"Z", 5))
    buffers = [bytearray(2), bytearray(9)]
    print(os.preadv(fd, buffers, 1), buffers, os.lseek(fd, 0, os.SEEK_END))
    os.ftruncate(fd, 100000)
    os.posix_fallocate(fd, 0, 4096)
    os.utime(fd, ns=(10**18, 10**18 + 5))
    info = os.stat("a/data")
    print(info.st_size, oct(info.st_mode), info.st_mtime_ns // 10**9)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    other = os.open("a/data", os.O_RDWR)
    print(refused(fcntl.flock, other, fcntl.LOCK_EX | fcntl.LOCK_NB))
    os.sendfile(other, fd, 0, 6)
    os.rename("a/data", "a/b/c/data")
    os.symlink("c/data", "a/b/link")
    os.link("a/b/c/data", "a/b/hard")
    print(sorted(os.path.join(d, f) for d, _, names in os.walk("a") for f in names))
    print(os.readlink("a/b/link"), os.stat("a/b/link").st_nlink, os.path.realpath("a/b/link")[-10:])
    print(refused(os.open, "a/none", 0), refused(os.mkdir, "a"), refused(os.rmdir, "a/b"),
          refused(os.listdir, "a/b/text"), refused(os.rename, "a", "a/b/x"), refused(os.read, 99, 1))
    print([e.name for e in sorted(os.scandir("a/b"), key=lambda e: e.name) if e.is_file()])
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * 100000)
        file.seek(0)
        print(hashlib.sha256(file.read()).hexdigest()[:16])
    os.close(fd)
    os.close(other)


def processes():
    say("processes")
    done = subprocess.run([sys.executable, "-c", "import sys; print(sys.stdin.read()[::-1]); sys.exit(3)"],
                          input="abc", capture_output=True, text=True)
    print(done)
    print(subprocess.run("exit 5", shell=True).returncode, refused(subprocess.run, ["/nonexistent"]))
    print(subprocess.check_output("echo $VALUE; pwd", shell=True, env={"VALUE": "7"}, cwd="/", text=True))
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    print(child.communicate(b"z" * 300000)[0].count(b"z"), child.returncode)
    child = subprocess.Popen(["sleep", "60"])
    child.send_signal(signal.SIGTERM)
    print(child.wait())
    try:
        subprocess.run(["sleep", "60"], timeout=0.1)
    except subprocess.TimeoutExpired as late:
        print("too late:", late.cmd)
    reads, writes = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(writes, b"from the child")
        os._exit(9)
    _, status, usage = os.wait4(pid, 0)
    print(os.read(reads, 99), os.waitstatus_to_exitcode(status), usage.ru_maxrss > 0)
    pids = [os.posix_spawn("/bin/sh", ["sh", "-c", f"exit {i}"], {}) for i in range(5)]
    print(sorted(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids), refused(os.wait))
    pid = os.fork()
    if not pid:
        ctypes.string_at(0)
    print(signal.Signals(os.WTERMSIG(os.waitpid(pid, 0)[1])).name)


def threads():
    say("threads")
    total, lock = [0], threading.Lock()

    def add():
        for _ in range(2000):
            with lock:
                total[0] += 1
    crew = [threading.Thread(target=add) for _ in range(8)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    print(total)
    ready, box = threading.Condition(), []

    def consume():
        for _ in range(100):
            with ready:
                ready.wait_for(lambda: box)
                got.append(box.pop())
                ready.notify_all()
    got = []
    consumer = threading.Thread(target=consume)
    consumer.start()
    for i in range(100):
        with ready:
            ready.wait_for(lambda: not box)
            box.append(i)
            ready.notify_all()
    consumer.join()
    print(got == list(range(100)), threading.Event().wait(0.02))
    barrier = threading.Barrier(4)
    crew = [threading.Thread(target=barrier.wait) for _ in range(4)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join(10)
    print("passed", threading.active_count())


def signals():
    say("signals")
    seen = []
    signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)
    print([int(n) for n in seen])
    signal.signal(signal.SIGALRM, lambda number, frame: seen.append("alarm"))
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    signal.pause()
    print(seen[-1], signal.getitimer(signal.ITIMER_REAL))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    os.kill(os.getpid(), signal.SIGUSR2)
    print([s.name for s in signal.sigpending()], signal.sigwaitinfo([signal.SIGUSR2]).si_signo,
          signal.sigtimedwait([signal.SIGUSR2], 0.01))

    def late(number, frame):
        raise TimeoutError("by the alarm")
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        time.sleep(60)
    except TimeoutError as error:
        print(error)
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted")
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    reads, writes = os.pipe()
    os.close(reads)
    print(refused(os.write, writes, b"x"))


def memory():
    say("memory")
    shared = mmap.mmap(-1, 1 << 20)
    pid = os.fork()
    if not pid:
        shared[4096:4104] = struct.pack("<q", 2026)
        os._exit(0)
    os.waitpid(pid, 0)
    print(struct.unpack("<q", shared[4096:4104])[0])
    with open("mapped", "w+b") as file:
        file.truncate(1 << 20)
        view = mmap.mmap(file.fileno(), 0)
        view[:5] = b"hello"
        view[-3:] = b"end"
        view.flush()
        print(file.read(5), os.pread(file.fileno(), 9, (1 << 20) - 3), view.find(b"end"))
        view.resize(2 << 20)
        view.madvise(mmap.MADV_DONTNEED)
        print(view[:5], len(view), os.fstat(file.fileno()).st_size)
        copy = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE)
        copy[:5] = b"HELLO"
        print(view[:5], copy[:5])
    blocks = [bytearray(random.Random(i).randbytes(50000)) for i in range(200)]
    digest = hashlib.md5()
    for block in sorted(blocks):
        digest.update(block)
    print(digest.hexdigest())
    resource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))
    try:
        bytearray(400 << 20)
    except MemoryError:
        print("no memory beyond the limit")
    fd = os.memfd_create("name")
    os.write(fd, b"in memory")
    print(os.readlink(f"/proc/self/fd/{fd}"), os.pread(fd, 9, 0))


def square(number):
    return number * number


def many_processes():
    say("many processes")
    with multiprocessing.Pool(3) as pool:
        print(sum(pool.map(square, range(1000))))
        print(pool.apply_async(square, (12,)).get())
    queue, lock = multiprocessing.Queue(), multiprocessing.Lock()
    counter = multiprocessing.Value("i", 0)

    def work(number):
        for _ in range(100):
            with lock:
                counter.value += 1
        queue.put(number)
    crew = [multiprocessing.Process(target=work, args=(i,)) for i in range(4)]
    for process in crew:
        process.start()
    got = sorted(queue.get() for _ in crew)
    for process in crew:
        process.join()
    print(got, counter.value, [process.exitcode for process in crew])
    memory = multiprocessing.shared_memory.SharedMemory(create=True, size=100000)
    process = multiprocessing.Process(target=fill, args=(memory.name,))
    process.start()
    process.join()
    print(bytes(memory.buf[:5]), len(os.listdir("/dev/shm")))
    memory.close()
    memory.unlink()
    process = multiprocessing.get_context("spawn").Process(target=square, args=(3,))
    process.start()
    process.join()
    print(process.exitcode, os.listdir("/dev/shm"))


def fill(name):
    memory = multiprocessing.shared_memory.SharedMemory(name)
    memory.buf[:5] = b"there"
    memory.close()


def database():
    say("a database")
    with sqlite3.connect("py.db") as base:
        base.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        base.executemany("INSERT INTO t (b) VALUES (?)", ((f"row {i}",) for i in range(20000)))
    with sqlite3.connect("py.db") as base:
        print(base.execute("SELECT count(*), max(b) FROM t WHERE a % 3 = 0").fetchall())


def waiting():
    say("waiting")
    reads, writes = os.pipe()
    print(select.select([reads], [writes], [], 0)[:2] == ([], [writes]))
    poll = select.poll()
    poll.register(reads, select.POLLIN)
    print(poll.poll(10))
    os.write(writes, b"x")
    print([event for _, event in poll.poll(10)])
    os.set_blocking(reads, False)
    print(os.read(reads, 9), refused(os.read, reads, 9))


def language():
    say("the language")
    text = json.dumps({"list": list(range(5)), "nested": {"a": None, "b": 1.5}}, sort_keys=True)
    print(text, json.loads(text)["nested"])
    numbers = random.Random(7)
    values = [numbers.random() for _ in range(100000)]
    print(sum(sorted(values)[:1000]) < sum(values), hash((1, 2)) == hash((1, 2)))
    print(pow(3, 10**5, 10**9 + 7), len(str(2**5000)))
    try:
        {}["missing"]
    except KeyError:
        print(traceback.format_exc().splitlines()[-1])
    sys.setrecursionlimit(20000)

    def deep(n):
        return n and 1 + deep(n - 1)
    print(deep(15000))
    print(eval(compile("sum(i * i for i in range(1000))", "x", "eval")))


def main():
    os.chdir(tempfile.mkdtemp())
    print(sys.version_info[:2], sys.platform, os.uname().machine, os.getuid())
    for part in (files, processes, threads, signals, waiting, many_processes, database, language, memory):
        try:
            part()
        except Exception:
            traceback.print_exc(file=sys.stdout)
    print("end", flush=True)
    raise SystemExit(42)


if __name__ == "__main__":
    main()
