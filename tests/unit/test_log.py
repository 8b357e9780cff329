"""Log lines: one a record, fields rendered, nothing that could forge a second line."""

import json
import logging
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app import log


def record(text: str, levelno: int = logging.WARNING, exc: BaseException | None = None, **extra: object) -> object:
    made = logging.makeLogRecord({"name": "ari_app.media.rtp", "msg": text, "created": 1.25, "msecs": 250.0})
    made.levelno, made.levelname = levelno, logging.getLevelName(levelno)
    made.exc_info = (type(exc), exc, exc.__traceback__) if exc else None
    vars(made).update(extra)
    return made


@pytest.mark.parametrize(
    ("extra", "wanted"),
    [
        ({}, "media.rtp: leg closed"),
        ({"call": "1a", "ms": 2.5, "ok": True}, "media.rtp: leg closed call=1a ms=2.5 ok=True"),
        ({"error": "no such file"}, 'media.rtp: leg closed error="no such file"'),
        ({"a": "", "b": "x=y", "c": 'say "hi"'}, 'media.rtp: leg closed a="" b="x=y" c="say \\"hi\\""'),
        ({"a": "zwei\nZeilen", "b": "Größe", "c": "\x1b[2J"}, 'closed a="zwei\\nZeilen" b=Größe c="\\u001b[2J"'),
        ({"a": "\x9b\u2028"}, 'closed a="\\u009b\\u2028"'),
    ],
)
def test_fields(extra: dict[str, object], wanted: str) -> None:
    line = log.LineFormatter().format(record("leg closed", **extra))
    assert line.endswith(wanted)
    assert line.split(" ")[1].endswith(".250")
    assert " WARNING media.rtp: " in line


@pytest.mark.parametrize(
    ("level", "prefix"), [("DEBUG", "<7>"), ("INFO", "<6>"), ("WARNING", "<4>"), ("ERROR", "<3>"), ("CRITICAL", "<2>")]
)
def test_the_journal_gets_a_priority(level: str, prefix: str) -> None:
    line = log.LineFormatter(journal=True).format(record("x", logging.getLevelNamesMapping()[level], call=1))
    assert line == f"{prefix}media.rtp: x call=1"


def test_an_exception_is_named_with_its_causes_on_the_same_line() -> None:
    try:
        try:
            open("/nowhere/at all")  # noqa: SIM115
        except OSError as error:
            raise ExceptionGroup("two", [ValueError("first"), RuntimeError("second\nline")]) from error
    except ExceptionGroup as group:
        line = log.LineFormatter().format(record("broke", exc=group))
    assert 'exception="ValueError: first; RuntimeError: second\\nline"' in line
    assert 'trace="test_log.py:' in line
    assert "\n" not in line


def test_a_cause_is_kept() -> None:
    error = ValueError("outer")
    error.__cause__ = OSError("inner")
    assert 'exception="ValueError: outer <- OSError: inner"' in log.LineFormatter().format(record("x", exc=error))


def test_json() -> None:
    line = log.JsonFormatter().format(record("leg closed", call="1a", where=logging, level="forged"))
    assert json.loads(line) == {
        "call": "1a",
        "where": str(logging),
        "time": "1970-01-01T00:00:01.250+00:00",
        "level": "warning",
        "logger": "ari_app.media.rtp",
        "message": "leg closed",
    }


@given(st.text(), st.text())
def test_one_line_whatever_comes(message: str, value: str) -> None:
    for formatter in (log.LineFormatter(), log.LineFormatter(journal=True), log.JsonFormatter()):
        line = formatter.format(record(message.replace("%", "%%"), field=value))
        assert len(line.splitlines()) == 1


@pytest.mark.usefixtures("logging_restored")
def test_setup(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "0:0")  # not where stderr goes
    log.setup("info")
    log.setup("info")  # twice does not print twice
    logging.getLogger("ari_app.call").info("a call begins", extra={"call": "1a"})
    logging.getLogger("ari_app.call").debug("hidden")
    logging.getLogger("websockets").info("hidden too")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith("INFO call: a call begins call=1a")


@pytest.mark.usefixtures("logging_restored")
def test_setup_json(capsys: pytest.CaptureFixture[str]) -> None:
    log.setup("debug", json=True)
    logging.getLogger("agi").debug("x")
    assert json.loads(capsys.readouterr().err)["level"] == "debug"


def test_the_journal_is_recognised_by_its_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "stderr").open("w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        stat = (tmp_path / "stderr").stat()
        assert log._stderr_is_the_journal({"JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"})
        assert not log._stderr_is_the_journal({"JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino + 1}"})
        assert not log._stderr_is_the_journal({})
    assert not log._stderr_is_the_journal({"JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"}), "closed"
