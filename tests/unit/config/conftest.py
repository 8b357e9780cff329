"""A configuration file that is right, to be made wrong in one place."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

GOOD = """\
asterisk: {ari_password: one, ami_password: two}
recording: {folder: .}
store: {url: "sqlite:///offhook.sqlite"}
"""
AGENT = "agents: {receptionist: {}}\n"


@pytest.fixture(autouse=True)
def _no_passwords_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OFFHOOK_ARI_PASSWORD", raising=False)
    monkeypatch.delenv("OFFHOOK_AMI_PASSWORD", raising=False)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a configuration: the given lines, then whatever sections they leave out."""

    def _write(text: str, *, rest: str = GOOD + AGENT) -> Path:
        given = {line.partition(":")[0] for line in text.splitlines() if line[:1].isalpha()}
        rest = "".join(f"{line}\n" for line in rest.splitlines() if line.partition(":")[0] not in given)
        path = tmp_path / "offhook.yaml"
        path.write_text(text + ("" if text.endswith("\n") or not text else "\n") + rest, encoding="utf-8")
        return path

    return _write


@pytest.fixture
def without_root() -> Iterator[Path]:
    """A folder of our own while root's rights are put aside (tmp_path is closed to others)."""
    folder = Path(tempfile.mkdtemp())
    user = os.geteuid()
    nobody = 65534
    if user == 0:
        os.chown(folder, nobody, nobody)
        os.seteuid(nobody)
    yield folder
    os.seteuid(user)
    shutil.rmtree(folder)
