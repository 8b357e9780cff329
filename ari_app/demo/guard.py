"""Runs one program for as long as its owner lives: ``python guard.py [--remove FOLDER] PROGRAM ARGUMENT…``.

The owner holds the other end of our standard input and never writes to it. When that end closes, be it on purpose or
because the owner was killed, the program gets SIGTERM, and SIGKILL five seconds later, and FOLDER is removed. We are a
process of our own with one thread, so that no way of ending the owner can leave the program behind. Run by its path and
without site packages; imports the standard library only.
"""

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys

GRACE_S = 5.0
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def run(program: list[str]) -> int:
    """Run `program` until it ends or our standard input does; returns its exit status."""
    guard = os.getpid()
    prctl = ctypes.CDLL(None).prctl

    def die_with_guard() -> None:  # for the case that we are killed ourselves; sound because we have one thread
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(1)

    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    child = subprocess.Popen(program, stdin=subprocess.DEVNULL, preexec_fn=die_with_guard)  # noqa: S603
    while child.poll() is None:
        ready, _, _ = select.select([0, woken], [], [])
        if 0 in ready or set(os.read(woken, 64)) - {signal.SIGCHLD}:
            child.terminate()
            try:
                child.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
    return child.returncode


if __name__ == "__main__":
    arguments = sys.argv[1:]
    folder = ""
    if arguments[0] == "--remove":
        folder, arguments = arguments[1], arguments[2:]
    status = run(arguments)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(status if status >= 0 else 128 - status)
