"""Where the caller's audio comes from: a WAV file, or the recording of a call in the store. Blocks."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from ari_app.audio.wav import read_channels
from ari_app.engines.base import SPEECH_RATE
from ari_app.errors import AudioError, ConfigError, RecordingError, StoreError
from ari_app.replay.line import Recording
from ari_app.settings import Settings
from ari_app.store.reader import read_call

_LINE_RATES = (8000, SPEECH_RATE)
"""Those of our transports; other audio is brought to the second."""


@dataclass(frozen=True, slots=True)
class Source:
    """What to replay."""

    name: str
    """The file, or the call's id."""
    recording: Recording
    agent: str
    """Who answers."""


def find(what: str, agent: str | None, settings: Settings) -> Source:
    """The file `what`, or the call whose id begins so, answered by `agent` (else the one who took the call, else the
    first). Raises ConfigError, AudioError, RecordingError, StoreError."""
    path = Path(what).expanduser()
    if path.is_file():
        return Source(what, read(path), _agent(agent or next(iter(settings.agents)), settings))
    if "/" in what or path.suffix:
        raise AudioError(f"{what}: no such file", "give the path of a WAV file, or a call's id")
    try:
        call = read_call(settings.store.url, what)
    except StoreError as error:
        raise StoreError(f"{what} is no file, and {error.message}", error.remedy) from error
    agent = _agent(agent or call.start.agent, settings)
    if call.end is None:
        raise RecordingError(f"the call {call.start.id} has not ended", "replay it when its recording is complete")
    if not call.end.recording:
        raise RecordingError(
            f"the call {call.start.id} was not recorded", "recording.mode: legs keeps the caller's audio"
        )
    return Source(call.start.id, read(Path(call.end.recording), of_call=True), agent)


def read(path: Path, *, of_call: bool = False) -> Recording:
    """The caller's side of a WAV file: mono, or the left of several channels. Raises AudioError, RecordingError."""
    try:
        channels, rate = read_channels(path.read_bytes())
    except OSError as error:
        raise RecordingError(
            f"{path} cannot be read ({error.strerror})", f"is it still there, and may we read it? ls -l {path}"
        ) from error
    except AudioError as error:
        raise AudioError(f"{path}: {error.message}", error.remedy) from error
    if of_call and channels.shape[1] == 1:
        raise RecordingError(
            f"{path} is a mix of caller and agent, who would hear itself", "recording.mode: legs keeps them apart"
        )
    caller = np.ascontiguousarray(channels[:, 0])
    if rate in _LINE_RATES:
        return Recording(caller.tobytes(), rate)
    return Recording(soxr.resample(caller, rate, SPEECH_RATE).tobytes(), SPEECH_RATE)


def _agent(name: str, settings: Settings) -> str:
    if name not in settings.agents:
        raise ConfigError(
            f"there is no agent {name}", f"choose one of them with --agent: {', '.join(settings.agents)}", key="agents"
        )
    return name
