"""Speech to text: faster-whisper's model by a short window.

Whisper pads everything to 30 seconds, and most of the time goes into that padding. CTranslate2 takes any length, so an
utterance is shown in a window as long as itself (at least `min_window_ms`), which is some ten times faster. What the
model makes of too short a window or of noise is rejected by its own probabilities.
"""

from math import isfinite
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer

from ari_app.audio.split import split_at_quiet
from ari_app.engines.base import SPEECH_RATE, Samples, Transcript
from ari_app.engines.cores import available_cores, stt_workers
from ari_app.engines.worker import Worker, WorkerStats
from ari_app.errors import ModelError
from ari_app.settings import SttSettings

TAIL_SECONDS = 0.2
"""Silence after the last sample: without it, last words are lost."""
MARGIN_SECONDS = 2
"""By how much a piece of a long utterance stays under the length that the model was trained on."""
TOKENS_AT_LEAST, TOKENS_PER_SECOND, TOKENS_AT_MOST = 12, 6, 224
"""Bounds of a transcript's length; nobody speaks faster, but a model that loops does."""
NEEDED_FILES = ("model.bin", "config.json", "tokenizer.json")


class WhisperStt:
    """Whisper on `workers` threads, one core each."""

    def __init__(self, settings: SttSettings, *, gpu: bool = False) -> None:
        """Load the model and run it once, so that the first call finds it warm. Raises ModelError."""
        self._settings = settings
        workers = settings.workers or stt_workers(available_cores())
        self._model = _load(settings, workers, gpu=gpu)
        self._tokenizer = _tokenizer(self._model, settings)
        self._limit = (self._model.feature_extractor.chunk_length - MARGIN_SECONDS) * SPEECH_RATE
        self._worker = Worker("stt", workers)
        try:
            self._hear(np.zeros(SPEECH_RATE, np.float32))
        except Exception as error:
            raise ModelError(f"STT model {settings.model} loads but does not work: {error}", "copy it again") from error

    async def transcribe(self, samples: Samples, *, urgent: bool = True) -> Transcript:
        """Transcribe one utterance, float32 at SPEECH_RATE, of any length; what is not `urgent` lets others go first.

        Raises EngineError.
        """
        return await self._worker.run(self._hear, samples, priority=0 if urgent else 1)

    @property
    def stats(self) -> WorkerStats:
        """What it has done since it was loaded."""
        return self._worker.stats

    async def close(self) -> None:
        """Let the running transcription end and free the model."""
        await self._worker.close()
        self._model.model.unload_model()

    def _hear(self, samples: Samples) -> Transcript:
        parts = [self._hear_window(piece) for piece in split_at_quiet(samples, self._limit, SPEECH_RATE)]
        return Transcript(
            text=" ".join(part.text for part in parts if part.text),
            log_probability=min(part.log_probability for part in parts),
            no_speech=max(part.no_speech for part in parts),
        )

    def _hear_window(self, samples: Samples) -> Transcript:
        shortest = self._settings.min_window_ms * SPEECH_RATE // 1000
        length = max(shortest, len(samples) + int(TAIL_SECONDS * SPEECH_RATE))
        features = self._model.feature_extractor(np.pad(samples, (0, length - len(samples))), padding=0)
        features = features[:, : features.shape[1] // 2 * 2]  # the encoder halves the frames and wants them even
        seconds = len(samples) / SPEECH_RATE
        tokens = min(int(TOKENS_AT_LEAST + TOKENS_PER_SECOND * seconds), TOKENS_AT_MOST)
        result = self._model.model.generate(
            self._model.encode(features),
            [[*self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]],
            beam_size=1,
            max_length=2 * tokens,  # CTranslate2 halves it for Whisper
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        score = float(result.scores[0])
        log_probability = score if isfinite(score) else 0.0  # no tokens at all
        no_speech = float(result.no_speech_prob)
        understood = log_probability >= self._settings.min_log_probability and no_speech <= self._settings.max_no_speech
        text = self._tokenizer.decode(result.sequences_ids[0]).strip() if understood else ""
        return Transcript(text, log_probability, no_speech)


def _load(settings: SttSettings, workers: int, *, gpu: bool) -> WhisperModel:
    folder: Path = settings.model
    if not folder.is_dir():
        raise ModelError(f"STT model folder {folder} does not exist", "correct stt.model")
    for name in NEEDED_FILES:
        if not (folder / name).is_file():
            raise ModelError(
                f"STT model {folder} has no {name}", "stt.model must be a Whisper model converted for CTranslate2"
            )
    try:
        return WhisperModel(
            str(folder),
            device="cuda" if gpu else "cpu",
            compute_type=settings.compute_type,
            cpu_threads=1,  # more workers serve more callers than more threads would
            num_workers=workers,
            local_files_only=True,
        )
    except Exception as error:  # CTranslate2 and tokenizers raise RuntimeError, ValueError and bare Exception
        raise ModelError(
            f"STT model {folder} cannot be loaded: {error}", "copy it again, and check stt.compute_type"
        ) from error


def _tokenizer(model: WhisperModel, settings: SttSettings) -> Tokenizer:
    try:
        return Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=settings.language)
    except ValueError as error:
        raise ModelError(
            f"STT model {settings.model} does not know the language {settings.language}: {error}",
            "correct stt.language",
        ) from error
