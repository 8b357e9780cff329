"""What a load costs and leaves behind: cores and memory of the agent, Asterisk and the callers; orphans in Asterisk."""

import base64
import json
import os
import time
import urllib.parse
import urllib.request
from pathlib import Path

from ari_app.config.secrets import read_secret
from ari_app.demo.asterisk import PrivateAsterisk
from tests.bench.box import Box, cpu_seconds, resident_mb
from tests.bench.figures import Figure

GONE_S = 10.0
"""How long Asterisk may take to end what hangs up."""


class Strain:
    """Cores used from its making on."""

    def __init__(self, under_test: Box) -> None:
        self._agent = under_test.agent.pid
        self._pids = {"agent": self._agent, "asterisk": asterisk_pid(under_test.pbx), "callers": os.getpid()}
        self._begun = time.monotonic()
        self._before = {name: cpu_seconds(pid) for name, pid in self._pids.items()}

    def cores(self) -> dict[str, float]:
        """Of each of the three, since the beginning."""
        passed = time.monotonic() - self._begun
        return {name: (cpu_seconds(pid) - self._before[name]) / passed for name, pid in self._pids.items()}

    def figures(self, name: str) -> list[Figure]:
        """Cores of each, and the agent's resident memory."""
        cores = self.cores()
        return [
            Figure(f"{name}.cores", cores["agent"], "", 1),
            Figure(f"{name}.asterisk_cores", cores["asterisk"], "", 1),
            Figure(f"{name}.callers_cores", cores["callers"], "", 1),
            Figure(f"{name}.memory_mb", resident_mb(self._agent), "MB", 1),
        ]


def asterisk_pid(pbx: PrivateAsterisk) -> int:
    """The process of a private Asterisk."""
    return int((pbx.folder / "run/asterisk.pid").read_text())


def orphans(pbx: PrivateAsterisk, app: str = "offhook") -> list[str]:
    """Channels and bridges that are left after the last call, and what ARI still holds for the application."""
    deadline = time.monotonic() + GONE_S
    while left := pbx.channels() + pbx.bridges() + _held(pbx, app):
        if time.monotonic() > deadline:
            return left
        time.sleep(0.2)
    return []


def open_files(pid: int) -> int:
    """How many files and sockets a process holds."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _held(pbx: PrivateAsterisk, app: str) -> list[str]:
    """What the application is subscribed to, and all that ARI lists."""
    about = _ask(pbx, f"applications/{urllib.parse.quote(app)}")
    listed = [item["id"] for kind in ("channels", "bridges") for item in _ask(pbx, kind)]
    return [*about["channel_ids"], *about["bridge_ids"], *listed]


def _ask(pbx: PrivateAsterisk, path: str):
    login = f"{pbx.ari_username}:{read_secret(pbx.ari_password_file)}".encode()
    headers = {"Authorization": f"Basic {base64.b64encode(login).decode()}"}
    request = urllib.request.Request(f"{pbx.ari_url}/ari/{path}", headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)
