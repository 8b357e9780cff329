"""A private Asterisk on loopback for the demo and the tests: started, asked and stopped.

It has free ports, random passwords and one folder of its own, and loads the very files of asterisk_conf/. Any number
can run at once. It does not outlive the process that started it, however that ends (see guard.py).
"""

import base64
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from ari_app.demo.asterisk_install import AsteriskInstall
from ari_app.errors import AsteriskError
from ari_app.settings import PROJECT_ROOT

TEMPLATES = Path(__file__).parent / "pbx"
DROP_INS = PROJECT_ROOT / "asterisk_conf"
GUARD = Path(__file__).parent / "guard.py"
EMPTY_FILES = (
    *("acl", "ccss", "cdr", "cel", "chan_websocket", "codecs", "features", "musiconhold", "pjproject"),
    *("res_http_media_cache", "sorcery", "stasis", "udptl", "websocket_client"),
)
"""Configuration files that Asterisk's modules want to find, though nothing need stand in them."""
REMEDY = "free a port, some memory or disk space, then try again"
SOCKET_PATH_BYTES = 107
"""Longest path of a Unix socket on Linux; Asterisk's control socket is one."""


class PrivateAsterisk:
    """One Asterisk. All methods wait (some for a second): call them in a thread from an event loop that must not.

    `folder` gets its files and keeps them; without one they go to a temporary folder that is removed at the end.
    """

    def __init__(self, install: AsteriskInstall, folder: Path | None = None) -> None:
        self.install = install
        self._temporary = folder is None
        self.folder = (folder or Path(tempfile.mkdtemp(prefix="offhook-pbx-"))).absolute()
        self.ari_username = self.ami_username = "offhook"
        self.sip_port, self.http_port, self.ami_port = _free_ports()
        self.phone_password = secrets.token_urlsafe(16)
        self._ari_password = secrets.token_urlsafe(24)
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def ari_url(self) -> str:
        """As in ``asterisk.ari_url`` of the settings."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def ari_password_file(self) -> Path:
        """As in ``asterisk.ari_password_file`` of the settings."""
        return self.folder / "etc/offhook/ari_secret.conf"

    @property
    def ami_password_file(self) -> Path:
        """As in ``asterisk.ami_password_file`` of the settings."""
        return self.folder / "etc/offhook/manager_secret.conf"

    @property
    def log_file(self) -> Path:
        """Everything Asterisk says: NOTICE, WARNING, ERROR and its running commentary."""
        return self.folder / "log/messages"

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._guard is not None and self._guard.poll() is None

    def start(self, timeout_s: float = 60.0) -> Self:
        """Start it and return once calls and logins work. Raises AsteriskError with its last words."""
        try:
            self._write_configuration()
            self._launch()
            self._wait_until_booted(time.monotonic() + timeout_s)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the process, kindly at first, and remove a temporary folder; idempotent."""
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            self._guard.wait()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def command(self, cli: str) -> str:
        """Run a command of Asterisk's command line, as in ``asterisk -rx``, and return what it prints.

        Raises AsteriskError when there is no Asterisk, or none that answers.
        """
        try:
            done = subprocess.run(  # noqa: S603
                self._command("-rx", cli),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise AsteriskError(f"Asterisk did not take the command {cli!r}: {error}", "see its log") from error
        return done.stdout

    def channels(self) -> list[str]:
        """The names of all channels there are."""
        lines = self.command("core show channels concise").splitlines()
        return [line.split("!")[0] for line in lines if "!" in line]

    def bridges(self) -> list[str]:
        """The ids of all bridges there are."""
        return [line.split()[0] for line in self.command("bridge show all").splitlines()[1:] if line.strip()]

    def results(self, sip_call_id: str, timeout_s: float = 5.0) -> dict[str, str]:
        """The OFFHOOK_* variables that are not empty, as the dialplan saw them when the call was over.

        Waits until it is. Raises AsteriskError after `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            lines = [line.strip() for line in self.command("dialplan show globals").splitlines()]
            ours = [line.removeprefix(f"{sip_call_id}/") for line in lines if line.startswith(f"{sip_call_id}/")]
            values = {name: urllib.parse.unquote(value) for name, _, value in (line.partition("=") for line in ours)}
            if values.pop("END", None):
                return {name: value for name, value in values.items() if value}
            if time.monotonic() > deadline:
                raise AsteriskError(f"the call {sip_call_id} has left no results", "see whether it is over")
            time.sleep(0.05)

    def last_words(self, lines: int = 8) -> str:
        """The last warnings and errors it logged, or else the last lines of any kind."""
        text = ""
        for file in (self.folder / "log/console", self.log_file):
            text += file.read_text(errors="replace") if file.exists() else ""
        said = [line.strip() for line in text.splitlines() if line.strip()]
        return " / ".join(([line for line in said if "ERROR" in line or "WARNING" in line] or said)[-lines:])

    def _command(self, *arguments: str) -> list[str]:
        return [*self.install.command, "-C", str(self.folder / "etc/asterisk.conf"), *arguments]

    def _write_configuration(self) -> None:
        if len(os.fsencode(self.folder / "run/asterisk.ctl")) > SOCKET_PATH_BYTES:
            raise AsteriskError(f"the path {self.folder} is too long for a socket", "use a folder with a shorter path")
        for name in ("etc/offhook", "var", "spool/recording", "run", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        values = {
            "FOLDER": self.folder,
            "MODULES": self.install.modules,
            "DATA": self.install.data,
            "SIP_PORT": self.sip_port,
            "HTTP_PORT": self.http_port,
            "AMI_PORT": self.ami_port,
            "PHONE_PASSWORD": self.phone_password,
        }
        for name in EMPTY_FILES:
            (self.folder / f"etc/{name}.conf").touch()
        for template in TEMPLATES.glob("*.conf"):
            text = template.read_text()
            for name, value in values.items():
                text = text.replace(f"@{name}@", str(value))
            (self.folder / "etc" / template.name).write_text(text)
        for file in DROP_INS.glob("*.conf"):
            shutil.copyfile(file, self.folder / "etc/offhook" / file.name)
        _write_secret(self.ari_password_file, f"password = {self._ari_password}\n")
        _write_secret(self.ami_password_file, f"secret = {secrets.token_urlsafe(24)}\n")

    def _launch(self) -> None:
        remove = ["--remove", str(self.folder)] if self._temporary else []
        with (self.folder / "log/console").open("wb") as console:
            self._guard = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", str(GUARD), *remove, *self._command("-f")],
                stdin=subprocess.PIPE,  # never written to: the guard sees it close
                stdout=console,
                stderr=console,
                cwd=self.folder,
                start_new_session=True,  # a Ctrl-C is for us; we stop Asterisk after the calls are over
            )

    def _wait_until_booted(self, deadline: float) -> None:
        control = self.folder / "run/asterisk.ctl"
        while self.running and time.monotonic() < deadline:
            if control.exists() and self._booted():
                self._log_in()
                return
            time.sleep(0.05)
        what = "did not start within its time" if self.running else "ended while it started"
        raise AsteriskError(f"the private Asterisk {what}: {self.last_words()}", REMEDY)

    def _booted(self) -> bool:
        try:
            self.command("core waitfullybooted")
        except AsteriskError:  # not yet
            return False
        return True

    def _log_in(self) -> None:
        """See that it is ours that answers on our ports: no other knows our password."""
        login = base64.b64encode(f"{self.ari_username}:{self._ari_password}".encode()).decode()
        url = f"{self.ari_url}/ari/asterisk/info?only=system"
        request = urllib.request.Request(url, headers={"Authorization": f"Basic {login}"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=5), socket.create_connection(("127.0.0.1", self.ami_port), 5):  # noqa: S310
                pass
        except OSError as error:
            raise AsteriskError(
                f"the private Asterisk does not answer ({error}): {self.last_words()}", REMEDY
            ) from error


def _write_secret(file: Path, text: str) -> None:
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as secret:
        secret.write(text)


def _free_ports() -> tuple[int, int, int]:
    """A free UDP port and two free TCP ports of loopback, all held until all are known."""
    kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_STREAM)
    sockets = [socket.socket(socket.AF_INET, kind) for kind in kinds]
    try:
        for held in sockets:
            held.bind(("127.0.0.1", 0))
        sip, http, ami = (int(held.getsockname()[1]) for held in sockets)
        return sip, http, ami
    finally:
        for held in sockets:
            held.close()
