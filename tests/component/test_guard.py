"""The guard of a private Asterisk, with other programs in Asterisk's place."""

import os
import subprocess
import sys
import time

import pytest

from ari_app.demo.asterisk import GUARD


def guarded(*arguments):
    return subprocess.Popen(
        [sys.executable, "-I", "-S", GUARD, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def gone(pid, timeout_s=10):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("arguments", [["true"], ["sh", "-c", "exit 3"]])
def test_it_ends_with_its_program(arguments):
    with guarded(*arguments) as guard:
        assert guard.wait(10) == (3 if "exit 3" in arguments else 0)


def test_a_closed_input_ends_the_program_and_removes_the_folder(tmp_path):
    folder = tmp_path / "box"
    folder.mkdir()
    with guarded("--remove", str(folder), "sh", "-c", "echo $$; exec sleep 60") as guard:
        pid = int(guard.stdout.readline())
        guard.stdin.close()
        assert guard.wait(10) == 128 + 15
    assert gone(pid)
    assert not folder.exists()


def test_a_terminated_guard_takes_its_program_along():
    with guarded("sh", "-c", "echo $$; exec sleep 60") as guard:
        pid = int(guard.stdout.readline())
        guard.terminate()
        assert guard.wait(10) == 128 + 15
    assert gone(pid)


def test_a_killed_guard_takes_its_program_along():
    with guarded("sh", "-c", "echo $$; exec sleep 60") as guard:
        pid = int(guard.stdout.readline())
        guard.kill()
    assert gone(pid)


def test_a_program_that_does_not_listen_is_killed(tmp_path):
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with guarded(sys.executable, "-c", stubborn) as guard:
        guard.stdout.readline()
        guard.stdin.close()
        assert guard.wait(20) == 128 + 9
