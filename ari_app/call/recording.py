"""Recording one call: MixMonitor legs joined into stereo, or Asterisk's bridge recording, or nothing at all.

Files go to `recording.folder`; the finished one appears there by an atomic rename. A recording that cannot be made is
logged and the call goes on.
"""

import asyncio
import logging
from pathlib import Path
from typing import Protocol

from ari_app.ami import AmiClient
from ari_app.ari.client import AriClient
from ari_app.call.line import Line
from ari_app.errors import AsteriskError, RecordingError
from ari_app.recording_files import join_legs, wait_complete, write_recording
from ari_app.settings import RecordingSettings

log = logging.getLogger(__name__)


class Recorder(Protocol):
    """The recording of one call."""

    path: str
    """Where the finished recording will be; empty when none is made."""

    async def start(self) -> None:
        """Begin; the caller is in the bridge. Never raises."""

    async def stop(self) -> None:
        """End it in Asterisk, before the caller goes elsewhere. Never raises."""

    async def finish(self) -> None:
        """Bring the file into place; the path is emptied when that fails. Never raises."""


def recorder(settings: RecordingSettings, line: Line, ari: AriClient, ami: AmiClient) -> Recorder:
    """The recorder that the configuration asks for."""
    match settings.mode:
        case "legs":
            return LegsRecorder(settings.folder, line, ami)
        case "bridge":
            return BridgeRecorder(settings.folder, line, ari)
        case _:
            return NoRecorder()


class NoRecorder:
    """`recording.mode: off`: writes nothing anywhere."""

    path = ""

    async def start(self) -> None:
        """Nothing."""

    async def stop(self) -> None:
        """Nothing."""

    async def finish(self) -> None:
        """Nothing."""


class LegsRecorder:
    """Two MixMonitor legs on the caller's channel, joined to one stereo WAV (caller left, agent right)."""

    def __init__(self, folder: Path, line: Line, ami: AmiClient) -> None:
        self._line = line
        self._ami = ami
        self._caller = folder / f"{line.call_id}-caller.wav"
        self._agent = folder / f"{line.call_id}-agent.wav"
        self._out = folder / f"{line.call_id}.wav"
        self._started = False
        self.path = str(self._out)

    async def start(self) -> None:
        """Ask Asterisk to write both legs."""
        self._started = True
        try:
            await self._ami.mix_monitor(self._line.channel.name, str(self._caller), str(self._agent))
        except AsteriskError as error:
            self._failed(error)

    async def stop(self) -> None:
        """Stop both legs; a hang-up has already done so."""
        if not self._started:
            self.path = ""
        if not self.path or self._line.gone:
            return
        try:
            await self._ami.stop_mix_monitor(self._line.channel.name)
        except AsteriskError as error:  # what is written so far is still joined
            log.warning("the recording was not stopped", extra={"call": self._line.call_id, "error": str(error)})

    async def finish(self) -> None:
        """Join both legs."""
        if not self.path:
            return
        try:
            await asyncio.to_thread(self._join)
        except (RecordingError, OSError) as error:
            self._failed(error)

    def _join(self) -> None:
        for leg in (self._caller, self._agent):
            wait_complete(leg)
        join_legs(self._caller, self._agent, self._out)

    def _failed(self, error: Exception) -> None:
        log.error("the call is not recorded", extra={"call": self._line.call_id, "error": str(error)})
        self.path = ""


class BridgeRecorder:
    """Asterisk's own recording of the bridge: one mono WAV of both sides."""

    def __init__(self, folder: Path, line: Line, ari: AriClient) -> None:
        self._line = line
        self._ari = ari
        self._out = folder / f"{line.call_id}.wav"
        self._started = False
        self.path = str(self._out)

    async def start(self) -> None:
        """Ask Asterisk to record the bridge."""
        self._started = True
        try:
            await self._ari.record_bridge(self._line.bridge_id, self._line.call_id, "wav")
        except AsteriskError as error:
            self._failed(error)

    async def stop(self) -> None:
        """Stop it; Asterisk completes the file."""
        if not self._started:
            self.path = ""
        if not self.path:
            return
        try:
            await self._ari.stop_recording(self._line.call_id)
        except AsteriskError as error:
            self._failed(error)

    async def finish(self) -> None:
        """Fetch the file from Asterisk's spool, and delete it there."""
        if not self.path:
            return
        try:
            data = await self._ari.fetch_recording(self._line.call_id)
            await asyncio.to_thread(write_recording, self._out, data)
            await self._ari.delete_recording(self._line.call_id)
        except (AsteriskError, RecordingError) as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        log.error("the call is not recorded", extra={"call": self._line.call_id, "error": str(error)})
        self.path = ""
