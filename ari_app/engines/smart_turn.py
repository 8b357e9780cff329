"""The acoustic judge of a turn's end: smart-turn v3 on onnxruntime.

The model hears the last 8 s of a turn as Whisper hears (80 log-mel bands, 10 ms frames) and says how probable it is
that the speaker has finished: from the melody and the pace, not from the words. One judgement takes some 65 ms of one
core, however short the turn: 16 for the features and 50 for the network.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
from faster_whisper.feature_extractor import FeatureExtractor

from ari_app.engines.base import SPEECH_RATE, Samples
from ari_app.engines.onnx import load_onnx
from ari_app.engines.worker import Worker, WorkerStats
from ari_app.errors import ModelError
from ari_app.settings import TurnSettings

WINDOW_SECONDS = 8
"""What the model was trained on; shorter turns follow silence."""
BANDS, FRAMES = 80, WINDOW_SECONDS * 100
INPUT = "input_features"
BUNDLED = "audio/turn/smart_turn/data/smart-turn-v3*.onnx"
"""Where the pipecat-ai package has the file."""
REMEDY = (
    "it comes with the package pipecat-ai: pip install --no-deps pipecat-ai (or the extra offhook[smart-turn], which "
    "brings 300 MB that Offhook does not use); or name a file in turn.judge_model, or set turn.judge to text"
)


def bundled_model() -> Path:
    """The smart-turn file inside the installed pipecat-ai package, which is not imported. Raises ModelError."""
    spec = find_spec("pipecat")
    folders = (spec.submodule_search_locations if spec else None) or []
    found = sorted(path for folder in folders for path in Path(folder).glob(BUNDLED))
    if not found:
        raise ModelError("turn.judge is smart-turn, and there is no smart-turn model here", REMEDY)
    return found[-1]


class SmartTurn:
    """The shared model on one thread of its own."""

    def __init__(self, settings: TurnSettings) -> None:
        """Load the model and run it once, so that the first call finds it warm. Raises ModelError."""
        path = settings.judge_model or bundled_model()
        self._onnx = _load(path)
        self._features = FeatureExtractor(feature_size=BANDS, chunk_length=WINDOW_SECONDS)
        try:
            self._judge(np.zeros(SPEECH_RATE, np.float32))
        except Exception as error:  # onnxruntime's own exceptions share no better base
            raise ModelError(f"smart-turn model {path} loads but does not work: {error}", REMEDY) from error
        self._worker = Worker("judge")

    async def complete(self, samples: Samples) -> float:
        """Probability, 0…1, that the turn in `samples` is over; float32 at SPEECH_RATE, up to the last speech or a
        little behind it. Raises EngineError."""
        return await self._worker.run(self._judge, samples)

    @property
    def stats(self) -> WorkerStats:
        """What it has done since it was loaded."""
        return self._worker.stats

    async def close(self) -> None:
        """Let the running judgement end and join the thread."""
        await self._worker.close()

    def _judge(self, samples: Samples) -> float:
        length = WINDOW_SECONDS * SPEECH_RATE
        heard = np.pad(samples[-length:], (max(0, length - len(samples)), 0))
        heard = (heard - heard.mean()) / np.sqrt(heard.var() + 1e-7)  # as Whisper's features were made in training
        features = self._features(heard, padding=0)[np.newaxis, :, :FRAMES].astype(np.float32)
        (probability,) = self._onnx.run(None, {INPUT: features})
        return float(probability.item())


def _load(path: Path) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise ModelError(f"smart-turn model {path} does not exist", f"correct turn.judge_model, or unset it: {REMEDY}")
    onnx = load_onnx(path, "smart-turn model")
    if [(node.name, node.shape[1:]) for node in onnx.get_inputs()] != [(INPUT, [BANDS, FRAMES])]:
        raise ModelError(f"turn.judge_model {path} is not a smart-turn v3 file", REMEDY)
    return onnx
