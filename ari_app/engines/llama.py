"""llama.cpp, the library: a model with its vocabulary, and a context that decodes many sequences in one batch.

Of llama-cpp-python only the low-level bindings: its `Llama` class serves one sequence. What its build can do is asked
in llama_build.py. No policy here; which sequence does what is the scheduler's business. A model may be used from any
thread, a context from its owner's only, but for `LlamaContext.abort`.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import llama_cpp as api
import numpy as np

from ari_app.engines import llama_build
from ari_app.errors import ModelError

BATCH_TOKENS = 512
"""Most tokens in one batch: the scheduler's prefill chunk and a token for each sequence fit in."""
ALL_LAYERS = -1
TOP_K, TOP_P = 40, 0.95
"""The usual cuts of unlikely tokens, when the temperature is over 0."""
TOOL_MARKS = ("<tool_call>", "</tool_call>")
"""Special tokens of some vocabularies that have to come out as text."""


class LlamaModel:
    """The weights and the vocabulary of a GGUF file."""

    def __init__(self, path: Path, *, gpu: bool) -> None:
        """Load them into memory, or into the GPU's. Raises ModelError when the file is missing or corrupt."""
        if not path.is_file():
            raise ModelError(f"LLM model {path} does not exist", "correct llm.model")
        llama_build.start()
        params = api.llama_model_default_params()
        params.n_gpu_layers = ALL_LAYERS if gpu else 0
        none = ctypes.c_void_p()  # a list that ends at once; otherwise a GPU would be used for large batches even so
        params.devices = None if gpu else ctypes.addressof(none)
        params.load_mode = api.LLAMA_LOAD_MODE_NONE  # mapping the file keeps a second copy of repacked weights
        llama_build.forget_errors()
        self._model = api.llama_model_load_from_file(str(path).encode(), params)
        if not self._model:
            raise ModelError(
                f"LLM model {path} cannot be loaded: {llama_build.why()}", "copy the file again; it must be a GGUF"
            )
        self._vocab = api.llama_model_get_vocab(self._model)
        self.vocabulary: int = api.llama_vocab_n_tokens(self._vocab)
        """How many tokens there are."""
        self.path = path
        self.train_context: int = api.llama_model_n_ctx_train(self._model)
        """Tokens of context that the model was trained on."""
        self.parameters: int = api.llama_model_n_params(self._model)
        self.chat_template = (api.llama_model_chat_template(self._model, None) or b"").decode()
        """Jinja source; empty when the file has none."""
        self.shares_prefixes = not (api.llama_model_is_recurrent(self._model) or api.llama_model_is_hybrid(self._model))
        """Whether a part of a sequence's memory can be copied (a recurrent state is one whole)."""
        self._marks = {
            ids[0]: mark.encode() for mark in TOOL_MARKS if len(ids := self.tokenize(mark, special=True)) == 1
        }

    def handle(self) -> Any:
        """What llama.cpp's own functions take."""
        return self._model

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Token ids of a text. Without `special`, the text of a control token is a text like any other."""
        raw = text.encode()
        size = len(raw) + 8  # a token is a byte at least, and some vocabularies put a space in front
        ids = (api.llama_token * size)()
        count = api.llama_tokenize(self._vocab, raw, len(raw), ids, size, False, special)
        return list(ids[:count])

    def piece(self, token: int) -> bytes:
        """A token's text, in general not whole UTF-8 characters; control tokens have none."""
        if token in self._marks:
            return self._marks[token]
        size = 256
        text = ctypes.create_string_buffer(size)
        count = api.llama_token_to_piece(self._vocab, token, text, size, 0, False)
        return text.raw[:count] if count > 0 else b""

    def text_of(self, token: int) -> str:
        """A token's name in the vocabulary, also a control token's."""
        return "" if token < 0 else (api.llama_vocab_get_text(self._vocab, token) or b"").decode("utf-8", "replace")

    def ends_generation(self, token: int) -> bool:
        """Whether the model means by this token that it is done."""
        return bool(api.llama_vocab_is_eog(self._vocab, token))

    @property
    def bos(self) -> int:
        """The token that begins a sequence, -1 without one."""
        return int(api.llama_vocab_bos(self._vocab))

    @property
    def eos(self) -> int:
        """The token that ends a sequence, -1 without one."""
        return int(api.llama_vocab_eos(self._vocab))

    @property
    def wants_bos(self) -> bool:
        """Whether every sequence has to begin with `bos`."""
        return bool(api.llama_vocab_get_add_bos(self._vocab))

    def close(self) -> None:
        """Free the weights; nothing may use the model after it."""
        api.llama_model_free(self._model)


@dataclass(frozen=True, slots=True)
class Part:
    """A run of tokens of one sequence in a batch."""

    sequence: int
    position: int
    """Of the first token, from 0."""
    tokens: Sequence[int]
    wants_next: bool
    """Whether the token after the last one will be sampled."""


class Outcome(IntEnum):
    """What became of a batch; all but DONE leave it to the caller to truncate the sequences to what they were."""

    DONE = 0
    NO_ROOM = 1
    ABORTED = 2
    FAILED = -1


class LlamaContext:
    """The memory (KV cache) of `sequences` sequences, which share `tokens` cells, and the threads that compute."""

    def __init__(self, model: LlamaModel, tokens: int, sequences: int, threads: int) -> None:
        """Allocate it and run it once. Raises ModelError when there is not enough memory."""
        params = api.llama_context_default_params()
        params.n_ctx = tokens
        params.n_seq_max = sequences
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        params.n_outputs_max = sequences
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = True
        params.no_perf = True
        # llama.cpp asks this function before every node of its graph whether to stop. A Python function would fight
        # for the GIL hundreds of times a token; strlen reads the flag without it: of "" it is false, of "\1" true.
        self._stop = ctypes.create_string_buffer(2)
        params.abort_callback = ctypes.cast(ctypes.CDLL(None).strlen, api.ggml_abort_callback)
        params.abort_callback_data = ctypes.cast(self._stop, ctypes.c_void_p)
        llama_build.forget_errors()
        self._context = api.llama_init_from_model(model.handle(), params)
        if not self._context:
            raise ModelError(
                f"LLM model {model.path}: no context of {tokens} tokens for {sequences} sequences: {llama_build.why()}",
                "lower llm.context_tokens",
            )
        self._memory = api.llama_get_memory(self._context)
        self._vocabulary = model.vocabulary
        self._tokens = np.zeros(BATCH_TOKENS, np.int32)
        self._positions = np.zeros(BATCH_TOKENS, np.int32)
        self._sequences = np.zeros(BATCH_TOKENS, np.int32)
        self._counts = np.ones(BATCH_TOKENS, np.int32)
        self._outputs = np.zeros(BATCH_TOKENS, np.int8)
        pointers = self._sequences.ctypes.data + 4 * np.arange(BATCH_TOKENS, dtype=np.uintp)
        self._sequence_pointers = pointers
        self._batch = api.llama_batch(
            token=_pointer(self._tokens, ctypes.c_int32),
            pos=_pointer(self._positions, ctypes.c_int32),
            n_seq_id=_pointer(self._counts, ctypes.c_int32),
            seq_id=_pointer(pointers, ctypes.POINTER(ctypes.c_int32)),
            logits=_pointer(self._outputs, ctypes.c_int8),
        )
        self.decode([Part(0, 0, [max(model.eos, 0)], wants_next=True)])
        self.truncate(0, 0)

    def decode(self, parts: Sequence[Part]) -> Outcome:
        """Compute all parts (of different sequences, BATCH_TOKENS together) in one pass."""
        self._stop[0] = b"\0"
        size = 0
        for part in parts:
            rows = slice(size, size + len(part.tokens))
            self._tokens[rows] = part.tokens
            self._positions[rows] = np.arange(part.position, part.position + len(part.tokens))
            self._sequences[rows] = part.sequence
            self._outputs[rows] = 0
            size = rows.stop
            self._outputs[size - 1] = part.wants_next
        self._batch.n_tokens = size
        code = api.llama_decode(self._context, self._batch)
        return Outcome(code) if code in (0, 1, 2) else Outcome.FAILED

    def abort(self) -> None:
        """Let a running `decode` end with ABORTED within milliseconds (not on a GPU); from any thread."""
        self._stop[0] = b"\1"

    def sample(self, sampler: "Sampler", row: int) -> int:
        """The next token after row `row` of the batch that was decoded last.

        The likeliest of 150,000 costs 0.03 ms here and 0.17 ms with llama.cpp's sampler, which first makes a list of
        all: for many rows on a GPU as much as the step itself.
        """
        if sampler.handle is not None:
            return int(api.llama_sampler_sample(sampler.handle, self._context, row))
        logits = api.llama_get_logits_ith(self._context, row)
        return int(np.ctypeslib.as_array(logits, (self._vocabulary,)).argmax())

    def truncate(self, sequence: int, length: int) -> bool:
        """Forget a sequence from position `length` on; False, and nothing done, if the model cannot forget a part."""
        return bool(api.llama_memory_seq_rm(self._memory, sequence, length, -1))

    def copy(self, source: int, target: int, begin: int, end: int) -> None:
        """Let `target` have positions begin…end of `source` too. Nothing is copied, they share the cells."""
        api.llama_memory_seq_cp(self._memory, source, target, begin, end)

    def close(self) -> None:
        """Free the memory and end the threads."""
        api.llama_free(self._context)


class Sampler:
    """How the next token is chosen: the likeliest at temperature 0, by chance over it."""

    def __init__(self, temperature: float) -> None:
        self.handle = None
        """llama.cpp's; None takes the likeliest, for which there is a shorter way."""
        if temperature > 0:
            self.handle = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
            for link in (
                api.llama_sampler_init_top_k(TOP_K),
                api.llama_sampler_init_top_p(TOP_P, 1),
                api.llama_sampler_init_temp(temperature),
                api.llama_sampler_init_dist(api.LLAMA_DEFAULT_SEED),
            ):
                api.llama_sampler_chain_add(self.handle, link)

    def close(self) -> None:
        """Free it."""
        if self.handle is not None:
            api.llama_sampler_free(self.handle)


def _pointer(array: Any, kind: Any) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(kind))
