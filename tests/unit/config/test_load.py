"""`check` and `load` on whole files: cross checks, passwords, paths."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ari_app.config import check, load
from ari_app.config.checks import _writable
from ari_app.errors import ConfigError

Write = Callable[..., Path]


def lines(path: Path) -> list[str]:
    return [str(error) for error in check(path)]


def test_a_right_file_has_no_mistakes(write: Write) -> None:
    path = write("")
    assert check(path) == []
    settings = load(path)
    assert settings.recording.folder == path.parent
    assert settings.store.url == f"sqlite:///{path.parent}/offhook.sqlite"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("asterisk: {ari_password: a, ami_password: b, ari_url: 'localhost:8088'}", "line 1: asterisk.ari_url: "),
        ("asterisk: {ari_password: a, ami_password: b, ari_url: 'http://h:99999'}", "line 1: asterisk.ari_url: "),
        (
            "asterisk: {ari_password: a, ami_password: b, ari_url: 'http://h:8088/pbx/ari/'}",
            "line 1: asterisk.ari_url: ends in /ari — write http://h:8088/pbx",
        ),
        ("asterisk: {ari_password: a, ami_password: b, app: 'my,app'}", "line 1: asterisk.app: is no name"),
        ("asterisk: {ami_password: b}", "asterisk.ari_password: is missing — set ari_password_file"),
        ("asterisk: {ari_password: a}", "asterisk.ami_password: is missing — set ami_password_file"),
        (
            "asterisk: {ari_password: a, ari_password_file: b, ami_password: c}",
            "line 1: asterisk.ari_password: is given twice — keep it or ari_password_file",
        ),
        (
            "asterisk:\n  ari_password: a\n  ami_password_file: none",
            "line 3: asterisk.ami_password_file: ",
        ),
        ("stt:\n  model: nowhere", "line 2: stt.model: no folder "),
        ("llm:\n  model: nowhere.gguf", "line 2: llm.model: no file "),
        ("tts:\n  model: nowhere.onnx", "line 2: tts.model: no file "),
        ("tts:\n  model: offhook.yaml", "offhook.yaml.json — put the voice's .onnx.json beside it"),
        ("vad:\n  model: nowhere.onnx", "line 2: vad.model: no file "),
        (
            "vad: {start_probability: 0.4, stop_probability: 0.4}",
            "line 1: vad.stop_probability: 0.4 is not lower than start_probability (0.4)",
        ),
        ("llm: {max_reply_tokens: 600, context_tokens: 512}", "line 1: llm.max_reply_tokens: 600 tokens do not fit"),
        ("recording:\n  folder: nowhere", "line 2: recording.folder: no folder "),
        ("recording: {folder: offhook.yaml}", "line 1: recording.folder: "),
        ("store: {url: 'sqlite:///nowhere/a.sqlite'}", "line 1: store.url: no folder "),
        ("store: {url: 'sqlite://'}", "line 1: store.url: is no SQLite or PostgreSQL URL"),
        ("store: {url: 'mysql://host/db'}", "line 1: store.url: is no SQLite or PostgreSQL URL"),
        ("agents: {}", "line 1: agents: there is no agent — describe at least one"),
        ("agents:", "line 1: agents: there is no agent"),
        ("agents: {'front desk': {}}", "line 1: agents.front desk: the dialplan cannot name it"),
        ("agents: {a: {prompt: ' '}}", "line 1: agents.a.prompt: is empty"),
        ("agents: {a: {phrases: {reprompts: []}}}", "line 1: agents.a.phrases.reprompts: is empty"),
        ("agents: {a: {phrases: {reprompts: [b, '']}}}", "line 1: agents.a.phrases.reprompts[2]: is empty"),
        ("agents: {a: {phrases: {apology: ''}}}", "line 1: agents.a.phrases.apology: is empty"),
    ],
)
def test_cross_checks(write: Write, text: str, wanted: str) -> None:
    found = lines(write(text))
    assert len(found) == 1, found
    assert wanted in found[0]


@pytest.mark.parametrize("target", ["200", "+4930123456", "*98", "internal,200,1", "from-sip.x,s,start", "a,_b,n-1"])
def test_transfer_targets(write: Write, target: str) -> None:
    assert lines(write(f"agents: {{a: {{transfers: {{x: '{target}'}}}}}}")) == []


@pytest.mark.parametrize(
    "target",
    ["", " 200", "sales", "a,b", "a,b,0", "a,b,c,d", "${X}", "a,$[1],1", "a,b&c,1", "1;2", "1|2", "a,b,1)", '"1\\n"'],
)
def test_transfer_targets_that_the_dialplan_would_interpret(write: Write, target: str) -> None:
    quoted = target if target.startswith('"') else f"'{target}'"
    found = lines(write(f"agents:\n  a:\n    transfers:\n      x: {quoted}\n"))
    assert [line.partition(" is ")[0] for line in found] == ["line 4: agents.a.transfers.x:"]


def test_what_recording_off_and_bridge_do_not_need(write: Write) -> None:
    assert lines(write("asterisk: {ari_password: a}\nrecording: {mode: off, folder: /nowhere}")) == []
    assert lines(write("asterisk: {ari_password: a}\nrecording: {mode: bridge, folder: .}")) == []


def test_no_reprompts_are_needed_when_none_are_asked(write: Write) -> None:
    assert lines(write("turn: {reprompts: 0}\nagents: {a: {phrases: {reprompts: []}}}")) == []


def test_a_postgresql_url(write: Write) -> None:
    path = write("store: {url: 'postgresql+psycopg://offhook:secret@db/offhook'}")
    assert check(path) == []
    assert load(path).store.url == "postgresql+psycopg://offhook:secret@db/offhook"


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("hunter2\n", "hunter2"),
        ("  hunter2  \nsecond line", "hunter2"),
        ("password = hunter2", "hunter2"),
        ("; a comment\nsecret=>hunter2 ; another\n", "hunter2"),
        ("[offhook]\ntype = user\npassword = a\\;b\n", "a;b"),
    ],
    ids=["first line", "spaces", "Asterisk", "comment", "section"],  # not the password: it would be in tmp_path
)
def test_password_files(write: Write, text: str, password: str) -> None:
    path = write("asterisk: {ari_password_file: secret, ami_password: b}")
    (path.parent / "secret").write_text(text)
    settings = load(path)
    assert settings.asterisk.ari_password == password
    assert password not in repr(settings)


@pytest.mark.parametrize("data", [b"", b"\n", b"password = ; gone", b"\xff\xfe"])
def test_password_files_without_one(write: Write, data: bytes) -> None:
    path = write("asterisk: {ari_password_file: secret, ami_password: b}")
    (path.parent / "secret").write_bytes(data)
    (found,) = lines(path)
    assert found.startswith("line 1: asterisk.ari_password_file: ")


def test_the_environment_wins(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_ARI_PASSWORD", "from outside")
    monkeypatch.setenv("OFFHOOK_AMI_PASSWORD", "also")
    asterisk = load(write("asterisk: {ari_password: a, ami_password_file: nowhere}")).asterisk
    assert (asterisk.ari_password, asterisk.ami_password) == ("from outside", "also")


def test_every_mistake_in_the_order_of_its_lines(write: Write) -> None:
    path = write(
        "asterisk: {ari_password: a, ami_password: b}\n"
        "vad: {stop_probability: 0.9}\n"
        "agents:\n"
        "  a:\n"
        "    greetings: hello\n"
        "    transfers: {x: '${y}'}\n"
        "turn: {endpoint_ms: 1}\n"
    )
    assert [(error.line, error.key) for error in check(path)] == [
        (2, "vad.stop_probability"),
        (5, "agents.a.greetings"),
        (6, "agents.a.transfers.x"),
        (7, "turn.endpoint_ms"),
    ]
    with pytest.raises(ConfigError, match=r"3 more mistakes: offhook check -c ") as raised:
        load(path)
    assert str(raised.value).startswith("line 2: vad.stop_probability: 0.9 is not lower than")


def test_a_key_that_is_wrong_in_itself_is_named_once(write: Write) -> None:
    assert len(lines(write("llm: {model: [x]}"))) == 1
    assert len(lines(write("agents: 5"))) == 1


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    (error,) = check(tmp_path / name)
    assert "cannot be read (" in str(error)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / name)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "offhook.yaml"
    path.write_bytes(b"turn:\n  a: \xe4\n")
    (error,) = check(path)
    assert str(error) == "line 2: is not UTF-8 text — save the file as UTF-8"


def test_syntax_is_named_alone(write: Write) -> None:
    assert len(lines(write("turn: [", rest=""))) == 1


def test_a_byte_order_mark_is_no_mistake(write: Write) -> None:
    path = write("")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert check(path) == []


def test_a_folder_that_is_not_writable(without_root: Path) -> None:
    shut = without_root / "shut"
    shut.mkdir(mode=0o500)
    (error,) = list(_writable(shut, "recording.folder", "-m 750"))
    assert str(error).startswith(f"recording.folder: {shut} is not writable for us — sudo install -d ")
    assert list(_writable(without_root, "recording.folder", "-m 750")) == []
