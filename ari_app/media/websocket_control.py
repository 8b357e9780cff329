"""The words of chan_websocket: commands and events, as plain text or as JSON. Pure.

Which of the two is the admin's choice (`control_message_format` in chan_websocket.conf); the first event tells.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ControlEvent:
    """One event of Asterisk's, such as ``MEDIA_START`` with its format."""

    name: str
    fields: Mapping[str, str]
    json: bool


def parse_event(text: str) -> ControlEvent:
    """Read an event; one that makes no sense has an empty name.

    Plain events are ``NAME key:value …``, those with a correlation id ``NAME id``.
    """
    if text.startswith("{"):
        try:
            fields = {key: str(value) for key, value in json.loads(text).items()}
        except ValueError:
            fields = {}
        return ControlEvent(fields.get("event", ""), fields, json=True)
    name, _, rest = text.partition(" ")
    if name == "MEDIA_MARK_PROCESSED":
        return ControlEvent(name, {"correlation_id": rest}, json=False)
    pairs = (word.partition(":") for word in rest.split(" "))
    return ControlEvent(name, {key: value for key, _, value in pairs}, json=False)


def command(name: str, correlation_id: str = "", *, as_json: bool) -> str:
    """Write a command, at most 128 bytes (Asterisk's limit)."""
    if not as_json:
        return f"{name} {correlation_id}" if correlation_id else name
    words = {"command": name} | ({"correlation_id": correlation_id} if correlation_id else {})
    return json.dumps(words, separators=(",", ":"))
