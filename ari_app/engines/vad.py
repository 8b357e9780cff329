"""Voice activity detection: Silero, streaming, on onnxruntime.

Most of what it costs is one run of the model after another process had the caches, however much the run is about. So a
line on which nothing changes is not shown to the model at every window, but at every eighth, all eight at once::

    line       ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~████████
    windows    |  |  |  |  |  |  |  |  |  |  |  |  |  |
    runs                             8           4  1  1

The model is a recurrent one and gets every window in order, so that what it says is what it would have said.
"""

from importlib.util import find_spec
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from ari_app.engines.base import SPEECH_RATE, VAD_WINDOW, Samples
from ari_app.engines.onnx import load_onnx
from ari_app.errors import ModelError
from ari_app.settings import VadSettings

CONTEXT = 64
"""Samples of the previous window that the model wants in front of each window."""

QUIET_PEAK = 0.001
"""Windows that stay under -60 dBFS hold no speech: on a telephone line speech is 30 dB louder."""
QUIET_WINDOWS = 10
"""After so many of them (0.3 s) the model is not asked any more: half of what an idle call costs is the model."""

LATER_WINDOWS = 8
"""So many windows (0.26 s) of a steady line wait for each other."""
LOUDER = 2.0
"""A window of so many times the power of the quietest ones before it changes the line: noise varies by half of that."""
QUIETEST = 0.1 * QUIET_PEAK**2 * VAD_WINDOW
"""No line is taken to be quieter: after digital silence, all noise would be loud for ever."""
FLOOR_RISE = 1.05
"""By how much the power of the quietest window is forgotten with each window: 7 dB a second."""
SUSPECT = 0.1
"""Probability of speech from which every window is shown at once."""

STATES: dict[frozenset[str], dict[str, tuple[int, ...]]] = {
    # the file inside the faster-whisper package
    frozenset({"input", "h", "c"}): {"h": (1, 1, 128), "c": (1, 1, 128)},
    # the files that Silero publishes, v5 and v6
    frozenset({"input", "state", "sr"}): {"state": (2, 1, 128)},
}
"""The known kinds of Silero files by the names of their inputs → shapes of the state they carry on."""


def bundled_model() -> Path:
    """The Silero file that the faster-whisper package ships."""
    spec = find_spec("faster_whisper")
    if spec is None or spec.origin is None:
        raise ModelError("the faster-whisper package, which holds the VAD model, is not installed", "run install.sh")
    return Path(spec.origin).parent / "assets" / "silero_vad_v6.onnx"


class SileroSession:
    """The recurrent state of one stream of audio."""

    def __init__(self, onnx: onnxruntime.InferenceSession, state: dict[str, tuple[int, ...]]) -> None:
        self._onnx = onnx
        self._shapes = state
        self._with_rate = "state" in state
        self._most_later = 1 if self._with_rate else LATER_WINDOWS  # that file's batch is of streams, not of windows
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._context = np.zeros(CONTEXT, np.float32)
        self._later: list[Samples] = []  # not shown to the model yet
        self._quiet_windows = 0
        self._floor = inf
        self._latest = 1.0
        self._feed: dict[str, Any] = {name: np.zeros(shape, np.float32) for name, shape in self._shapes.items()}
        if self._with_rate:
            self._feed["sr"] = np.array(SPEECH_RATE, np.int64)

    def probability(self, window: Samples) -> float:
        """Probability of speech in the next VAD_WINDOW samples at SPEECH_RATE, 0…1; on a line where nothing happens,
        that of a moment ago."""
        self._quiet_windows = self._quiet_windows + 1 if np.abs(window).max() < QUIET_PEAK else 0
        if self._quiet_windows > QUIET_WINDOWS:
            self._context = window[-CONTEXT:]
            return 0.0
        self._later.append(window)
        now = self._changes(window) or self._latest >= SUSPECT or self._quiet_windows == QUIET_WINDOWS
        if now or len(self._later) == self._most_later:
            self._latest = self._show()
        return self._latest

    def _changes(self, window: Samples) -> bool:
        """Whether it is louder than the line is by itself."""
        power = float(np.dot(window, window))
        self._floor = max(QUIETEST, min(power, self._floor * FLOOR_RISE))
        return power > self._floor * LOUDER

    def _show(self) -> float:
        """The model's probability for the latest of the windows that wait."""
        stream = np.concatenate((self._context, *self._later))
        self._later, self._context = [], stream[-CONTEXT:]
        self._feed["input"] = np.lib.stride_tricks.sliding_window_view(stream, CONTEXT + VAD_WINDOW)[::VAD_WINDOW]
        probabilities, *state = self._onnx.run(None, self._feed)
        self._feed.update(zip(self._shapes, state, strict=True))
        return float(probabilities.flat[-1])


class SileroVad:
    """The shared model; a session per stream."""

    def __init__(self, settings: VadSettings) -> None:
        """Load the model. Raises ModelError when the file is missing or not Silero's."""
        path = settings.model or bundled_model()
        if not path.is_file():
            raise ModelError(
                f"VAD model {path} does not exist", "correct vad.model, or remove it to use the bundled one"
            )
        self._onnx = load_onnx(path, "VAD model")
        state = STATES.get(frozenset(node.name for node in self._onnx.get_inputs()))
        if state is None:
            raise ModelError(
                f"VAD model {path} is not a Silero v5 or v6 file", "remove vad.model to use the bundled one"
            )
        self._state = state

    def session(self) -> SileroSession:
        """A detector for one stream of audio."""
        return SileroSession(self._onnx, self._state)
