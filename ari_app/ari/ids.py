"""The ids of our own channels, bridges and recordings: by them whatever is ours is found, routed and swept. Pure.

``offhook-<call id>`` is a call's bridge, ``offhook-<call id>-<role>`` everything else of that call.
"""

import re

PREFIX = "offhook-"

_CALL_ID = re.compile(r"[0-9A-Za-z_.]+")
_OURS = re.compile(rf"{PREFIX}({_CALL_ID.pattern})(?:-.+)?")


def bridge_id(call_id: str) -> str:
    """The id of the call's mixing bridge. Raises ValueError unless `call_id` is letters, digits, ``_`` and ``.``."""
    if not _CALL_ID.fullmatch(call_id):
        raise ValueError(f"{call_id!r} is not a call id: letters, digits, '_' and '.' only")
    return f"{PREFIX}{call_id}"


def media_id(call_id: str, role: str) -> str:
    """The id of another object of the call: a media or snoop channel, a second bridge, a recording."""
    return f"{bridge_id(call_id)}-{role}"


def is_ours(object_id: str) -> bool:
    """Whether an Offhook made the object."""
    return _OURS.fullmatch(object_id) is not None


def call_of(object_id: str) -> str | None:
    """The call that the object belongs to; None when it is not ours."""
    match = _OURS.fullmatch(object_id)
    return match.group(1) if match else None
