"""The box under test: a private Asterisk and an `offhook run` beside it, both in processes of their own."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ari_app.demo.agent_process import OFFHOOK_RUN, AgentProcess, demo_config
from ari_app.demo.asterisk import PrivateAsterisk
from ari_app.demo.asterisk_install import find_or_fetch


@dataclass(frozen=True)
class Box:
    """A running PBX with a running agent."""

    pbx: PrivateAsterisk
    agent: AgentProcess

    @property
    def store_url(self) -> str:
        """Of the agent's store."""
        return f"sqlite:///{self.agent.folder / 'offhook.sqlite'}"


@contextlib.contextmanager
def box(program: Sequence[str] = OFFHOOK_RUN, *, start_s: float = 60.0, **sections: dict) -> Iterator[Box]:
    """Start both, with configuration sections of one's own; stopped and removed at the end.

    `start_s` is how long the agent may take.
    """
    with tempfile.TemporaryDirectory(prefix="offhook-bench-") as folder, PrivateAsterisk(find_or_fetch()) as pbx:
        agent = AgentProcess(demo_config(pbx, Path(folder), sections), Path(folder), program)
        try:
            yield Box(pbx, agent.start(start_s))
        finally:
            agent.stop()


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB (10^6 bytes)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
