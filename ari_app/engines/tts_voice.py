"""A Piper voice (VITS): text in, audio out, piece by piece. Blocking; for one thread at a time."""

import itertools
import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from piper import PiperVoice
from piper.config import PiperConfig

from ari_app.engines.cores import available_cores, tts_threads
from ari_app.engines.onnx import load_onnx
from ari_app.engines.tts_decoder import Audio, Decoder, Values, load_parts
from ari_app.errors import ModelError
from ari_app.settings import TtsSettings

log = logging.getLogger(__name__)

_TRIAL = "Hello, how are you today?"


class Voice:
    """One voice's graphs and its way from text to phonemes."""

    def __init__(self, settings: TtsSettings) -> None:
        """Load it, and let it say a few words. Raises ModelError."""
        path, config = settings.model, _description(settings.model)
        threads = settings.threads or tts_threads(available_cores())
        self._config = config
        self._scales = np.array(
            [config.noise_scale, config.length_scale * settings.length_scale, config.noise_w_scale], np.float32
        )
        self._decoder: Decoder | None = None
        """None: the encoder is the whole voice."""
        try:
            self._encoder, frames, flow, decoder = load_parts(path, threads)
            self._piper = PiperVoice(session=self._encoder, config=config)
            trial = self._encode(self._phonemes(_TRIAL)[0], onnxruntime.RunOptions())
            self._decoder = Decoder(frames, flow, decoder, trial)
        except Exception as error:  # of any kind: what is wrong with the whole voice, if anything, comes out below
            log.info("the voice does not come in pieces, only whole", extra={"voice": str(path), "why": str(error)})
            self._encoder = load_onnx(path, "voice", threads)
            self._piper = PiperVoice(session=self._encoder, config=config)
        self.rate: int = config.sample_rate
        """Hz of its audio."""
        try:
            said = [audio for audio, _ in self.say(_TRIAL, itertools.repeat(1.0), onnxruntime.RunOptions())]
            self.peak = float(np.abs(np.concatenate(said)).max())
            """Of full scale, in the words it has tried."""
        except Exception as error:
            raise ModelError(f"voice {path} loads but does not work: {error}", "copy it again") from error

    def say(self, text: str, seconds: Iterable[float], options: onnxruntime.RunOptions) -> Iterator[tuple[Audio, bool]]:
        """The audio of a text in pieces of about so many seconds, each with whether it is the last.

        What takes time happens between the pieces; `options.terminate` stops it within milliseconds.
        """
        lengths = (int(length * self.rate) for length in seconds)
        sentences = self._phonemes(text)
        for number, sentence in enumerate(sentences, 1):
            encoded = self._encode(sentence, options)
            pieces = self._decoder.pieces(encoded, lengths, options) if self._decoder else _whole(encoded)
            for audio, is_last in pieces:
                yield audio, is_last and number == len(sentences)

    def _phonemes(self, text: str) -> list[list[str]]:
        """Those of each sentence."""
        plain = text.replace("[[", " ").replace("]]", " ")  # those would mean raw phonemes
        return [sentence for sentence in self._piper.phonemize(plain) if sentence]

    def _encode(self, phonemes: list[str], options: onnxruntime.RunOptions) -> Values:
        """What the encoder makes, by name."""
        ids = self._piper.phonemes_to_ids(phonemes)
        feed = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": self._scales,
        }
        if self._config.num_speakers > 1:
            feed["sid"] = np.array([self._config.default_speaker_id], np.int64)
        names = [output.name for output in self._encoder.get_outputs()]
        return dict(zip(names, self._encoder.run(names, feed, options), strict=True))


def _whole(encoded: Values) -> Iterator[tuple[Audio, bool]]:
    yield next(iter(encoded.values())).reshape(-1).astype(np.float32), True


def _description(path: Path) -> PiperConfig:
    description = path.with_name(path.name + ".json")
    for file in (path, description):
        if not file.is_file():
            raise ModelError(
                f"voice file {file} does not exist", "correct tts.model; a voice is an .onnx file and its .onnx.json"
            )
    try:
        return PiperConfig.from_dict(json.loads(description.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{description} does not describe a Piper voice: {error!r}", "copy it again") from error
