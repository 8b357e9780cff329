"""YAML → dataclasses: what is read, and every kind of mistake with its key and line."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.config.tree import TreeReader
from ari_app.settings import Settings


def read(text: str) -> tuple[Settings | None, list[str]]:
    reader = TreeReader(Path("/etc/offhook"))
    settings = reader.read(text, Settings)
    return settings, [str(error) for error in reader.errors]


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("recording: {mode: off}", "recording.mode", "off"),  # YAML 1.1 takes it for false
        ("stt: {language: no}", "stt.language", "no"),
        ("asterisk: {ari_password: 0123}", "asterisk.ari_password", "0123"),
        ("asterisk: {ari_password: 12:30}", "asterisk.ari_password", "12:30"),
        ("asterisk: {ari_password: ''}", "asterisk.ari_password", ""),
        ("barge_in: {enabled: no}", "barge_in.enabled", False),
        ("barge_in: {enabled: True}", "barge_in.enabled", True),
        ("turn: {endpoint_ms: 1_000}", "turn.endpoint_ms", 1000),
        ("turn: {endpoint_ms: 3000}", "turn.endpoint_ms", 3000),
        ("vad: {start_probability: .6}", "vad.start_probability", 0.6),
        ("tts: {length_scale: 1}", "tts.length_scale", 1.0),
        ("stt: {min_log_probability: -1.0}", "stt.min_log_probability", -1.0),
        ("device: cpu", "device", "cpu"),
        ("llm: {model: m.gguf}", "llm.model", Path("/etc/offhook/m.gguf")),
        ("llm: {model: /srv/m.gguf}", "llm.model", Path("/srv/m.gguf")),
        ("llm: {model: ~/m.gguf}", "llm.model", Path("~/m.gguf").expanduser()),
        ("vad: {model: null}", "vad.model", None),
        ("vad: {model: v.onnx}", "vad.model", Path("/etc/offhook/v.onnx")),
        ("turn:", "turn.endpoint_ms", 400),  # every line of the section is commented out
        ("", "turn.endpoint_ms", 400),
        ("# nothing", "turn.endpoint_ms", 400),
    ],
)
def test_values(text: str, path: str, value: Any) -> None:
    settings, errors = read(text)
    assert errors == []
    found: Any = settings
    for name in path.split("."):
        found = getattr(found, name)
    assert found == value
    assert type(found) is type(value) or isinstance(found, Path)


def test_agents_with_transfers_and_phrases() -> None:
    settings, errors = read(
        "agents:\n"
        "  front desk: {greeting: '', transfers: {sales: 200, nurse: 'internal,12,1'}}\n"
        "  plain:\n"
        "  other:\n"
        "    phrases:\n"
        "      reprompts:\n"
        "        - Hello?\n"
        "        - yes\n"
    )
    assert errors == []
    assert settings is not None
    assert settings.agents["front desk"].transfers == {"sales": "200", "nurse": "internal,12,1"}
    assert settings.agents["front desk"].greeting == ""
    assert settings.agents["plain"].max_seconds == 900
    assert settings.agents["other"].phrases.reprompts == ("Hello?", "yes")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("turn:\n  endpoint_msec: 4", "line 2: turn.endpoint_msec: unknown key — did you mean endpoint_ms?"),
        ("a: 1\nturns:\n  endpoint_ms: 4", "line 2: turns: unknown key — did you mean turn?"),
        ("endpoint_ms: 4", "line 1: endpoint_ms: unknown key — did you mean turn.endpoint_ms?"),
        ("turn: {zzz: 1}", "line 1: turn.zzz: unknown key — known here: endpoint_ms, endpoint_min_ms, "),
        ("agents: {a: {greting: x}}", "line 1: agents.a.greting: unknown key — did you mean greeting?"),
        ("turn: {reprompts: 1}\n\nturn: {}", "line 3: turn: is given twice, first in line 1 — keep one of them"),
        ("agents: {a: {}, a: {}}", "line 1: agents.a: is given twice, first in line 1"),
        ("turn:\n  endpoint_ms: soon", "line 2: turn.endpoint_ms: must be a whole number, not 'soon'"),
        ("turn: {endpoint_ms: 400.5}", "line 1: turn.endpoint_ms: must be a whole number, not '400.5'"),
        ("turn: {endpoint_ms: '400'}", "line 1: turn.endpoint_ms: must be a whole number, not a text"),
        ("turn: {endpoint_ms: 0400}", "line 1: turn.endpoint_ms: must be a whole number, not '0400'"),
        ("turn: {endpoint_ms: 1:30}", "line 1: turn.endpoint_ms: must be a whole number, not '1:30'"),
        ("turn: {endpoint_ms: [4]}", "line 1: turn.endpoint_ms: must be a whole number, not a list"),
        ("turn: {endpoint_ms: }", "line 1: turn.endpoint_ms: must be a whole number, not empty"),
        ("turn: {endpoint_ms: 99}", "turn.endpoint_ms: 99 is out of bounds — use a value from 100 to 3000"),
        ("llm: {temperature: 2.5}", "llm.temperature: 2.5 is out of bounds — use a value from 0.0 to 2.0"),
        ("llm: {temperature: .nan}", "llm.temperature: must be a number, not '.nan'"),
        ("llm: {temperature: .inf}", "llm.temperature: must be a number, not '.inf'"),
        ("llm: {temperature: 1e999}", "llm.temperature: must be a number, not '1e999'"),
        ("barge_in: {enabled: 1}", "barge_in.enabled: must be true or false, not '1'"),
        ("barge_in: {enabled: 'yes'}", "barge_in.enabled: must be true or false, not a text"),
        ("media: {transport: websockets}", "media.transport: 'websockets' is not one of auto, websocket, audiosocket"),
        ("media: {transport: websockets}", "did you mean websocket?"),
        ("media: {listen: [auto]}", "media.listen: must be one of auto, direct, snoop, not a list"),
        ("llm: {model: {a: b}}", "llm.model: must be a path, not a section"),
        ("llm: {model: ''}", "llm.model: is empty — give a path"),
        ("llm: {model: ~nobody-at-all/m}", "llm.model: ~nobody-at-all/m: no such user"),
        ("llm: {model: null}", "llm.model: must be a path, not empty"),
        ("agents: {a: {greeting: }}", 'agents.a.greeting: must be a text, not empty — write "" for an empty text'),
        ("agents: {a: {greeting: !x y}}", "agents.a.greeting: has the tag !x — remove it: tags are not supported"),
        ("agents: {a: {transfers: [1]}}", "agents.a.transfers: must be a section of `name: value` lines, not a list"),
        ("agents: {a: {phrases: {reprompts: x}}}", "agents.a.phrases.reprompts: must be a list, not 'x'"),
        ("agents: {a: {phrases: {reprompts: [x, [y]]}}}", "agents.a.phrases.reprompts[2]: must be a text, not a list"),
        ("agents: [a]", "line 1: agents: must be a section of `name: value` lines, not a list"),
        ("turn: 5", "line 1: turn: must be a section of `name: value` lines, not '5'"),
        ("[1, 2]", "line 1: must be a section of `name: value` lines, not a list"),
        ("? [a]\n: b", "line 1: has a key that is not a plain name"),
        ("turn:\n  a: [", "is not valid YAML: "),
        ("turn:\n\tendpoint_ms: 4", "line 2: is not valid YAML: found character '\\t'"),
        ("turn:\n\tendpoint_ms: 4", "indent with spaces, not tabs"),
        ("a: 1\nb: \x07", "line 2: is not valid YAML: a control character"),
        ("a: 1\n---\nb: 2", "is not valid YAML: but found another document"),
        ("a: *nowhere", "line 1: is not valid YAML: found undefined alias"),
        ("[" * 3000, "is not valid YAML: nested too deeply"),
    ],
)
def test_mistakes(text: str, wanted: str) -> None:
    _, errors = read(text)
    assert any(wanted in error for error in errors), errors


def test_every_mistake_is_named_in_one_pass() -> None:
    settings, errors = read(
        "turn:\n  endpoint_ms: x\n  reprompts: 99\nmedia: {listen: loud}\nagents:\n  a: {prompt: [], max_seconds: 1}\n"
    )
    assert [error.partition(": ")[0] for error in errors] == ["line 2", "line 3", "line 4", "line 6", "line 6"]
    assert settings is not None
    assert settings.turn.endpoint_ms == 400, "a wrong value leaves the default, so that the rest can be checked"


def test_a_wrong_password_is_not_repeated() -> None:
    for text in ("asterisk: {ari_password: [hunter2]}", "asterisk: {ari_password: !x hunter2}"):
        settings, errors = read(text)
        assert "hunter2" not in "".join(errors) + repr(settings)


@given(st.text(max_size=60))
def test_never_raises(text: str) -> None:
    read(text)


@given(st.recursive(st.text("ab:{}[]- \n#&*!'\"", max_size=6), lambda inner: st.lists(inner).map("\n".join)))
def test_never_raises_on_near_yaml(text: str) -> None:
    read("turn: " + text)
