"""An `offhook run` of our own beside a private Asterisk: its configuration, its start and its end.

Used by the demo, the tests and the benchmarks. Readiness is what systemd would see: ``READY=1`` on NOTIFY_SOCKET.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ari_app.demo.asterisk import PrivateAsterisk
from ari_app.errors import OffhookError

DESTINATIONS = ("reception", "sales", "support", "billing", "doctor", "nurse", "manager")
"""Whom the demonstration agent may transfer to; each is an extension of the private Asterisk."""


AGENTS: dict[str, dict[str, Any]] = {
    "receptionist": {"transfers": {name: f"destinations,{name},1" for name in DESTINATIONS}},
    "night": {"greeting": "Lakeside Clinic, we are closed now. How can I help you?"},
}
"""The demonstration's agents: one for the day, and one for the night, when nobody is there to transfer to."""


def demo_config(pbx: PrivateAsterisk, folder: Path, sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The configuration of a demonstration agent on `pbx`, its files in `folder`; `sections` are laid over it."""
    config: dict[str, dict[str, Any]] = {
        "asterisk": {
            "ari_url": pbx.ari_url,
            "ari_username": pbx.ari_username,
            "ari_password_file": str(pbx.ari_password_file),
            "ami_port": pbx.ami_port,
            "ami_username": pbx.ami_username,
            "ami_password_file": str(pbx.ami_password_file),
        },
        "recording": {"folder": str(folder / "recordings")},
        "agi": {"port": 0},
        "metrics": {"port": 0},
        "store": {"url": f"sqlite:///{folder / 'offhook.sqlite'}"},
        "capacity": {"file": str(folder / "capacity.json")},
        "agents": dict(AGENTS),
    }
    for name, section in sections.items():
        config.setdefault(name, {}).update(section)
    return config


OFFHOOK_RUN = ("ari_app.cli", "run", "--log-level", "debug", "-c")
"""A module and its arguments, before the configuration file."""


class AgentProcess:
    """One `offhook run`, or a program like it, with a configuration of its own in `folder`."""

    def __init__(self, config: Mapping[str, Any], folder: Path, program: Sequence[str] = OFFHOOK_RUN) -> None:
        self.folder = folder.absolute()
        self.config_file = self.folder / "offhook.yaml"
        self.log_file = self.folder / "offhook.log"
        (self.folder / "recordings").mkdir(parents=True, exist_ok=True)
        self.config_file.write_text(json.dumps(config, indent=2))  # JSON is YAML
        self._command = (sys.executable, "-m", *program, str(self.config_file))
        self._process: subprocess.Popen[bytes] | None = None
        self._notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    @property
    def pid(self) -> int:
        """Of the running process."""
        if self._process is None:
            raise RuntimeError("the agent is not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self, timeout_s: float = 60.0) -> Self:
        """Start and return when it is ready to take calls. Raises OffhookError with its last words."""
        ready = self._notified
        ready.bind(f"\0offhook-{os.getpid()}-{time.monotonic_ns()}")  # abstract: leaves no file
        ready.settimeout(0.1)
        name = "@" + ready.getsockname()[1:].decode()
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "NOTIFY_SOCKET": name},
                start_new_session=True,  # a Ctrl-C is for us; we end the call first
            )
        deadline = time.monotonic() + timeout_s
        while self.running and time.monotonic() < deadline:
            try:
                if b"READY=1" in ready.recv(4096):
                    return self
            except TimeoutError:
                continue
        what = "was not ready in time" if self.running else f"ended with status {self._process.returncode}"
        self.stop()
        raise OffhookError(f"the agent {what}: {self.last_words()}")

    def stop(self) -> int:
        """End it by SIGTERM, by force after 15 s; returns its exit status. Idempotent."""
        if self._process is None:
            return 0
        if self.running:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._notified.close()
        return self._process.wait()

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self.stop()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:  # Ctrl-C too: it does not reach a process of another session
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def last_words(self, lines: int = 5) -> str:
        """The last lines it logged."""
        text = self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
        return " / ".join(line.strip() for line in text.splitlines()[-lines:] if line.strip())
