"""The ids of our own channels and bridges: by them whatever is ours is found, routed and swept. Pure.

``offhook-<call id>`` is a call's bridge, ``offhook-<call id>_<role>`` everything else of that call.
"""

import re

_CALL_ID = re.compile(r"[0-9A-Za-z.-]+")
_OURS = re.compile(rf"offhook-({_CALL_ID.pattern})(?:_.+)?")


def bridge_id(call_id: str, role: str = "") -> str:
    """The id of the call's mixing bridge, or with a `role` of another bridge of it.

    Raises ValueError unless `call_id` is made of letters, digits, ``-`` and ``.``.
    """
    if not _CALL_ID.fullmatch(call_id):
        raise ValueError(f"{call_id!r} is not a call id: letters, digits, '-' and '.' only")
    return f"offhook-{call_id}_{role}" if role else f"offhook-{call_id}"


def media_id(call_id: str, role: str) -> str:
    """The id of a media or snoop channel of the call. Raises ValueError as `bridge_id` does."""
    return bridge_id(call_id, role)


def is_ours(object_id: str) -> bool:
    """Whether an Offhook made the object."""
    return _OURS.fullmatch(object_id) is not None


def call_of(object_id: str) -> str | None:
    """The call that the object belongs to; None when it is not ours."""
    match = _OURS.fullmatch(object_id)
    return match.group(1) if match else None
