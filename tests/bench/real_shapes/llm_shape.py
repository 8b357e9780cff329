"""A GGUF at the shapes of Qwen2.5-0.5B-Instruct, quantized to Q4_K_M by llama.cpp itself."""

import ctypes
from pathlib import Path

import gguf
import llama_cpp
import numpy as np

from tests.bench.real_shapes.vocabulary import Vocabulary

LAYERS, WIDTH, INNER, HEADS, KV_HEADS, HEAD_WIDTH = 24, 896, 4864, 14, 2, 64
CONTEXT = 32_768
WORDS = 151_643
"""Tokens before the control tokens."""
VOCABULARY = 151_936
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML, without tools: our prompt builder then lists them in the system message, as Qwen's own template does."""


def make(path: Path, vocabulary: Vocabulary, threads: int) -> None:
    """Write it; some 20 s and 2 GB of memory. `vocabulary` has WORDS tokens."""
    full = path.with_suffix(".f16.gguf")
    _write(full, vocabulary)
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M
    options.nthread = threads
    code = llama_cpp.llama_model_quantize(str(full).encode(), str(path).encode(), ctypes.byref(options))
    full.unlink()
    if code:
        raise RuntimeError(f"llama.cpp did not quantize {full}: {code}")


def _write(path: Path, vocabulary: Vocabulary) -> None:
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name("Qwen2.5-0.5B-Instruct shapes, random weights")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(CONTEXT)
    writer.add_block_count(LAYERS)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)
    _add_vocabulary(writer, vocabulary)
    _add_weights(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: gguf.GGUFWriter, vocabulary: Vocabulary) -> None:
    reserved = [f"<|reserved{number}|>" for number in range(VOCABULARY - WORDS - len(CONTROL))]
    control = [*CONTROL, *reserved]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([*vocabulary.tokens, *control])
    writer.add_token_types([gguf.TokenType.NORMAL] * WORDS + [gguf.TokenType.CONTROL] * len(control))
    writer.add_token_merges([" ".join(pair) for pair in vocabulary.merges])
    writer.add_bos_token_id(WORDS + CONTROL.index("<|endoftext|>"))
    writer.add_eos_token_id(WORDS + CONTROL.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def _add_weights(writer: gguf.GGUFWriter) -> None:
    random = np.random.default_rng(0)

    def matrix(name: str, rows: int, columns: int) -> None:
        weights = random.standard_normal((rows, columns), np.float32) * columns**-0.5
        writer.add_tensor(f"{name}.weight", weights.astype(np.float16))

    def vector(name: str, values: np.ndarray) -> None:
        writer.add_tensor(name, values.astype(np.float32))

    queries, keys = HEADS * HEAD_WIDTH, KV_HEADS * HEAD_WIDTH
    matrix("token_embd", VOCABULARY, WIDTH)  # the output takes it too
    vector("output_norm.weight", np.ones(WIDTH))
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        vector(f"{block}.attn_norm.weight", np.ones(WIDTH))
        for name, rows in (("attn_q", queries), ("attn_k", keys), ("attn_v", keys)):
            matrix(f"{block}.{name}", rows, WIDTH)
            vector(f"{block}.{name}.bias", np.zeros(rows))
        matrix(f"{block}.attn_output", WIDTH, queries)
        vector(f"{block}.ffn_norm.weight", np.ones(WIDTH))
        matrix(f"{block}.ffn_gate", INNER, WIDTH)
        matrix(f"{block}.ffn_up", INNER, WIDTH)
        matrix(f"{block}.ffn_down", WIDTH, INNER)
