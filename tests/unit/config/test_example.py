"""offhook.example.yaml is in step with settings.py: it loads, every key is in it, and shows its default."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from ari_app.config import check, load
from ari_app.config.tree import TreeReader
from ari_app.settings import PROJECT_ROOT, AgentSettings, Settings

EXAMPLE = PROJECT_ROOT / "offhook.example.yaml"
UNCOMMENTED = re.sub(r"^( *)#(?=[a-z_]+:)", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
DEFAULTS = Settings(agents={"receptionist": AgentSettings()})


def keys(value: Any, prefix: str = "") -> Iterator[str]:
    for field in fields(value):
        child, key = getattr(value, field.name), prefix + field.name
        yield key
        if is_dataclass(child):
            yield from keys(child, key + ".")


def test_every_field_is_in_it_once() -> None:
    reader = TreeReader(PROJECT_ROOT)
    reader.read(UNCOMMENTED, Settings)
    wanted = {*keys(Settings()), "agents.receptionist", *keys(AgentSettings(), "agents.receptionist.")}
    assert not reader.errors
    assert set(reader.lines) == wanted


def test_its_commented_values_are_the_defaults() -> None:
    assert TreeReader(PROJECT_ROOT).read(UNCOMMENTED, Settings) == DEFAULTS


def test_as_it_stands_it_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With passwords from the environment; only the two folders of an installed system are missing here."""
    monkeypatch.setenv("OFFHOOK_ARI_PASSWORD", "a")
    monkeypatch.setenv("OFFHOOK_AMI_PASSWORD", "b")
    here = tmp_path / "offhook.yaml"
    text = EXAMPLE.read_text(encoding="utf-8")
    text = text.replace("  #folder: /var/lib/offhook/recordings", "  folder: .")
    here.write_text(text.replace("  #url: sqlite:////var/lib/offhook/", "  url: sqlite:///"), encoding="utf-8")
    assert check(here) == []
    assert list(load(here).agents) == ["receptionist"]
