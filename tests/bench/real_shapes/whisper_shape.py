"""A CTranslate2 int8 folder at the shapes of whisper base.en, as faster-whisper loads it without a network."""

import json
from pathlib import Path

import numpy as np
from ctranslate2.specs import WhisperSpec

from tests.bench.real_shapes.vocabulary import Vocabulary, with_special

LAYERS, WIDTH, HEADS = 6, 512, 8
MELS, FRAMES, POSITIONS = 80, 1500, 448
"""Mel bands; encoder positions (30 s); decoder positions."""
WORDS = 50_256
"""Tokens before the control tokens."""
VOCABULARY = 51_864
LANGUAGES = 99
CONTROL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    *(f"<|language{number}|>" for number in range(1, LANGUAGES)),
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
    *(f"<|{number * 0.02:.2f}|>" for number in range(1501)),
)
FEATURES = {
    "feature_size": MELS,
    "sampling_rate": 16_000,
    "hop_length": 160,
    "chunk_length": 30,
    "n_fft": 400,
}


def make(folder: Path, vocabulary: Vocabulary) -> None:
    """Write it; `vocabulary` has WORDS tokens."""
    folder.mkdir()
    tokenizer = with_special(vocabulary, CONTROL)
    tokens = [tokenizer.id_to_token(number) for number in range(tokenizer.get_vocab_size())]
    if len(tokens) != VOCABULARY:
        raise RuntimeError(f"a vocabulary of {len(tokens)} tokens, not {VOCABULARY}")
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "preprocessor_config.json").write_text(json.dumps(FEATURES))

    spec = WhisperSpec(LAYERS, HEADS, LAYERS, HEADS)
    _Weights().fill(spec)
    spec.register_vocabulary(tokens)
    spec.config.alignment_heads = [[LAYERS - 1, 0]]
    # Random weights end nowhere or at once: never, so that the number of tokens is the one that is asked for.
    spec.config.suppress_ids = [tokens.index("<|endoftext|>")]
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = []
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))


class _Weights:
    """Random weights for the parts of a specification."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)

    def fill(self, spec: WhisperSpec) -> None:
        encoder, decoder = spec.encoder, spec.decoder
        for conv, inputs in ((encoder.conv1, MELS), (encoder.conv2, WIDTH)):
            conv.weight, conv.bias = self._array(WIDTH, inputs, 3), self._array(WIDTH)
        encoder.position_encodings.encodings = self._array(FRAMES, WIDTH)
        decoder.position_encodings.encodings = self._array(POSITIONS, WIDTH)
        decoder.embeddings.weight = decoder.projection.weight = self._array(VOCABULARY, WIDTH)
        for part in (encoder, decoder):
            self._norm(part.layer_norm)
            for layer in part.layer:
                self._attention(layer.self_attention, 3 * WIDTH, WIDTH)
                self._feed_forward(layer.ffn)
        for layer in decoder.layer:
            self._attention(layer.attention, WIDTH, 2 * WIDTH, WIDTH)

    def _attention(self, attention, *outputs: int) -> None:
        self._norm(attention.layer_norm)
        for linear, rows in zip(attention.linear, outputs, strict=True):
            self._linear(linear, rows, WIDTH)

    def _feed_forward(self, ffn) -> None:
        self._norm(ffn.layer_norm)
        self._linear(ffn.linear_0, 4 * WIDTH, WIDTH)
        self._linear(ffn.linear_1, WIDTH, 4 * WIDTH)

    def _linear(self, linear, rows: int, columns: int) -> None:
        linear.weight, linear.bias = self._array(rows, columns), self._array(rows)

    def _norm(self, norm) -> None:
        norm.gamma, norm.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)

    def _array(self, *shape: int) -> np.ndarray:
        return self._random.standard_normal(shape, np.float32) * np.float32(0.02)
