"""The systemd unit is one that systemd understands, and agrees with the program it starts."""

import shutil
import subprocess
from pathlib import Path

import pytest

from ari_app.settings import PROJECT_ROOT, RecordingSettings, StoreSettings

UNIT = PROJECT_ROOT / "systemd" / "offhook.service"
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd-analyze here (apt package systemd)"
)


def values(key: str) -> list[str]:
    return [line.partition("=")[2] for line in UNIT.read_text().splitlines() if line.startswith(f"{key}=")]


def verify(text: str, folder: Path) -> str:
    """systemd's complaints about a unit; it also exits 0 with some, so what counts is that it says nothing."""
    unit = folder / UNIT.name
    unit.write_text(text)
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60, check=False
    )
    complaints = [line for line in (result.stdout + result.stderr).splitlines() if UNIT.name in line]
    return "\n".join(complaints) or ("" if result.returncode == 0 else result.stderr)


def startable(text: str) -> str:
    """The unit with a program that exists on this machine."""
    return text.replace("/opt/offhook/current/.venv/bin/offhook", "/bin/true")


@needs_systemd
def test_systemd_has_nothing_against_the_unit(tmp_path: Path) -> None:
    assert verify(startable(UNIT.read_text()), tmp_path) == ""


@needs_systemd
def test_systemd_would_tell(tmp_path: Path) -> None:
    assert "ProtectSistem" in verify(startable(UNIT.read_text()).replace("ProtectSystem", "ProtectSistem"), tmp_path)


def test_the_unit_starts_our_command_with_the_configuration_that_is_its_default() -> None:
    assert values("ExecStart") == ["/opt/offhook/current/.venv/bin/offhook run -c /etc/offhook/offhook.yaml"]
    assert values("Type") == ["notify"]
    assert values("NotifyAccess") == ["main"]


def test_the_store_and_the_recordings_lie_where_the_unit_may_write() -> None:
    (writable,) = values("ReadWritePaths")
    assert RecordingSettings().folder.is_relative_to(writable)
    assert Path(StoreSettings().url.removeprefix("sqlite:///")).is_relative_to(writable)
    assert f"d {RecordingSettings().folder} " in (UNIT.parent / "offhook.tmpfiles.conf").read_text()


def test_no_memory_protection_that_ctranslate2_cannot_live_with() -> None:
    assert values("MemoryDenyWriteExecute") == []
