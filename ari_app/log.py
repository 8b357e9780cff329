"""Logging: one line a record on stderr, with its fields as ``name=value`` or as one JSON object.

A message is static text; what varies goes into fields: ``log.warning("media leg closed", extra={"call": call_id})``.
"""

import json as json_format
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from traceback import extract_tb
from typing import Any

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""What every record has; the rest came in by `extra`."""
_PLAIN = re.compile(r"[^\s\"'=\\]+")
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
"""Level → syslog priority; what is lower is 7 (debug). See sd-daemon(3)."""


def setup(level: str, json: bool = False) -> None:
    """Send all logs to stderr. `level` is ours; libraries speak from warning on."""
    handler = logging.StreamHandler(sys.stderr)
    journal = _stderr_is_the_journal(os.environ)
    handler.setFormatter(JsonFormatter() if json else LineFormatter(journal=journal))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("ari_app", "agi"):
        logging.getLogger(name).setLevel(level.upper())
    logging.captureWarnings(True)


class LineFormatter(logging.Formatter):
    """``2026-01-31 12:00:00.123 WARNING media.websocket: media leg closed call=1a2b``.

    For the journal, which keeps the time itself, ``<4>`` stands in place of time and level.
    """

    def __init__(self, *, journal: bool = False) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message and the fields hold."""
        if self._journal:
            head = f"<{next((number for low, number in _PRIORITIES if record.levelno >= low), 7)}>"
        else:
            head = f"{_time(record):%Y-%m-%d %H:%M:%S}.{int(record.msecs):03d} {record.levelname} "
        fields = "".join(f" {name}={_quoted(value)}" for name, value in _fields(record))
        return f"{head}{record.name.removeprefix('ari_app.')}: {_one_line(record.getMessage())}{fields}"


class JsonFormatter(logging.Formatter):
    """``{"time": …, "level": …, "logger": …, "message": …, <fields>}``, ASCII only."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message and the fields hold."""
        line = dict(_fields(record))
        line |= {
            "time": _time(record).astimezone(UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        return json_format.dumps(line, default=str)


def _stderr_is_the_journal(environ: Mapping[str, str]) -> bool:
    """systemd names the journal's socket in JOURNAL_STREAM; stderr may have been sent elsewhere since."""
    try:
        stream = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):  # closed, or not a file at all
        return False
    return environ.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created).astimezone()


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    for name, value in vars(record).items():
        if name not in _STANDARD:
            yield name, value
    if record.exc_info and record.exc_info[1]:
        error = record.exc_info[1]
        yield "exception", _described(error)
        yield "trace", " > ".join(f"{os.path.basename(at.filename)}:{at.lineno} {at.name}" for at in _trace(error))


def _described(error: BaseException) -> str:
    """``ValueError: what it said``, with its causes; of a group, each of its errors."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_described(one) for one in error.exceptions)
    cause = error.__cause__
    return f"{type(error).__name__}: {error}" + (f" <- {_described(cause)}" if cause else "")


def _trace(error: BaseException) -> list[Any]:
    """The calls that led to the error: in a group, to its first one."""
    calls = list(extract_tb(error.__traceback__))
    return calls + (_trace(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else [])


def _quoted(value: Any) -> str:
    text = str(value)
    if _PLAIN.fullmatch(text) and text.isprintable():
        return text
    return json_format.dumps(text, ensure_ascii=not text.replace("\n", "").replace("\t", "").isprintable())


def _one_line(text: str) -> str:
    return text if text.isprintable() else json_format.dumps(text)[1:-1]
