"""Settings given beside the file: laid over it, checked like it, and named as what they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ari_app.config import Override, check, load
from ari_app.errors import ConfigError

Write = Callable[..., Path]
FILE = """\
turn:
  endpoint_ms: 500
barge_in:
agents: {a: {greeting: Hello}, b: }
"""


def overrides(*settings: str) -> list[Override]:
    return [Override(*setting.split("=", 1)) for setting in settings]


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("turn.endpoint_ms=300", "turn.endpoint_ms", 300),  # in place of a line of the file
        ("turn.reprompts=0", "turn.reprompts", 0),  # beside it
        ("barge_in.enabled=off", "barge_in.enabled", False),  # every line of the section was commented out
        ("vad.min_speech_ms=64", "vad.min_speech_ms", 64),  # a section that the file does not have
        ("vad.model=", "vad.model", None),
        ("agents.a.greeting='Yes: hello'", "agents.a.greeting", "Yes: hello"),
        ("agents.a.greeting=", None, None),
        ("agents.b.phrases.reprompts=['One?', 'Two?']", "agents.b.phrases.reprompts", ("One?", "Two?")),
        ("agents.c.endpoint_ms=300", "agents.c.endpoint_ms", 300),
    ],
)
def test_values(write: Write, setting: str, path: str | None, value: Any) -> None:
    file = write(FILE)
    if path is None:
        assert "must be a text, not empty" in str(check(file, overrides(setting))[0])
        return
    found: Any = load(file, overrides(setting))
    for name in path.split("."):
        found = found[name] if isinstance(found, dict) else getattr(found, name)
    assert found == value


def test_the_rest_of_the_file_stays(write: Write) -> None:
    settings = load(write(FILE), overrides("turn.reprompts=0", "agents.a.max_seconds=60", "turn.endpoint_ms=450"))
    assert (settings.turn.endpoint_ms, settings.turn.reprompts) == (450, 0)
    assert settings.agents["a"].greeting == "Hello"
    assert settings.asterisk.ari_password == "one"


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ("turn.endpoint_ms=5", "--set turn.endpoint_ms: 5 is out of bounds — use a value from 100 to 3000"),
        ("turn.endpoint_ms=soon", "--set turn.endpoint_ms: must be a whole number, not 'soon'"),
        ("turn.endpoint_mss=300", "--set turn.endpoint_mss: unknown key — did you mean endpoint_ms?"),
        ("turns.endpoint_ms=300", "--set turns: unknown key — did you mean turn?"),
        ("endpoint_ms=300", "--set endpoint_ms: unknown key — did you mean turn.endpoint_ms?"),
        ("turn.endpoint_ms.x=300", "--set turn.endpoint_ms: must be a whole number, not a section"),
        ("turn=300", "--set turn: must be a section of `name: value` lines, not '300'"),
        ("=300", "--set : has a key that is not a plain name"),
        ("turn.endpoint_ms=2000", "--set turn.endpoint_ms: endpoint_min_ms 240, endpoint_ms 2000, "),
        ("agents.a.greeting=[x", "--set agents.a.greeting: the value is not valid YAML — quote texts"),
        ("agents.a.phrases.reprompts=['']", "--set agents.a.phrases.reprompts[1]: is empty"),
        ("stt.model=nowhere", "--set stt.model: no folder "),
    ],
)
def test_mistakes_are_named_without_a_line(write: Write, setting: str, wanted: str) -> None:
    found = {str(error) for error in check(write(FILE), overrides(setting))}
    assert len(found) == 1
    assert found.pop().startswith(wanted)
    with pytest.raises(ConfigError):
        load(write(FILE), overrides(setting))


def test_a_mistake_of_the_file_keeps_its_line(write: Write) -> None:
    found = check(write("turn:\n  endpoint_ms: 5\n  reprompts: 99\n"), overrides("turn.endpoint_ms=300"))
    assert [(error.line, error.key) for error in found] == [(3, "turn.reprompts")]
    found = check(write("turn:\n  endpoint_ms: 500\n"), overrides("turn.endpoint_min_ms=600"))
    assert [(error.line, error.key) for error in found] == [(2, "turn.endpoint_ms")]


def test_no_section_at_all_is_the_files_mistake(write: Write) -> None:
    file = write("", rest="")
    file.write_text("- a list\n")
    assert any("line 1: must be a section" in str(error) for error in check(file, overrides("turn.reprompts=0")))


def test_sections_that_do_not_matter(write: Write) -> None:
    file = write("recording: {folder: nowhere}\nasterisk: {}\nturn: {endpoint_ms: 5}\n")
    unneeded = ("asterisk", "recording")
    assert [error.key for error in check(file, without=unneeded)] == ["turn.endpoint_ms"]
    settings = load(file, overrides("turn.endpoint_ms=300"), without=unneeded)
    assert settings.turn.endpoint_ms == 300
    with pytest.raises(ConfigError):
        load(file, overrides("turn.endpoint_ms=300"))
