"""Hermes-style tool calls, ``<tool_call>{"name": …, "arguments": {…}}</tool_call>``, taken out of streamed text. Pure.

Text goes on as soon as it cannot be part of a tag; what is inside the tags is never spoken, however broken it is.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

OPEN, CLOSE = "<tool_call>", "</tool_call>"
MAX_CHARACTERS = 4096
"""Longest tool call; a model that writes more has lost its way."""

_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model calls."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadToolCall:
    """A tool call that cannot be read: what was between the tags, and why."""

    raw: str
    reason: str


Part = str | ToolCall | BadToolCall


class ToolCallParser:
    """One reply's parser: feed pieces as they come, then `end`."""

    def __init__(self) -> None:
        self._text = ""  # not yet decided about; bounded by MAX_CHARACTERS and the last piece
        self._inside = False
        self._skipping = False  # an endless call was reported, its end is still to come

    def feed(self, piece: str) -> list[Part]:
        """Take the next piece of the reply; what it completes, in order. Texts are never empty."""
        self._text += piece
        return self._parts(final=False)

    def end(self) -> list[Part]:
        """The reply is over: what was held back. A call that lacks nothing but its closing tag counts."""
        return self._parts(final=True)

    def _parts(self, *, final: bool) -> list[Part]:
        parts: list[Part] = []
        while self._step(parts, final=final):
            pass
        return parts

    def _step(self, parts: list[Part], *, final: bool) -> bool:
        """Take one part off the front of the text; false when more text is needed."""
        if self._skipping:
            return self._skip(final=final)
        if self._inside:
            return self._call(parts, final=final)
        tag = re.search(f"{OPEN}|{CLOSE}", self._text)
        keep = tag.start() if tag else len(self._text) - (0 if final else _partial_tag(self._text))
        if keep:
            parts.append(self._text[:keep])
        self._text = self._text[tag.end() if tag else keep :]
        self._inside = tag is not None and tag[0] == OPEN  # a closing tag that closes nothing is dropped
        return tag is not None

    def _call(self, parts: list[Part], *, final: bool) -> bool:
        """Inside a call: look for its closing tag, which may also stand in a JSON string."""
        for tag in re.finditer(CLOSE, self._text):
            if '"' not in _STRINGS.sub("", self._text[: tag.start()]):  # every string is closed
                return self._close(parts, tag.start())
        if final or len(self._text) > MAX_CHARACTERS:
            first = self._text.find(CLOSE)
            if first >= 0:  # it was no string but a quote too few
                return self._close(parts, first)
            if final:
                return self._close(parts, len(self._text))
            parts.append(BadToolCall(self._text, f"longer than {MAX_CHARACTERS} characters"))
            self._inside, self._skipping = False, True
            return True
        return False

    def _close(self, parts: list[Part], at: int) -> bool:
        parts.append(_parse(self._text[:at]))
        self._text = self._text[at + len(CLOSE) :]
        self._inside = False
        return True

    def _skip(self, *, final: bool) -> bool:
        end = self._text.find(CLOSE)
        self._skipping = end < 0 and not final
        if end < 0:
            self._text = "" if final else self._text[-len(CLOSE) + 1 :]
            return False
        self._text = self._text[end + len(CLOSE) :]
        return True


def _partial_tag(text: str) -> int:
    """How many of the last characters may be the beginning of a tag."""
    for length in range(min(len(CLOSE) - 1, len(text)), 0, -1):
        if OPEN.startswith(text[-length:]) or CLOSE.startswith(text[-length:]):
            return length
    return 0


def _parse(raw: str) -> ToolCall | BadToolCall:
    try:
        call = _json(raw)
        if not isinstance(call, dict):
            return BadToolCall(raw, "not a JSON object")
        name, arguments = call.get("name"), call.get("arguments")
        if isinstance(arguments, str):  # some models encode them twice
            arguments = _json(arguments or "{}")
    except ValueError as error:
        return BadToolCall(raw, f"not JSON: {error}")
    except RecursionError:
        return BadToolCall(raw, "nested too deeply")
    if not isinstance(name, str) or not name.strip():
        return BadToolCall(raw, "no name")
    if not isinstance(arguments, dict | None):
        return BadToolCall(raw, "arguments are not a JSON object")
    return ToolCall(name.strip(), arguments or {})


def _json(text: str) -> Any:
    """Strict JSON: no NaN, and no half of a surrogate pair that could not be stored."""
    value = json.loads(text, parse_constant=_no_constant, strict=False)
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
