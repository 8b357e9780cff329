"""Voice activity detection: Silero, streaming, on onnxruntime."""

from importlib.util import find_spec
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
        self._input = np.zeros((1, CONTEXT + VAD_WINDOW), np.float32)
        self._feed: dict[str, Any] = {}
        self._quiet_windows = 0
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._input[:] = 0
        self._quiet_windows = 0
        self._feed = {name: np.zeros(shape, np.float32) for name, shape in self._shapes.items()}
        self._feed["input"] = self._input
        if self._with_rate:
            self._feed["sr"] = np.array(SPEECH_RATE, np.int64)

    def probability(self, window: Samples) -> float:
        """Probability of speech in the next VAD_WINDOW samples at SPEECH_RATE, 0…1."""
        self._input[0, :CONTEXT] = self._input[0, -CONTEXT:]
        self._input[0, CONTEXT:] = window
        self._quiet_windows = self._quiet_windows + 1 if np.abs(window).max() < QUIET_PEAK else 0
        if self._quiet_windows > QUIET_WINDOWS:
            return 0.0
        probability, *state = self._onnx.run(None, self._feed)
        self._feed.update(zip(self._shapes, state, strict=True))
        return float(probability.flat[0])


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
