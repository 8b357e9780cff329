"""Text to speech: a Piper voice, one clause at a time."""

import asyncio
import json
from pathlib import Path

import numpy as np
import onnxruntime
import soxr
from numpy.typing import NDArray
from piper import PiperVoice
from piper.config import PiperConfig

from ari_app.engines.base import Pcm16
from ari_app.engines.cores import available_cores, tts_threads
from ari_app.engines.onnx import load_onnx
from ari_app.engines.worker import Worker
from ari_app.errors import ModelError
from ari_app.settings import TtsSettings

PEAK = 0.7
"""Every clause's peak, of full scale: about that of Asterisk's own prompts, with room for the resampler's overshoot."""
MOST_GAIN = 4.0
"""A clause is not made louder than this many times to reach PEAK."""
SILENCE_DB = -40.0
"""Frames this far under the clause's peak are silence."""
FRAME_SECONDS = 0.005
"""Length of the frames in which silence is looked for."""
LEAD_SECONDS = 0.01
"""Kept before the first loud frame: soft consonants live there, and the caller waits for every millisecond of it."""
SENTENCE_PAUSE_SECONDS, CLAUSE_PAUSE_SECONDS = 0.2, 0.08
"""Silence after a clause that ends a sentence, and after any other: whatever voice it is, the rhythm is the same."""
FADE_IN_SECONDS, FADE_OUT_SECONDS = 0.003, 0.005
"""Slopes at the cuts, against clicks."""

Audio = NDArray[np.float32]


def has_words(text: str) -> bool:
    """Whether there is anything to say; of bare symbols espeak would read the names ("exclamation")."""
    return any(character.isalnum() for character in text)


def trim(audio: Audio, rate: int, pause_seconds: float) -> Audio:
    """Cut the silence around a clause to LEAD_SECONDS before it and exactly `pause_seconds` after it."""
    frame = int(FRAME_SECONDS * rate)
    frames = np.pad(audio, (0, -len(audio) % frame)).reshape(-1, frame)
    loudness = np.abs(frames).max(axis=1, initial=0.0)
    loud = np.flatnonzero(loudness > loudness.max(initial=0.0) * 10 ** (SILENCE_DB / 20))
    if not len(loud):
        return audio[:0]
    begin = max(0, int(loud[0]) * frame - int(LEAD_SECONDS * rate))
    end = (int(loud[-1]) + 1) * frame + int(pause_seconds * rate)
    clause = audio[begin:end].copy()
    fade_in, fade_out = int(FADE_IN_SECONDS * rate), int(FADE_OUT_SECONDS * rate)
    clause[:fade_in] *= np.linspace(0, 1, fade_in, dtype=np.float32)[: len(clause)]
    clause[-fade_out:] *= np.linspace(1, 0, fade_out, dtype=np.float32)[-len(clause) :]
    return np.pad(clause, (0, max(0, end - len(audio))))


class PiperTts:
    """A voice, shared by all calls, on one thread of its own (and `threads` of onnxruntime's)."""

    def __init__(self, settings: TtsSettings) -> None:
        """Load the voice and let it say a word, so that the first call finds it warm. Raises ModelError."""
        self._onnx, self._voice = _load(settings)
        self._scales = np.array(
            [
                self._voice.config.noise_scale,
                self._voice.config.length_scale * settings.length_scale,
                self._voice.config.noise_w_scale,
            ],
            dtype=np.float32,
        )
        try:
            self._say("Hello.", self._voice.config.sample_rate, onnxruntime.RunOptions())
        except Exception as error:
            raise ModelError(f"voice {settings.model} loads but does not work: {error}", "copy it again") from error
        self._worker = Worker("tts")

    async def speak(self, text: str, rate: int) -> Pcm16:
        """Synthesize one clause at `rate` Hz; without anything to say, an empty array.

        Cancelling stops the synthesis within milliseconds. Raises EngineError.
        """
        if not has_words(text):
            return np.zeros(0, np.int16)
        options = onnxruntime.RunOptions()
        try:
            return await self._worker.run(self._say, text, rate, options)
        except asyncio.CancelledError:
            options.terminate = True
            raise

    async def close(self) -> None:
        """Let the running synthesis end."""
        await self._worker.close()

    def _say(self, text: str, rate: int, options: onnxruntime.RunOptions) -> Pcm16:
        phonemes = self._voice.phonemize(text.replace("[[", " ").replace("]]", " "))  # those would mean raw phonemes
        sentences = [self._infer(self._voice.phonemes_to_ids(sentence), options) for sentence in phonemes if sentence]
        if not sentences:
            return np.zeros(0, np.int16)
        ends_sentence = text.rstrip().endswith((".", "!", "?", "…"))
        pause = SENTENCE_PAUSE_SECONDS if ends_sentence else CLAUSE_PAUSE_SECONDS
        clause = trim(np.concatenate(sentences), self._voice.config.sample_rate, pause)
        clause *= min(PEAK / max(float(np.abs(clause).max(initial=0.0)), 1e-6), MOST_GAIN)
        resampled: Audio = soxr.resample(clause, self._voice.config.sample_rate, rate)
        pcm: Pcm16 = (np.clip(resampled, -1.0, 1.0) * 32767).astype(np.int16)
        return pcm

    def _infer(self, ids: list[int], options: onnxruntime.RunOptions) -> Audio:
        feed = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": self._scales,
        }
        if self._voice.config.num_speakers > 1:
            feed["sid"] = np.array([self._voice.config.default_speaker_id], np.int64)
        audio: Audio = self._onnx.run(None, feed, options)[0].reshape(-1).astype(np.float32)
        return audio


def _load(settings: TtsSettings) -> tuple[onnxruntime.InferenceSession, PiperVoice]:
    path: Path = settings.model
    description = path.with_name(path.name + ".json")
    for file in (path, description):
        if not file.is_file():
            raise ModelError(
                f"voice file {file} does not exist", "correct tts.model; a voice is an .onnx file and its .onnx.json"
            )
    try:
        config = PiperConfig.from_dict(json.loads(description.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{description} does not describe a Piper voice: {error!r}", "copy it again") from error
    onnx = load_onnx(path, "voice", settings.threads or tts_threads(available_cores()))
    return onnx, PiperVoice(session=onnx, config=config)
