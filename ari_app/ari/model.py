"""What ARI tells us, as values: channels, events, arrivals, and how they are read from its JSON. Pure.

ARI's models: https://docs.asterisk.org/Latest_API/API_Documentation/Asterisk_REST_Interface/Asterisk_REST_Data_Models/
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as ARI describes it."""

    id: str
    name: str
    """Asterisk's own name, ``PJSIP/trunk-00000001``: what AMI wants."""
    state: str
    """``Down``, ``Ring``, ``Ringing``, ``Up``, …"""
    caller_number: str
    caller_name: str
    context: str
    exten: str
    variables: Mapping[str, str] = field(default_factory=dict)
    """The variables that ARI sends along: those of ``channelvars`` in ari.conf, and of external media its own."""
    stasis_args: tuple[str, ...] = ()
    """What the dialplan gave to ``Stasis()`` after the application's name, while the channel is in it: the args of an
    Arrival that was missed."""


@dataclass(frozen=True, slots=True)
class Event:
    """One ARI event. `type` is ARI's name, or `Resynced` after a reconnection (events may have been missed)."""

    type: str
    channel: Channel | None
    bridge_id: str
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A caller's channel entered our application (StasisStart of a channel that is not one of ours)."""

    channel: Channel
    args: tuple[str, ...]


RESYNCED = Event("Resynced", None, "", {})
"""Events may be missing before this one: what is remembered of channels and bridges must be checked."""


def read_channel(raw: Mapping[str, Any]) -> Channel:
    """A Channel from ARI's JSON; what is missing there is empty here."""
    caller, dialplan = raw.get("caller", {}), raw.get("dialplan", {})
    in_stasis = dialplan.get("app_name") == "Stasis"
    return Channel(
        id=raw.get("id", ""),
        name=raw.get("name", ""),
        state=raw.get("state", ""),
        caller_number=caller.get("number", ""),
        caller_name=caller.get("name", ""),
        context=dialplan.get("context", ""),
        exten=dialplan.get("exten", ""),
        variables=raw.get("channelvars", {}),
        stasis_args=tuple(dialplan.get("app_data", "").split(",")[1:]) if in_stasis else (),
    )


def read_event(raw: Mapping[str, Any]) -> Event:
    """An Event from ARI's JSON."""
    channel = raw.get("channel")
    return Event(
        type=raw["type"],
        channel=read_channel(channel) if channel else None,
        bridge_id=raw.get("bridge", {}).get("id", ""),
        raw=raw,
    )


def stasis_end(channel_id: str) -> Event:
    """The StasisEnd that got lost: made by us for a channel that left while nobody listened."""
    channel = Channel(id=channel_id, name="", state="", caller_number="", caller_name="", context="", exten="")
    return Event("StasisEnd", channel, "", {"type": "StasisEnd", "channel": {"id": channel_id}})
