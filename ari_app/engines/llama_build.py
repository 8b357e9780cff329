"""What the installed build of llama.cpp demands and finds: the processor's instructions, a CUDA device, memory.

Asked before anything is computed. llama.cpp is compiled for the processor of the machine (install.sh), and on a lesser
one it would die of an illegal instruction; so it is asked first for which it was compiled, by functions that answer
with a constant and need none of them.
"""

import ctypes
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import llama_cpp as api

from ari_app.engines.device import NO_DEVICE, Gpu, Obstacle
from ari_app.errors import ModelError

ERROR = 4
"""ggml's log level for errors."""
INSTRUCTIONS = {
    "avx": ("avx",),
    "avx2": ("avx2",),
    "avx_vnni": ("avx_vnni",),
    "bmi2": ("bmi2",),
    "f16c": ("f16c",),
    "fma": ("fma",),
    "avx512": ("avx512f", "avx512cd", "avx512vl", "avx512dq", "avx512bw"),
    "avx512_vbmi": ("avx512vbmi",),
    "avx512_vnni": ("avx512_vnni",),
    "avx512_bf16": ("avx512_bf16",),
    "amx_int8": ("amx_int8",),
}
"""What ggml calls a set of x86 instructions → the flags in /proc/cpuinfo of a processor that has it."""
NOT_BUILT = Obstacle("llama.cpp was compiled without CUDA", "compile it again: ./install.sh --cuda setup")
KV_TYPE_BYTES = 2
"""f16, llama.cpp's default."""
_GPU = 1
"""ggml's type of device for a GPU with memory of its own."""
_library = api.llama_cpp._lib
_errors: list[str] = []
"""What llama.cpp said when it last failed: its functions return no reason. The first few lines tell it."""


def _on_log(level: int, text: bytes, _user_data: Any) -> None:
    if level == ERROR and len(_errors) < 4:
        _errors.append(text.decode("utf-8", "replace").strip())


_keep_log = api.llama_log_callback(_on_log)  # a global: llama.cpp keeps no reference to it


def start() -> None:
    """Make llama.cpp ready, and let it keep its log to itself; any number of times. Raises ModelError."""
    check_processor()
    api.llama_log_set(_keep_log, ctypes.c_void_p(0))
    api.llama_backend_init()


def forget_errors() -> None:
    """What `why` tells, happened after this."""
    _errors.clear()


def why() -> str:
    """What llama.cpp said when it failed."""
    return _errors[0] if _errors else "llama.cpp gave no reason"


def check_processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    """Raises ModelError when llama.cpp was compiled for instructions that this processor lacks."""
    lacking = lacking_instructions(_is_compiled_for, cpuinfo.read_text())
    if lacking:
        raise ModelError(
            f"llama.cpp was compiled for another processor: this one has no {', '.join(lacking)}",
            "compile it for this one: ./install.sh setup",
        )


def lacking_instructions(is_compiled_for: Callable[[str], bool], cpuinfo: str) -> list[str]:
    """The flags that a build needs and the processor of `cpuinfo` does not have; none where that tells no flags."""
    line = next((line for line in cpuinfo.splitlines() if line.startswith("flags")), None)
    if line is None:  # not an x86 processor: the build is a portable one
        return []
    flags: Collection[str] = line.split()
    needed = [flag for name, names in INSTRUCTIONS.items() if is_compiled_for(name) for flag in names]
    return [flag for flag in needed if flag not in flags]


def _is_compiled_for(name: str) -> bool:
    try:
        return bool(_library[f"ggml_cpu_has_{name}"]())
    except AttributeError:  # a build that loads its code for the processor by itself has no such function here
        return False


def find_gpu() -> Gpu | Obstacle:
    """The CUDA device that llama.cpp would use, or why it cannot. Raises ModelError."""
    start()
    registry, device = _library.ggml_backend_reg_by_name, _library.ggml_backend_dev_by_type
    registry.restype = device.restype = ctypes.c_void_p
    if not registry(b"CUDA"):
        return NOT_BUILT
    handle = device(_GPU)
    if not handle:
        return NO_DEVICE
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    _library.ggml_backend_dev_memory(ctypes.c_void_p(handle), ctypes.byref(free), ctypes.byref(total))
    return Gpu(free.value)


def kv_bytes(path: Path, context_tokens: int) -> int:
    """Size of the memory (KV cache) of so many tokens for the model in a GGUF file, of which only the header is read.

    0 where the header does not tell: llama.cpp will say what is wrong with the file. Raises ModelError.
    """
    start()
    params = api.llama_model_default_params()
    params.vocab_only = True
    model = api.llama_model_load_from_file(str(path).encode(), params)
    if not model:
        return 0
    try:
        return KV_TYPE_BYTES * context_tokens * _values_a_token(model)
    finally:
        api.llama_model_free(model)


def _values_a_token(model: int) -> int:
    """Numbers that the memory keeps for each token: keys and values of every layer."""

    def meta(key: str, default: int = 0) -> int:
        text = ctypes.create_string_buffer(64)
        size = api.llama_model_meta_val_str(model, f"{family}.{key}".encode(), text, len(text))
        return int(text.value) if size > 0 and text.value.isdigit() else default

    name = ctypes.create_string_buffer(64)
    api.llama_model_meta_val_str(model, b"general.architecture", name, len(name))
    family = name.value.decode()
    heads = meta("attention.head_count", 1)
    width = meta("embedding_length") // heads
    # Where the layers differ in their heads, there is no single number; all of them is the most it can be.
    kept = meta("attention.head_count_kv", heads)
    return meta("block_count") * kept * (meta("attention.key_length", width) + meta("attention.value_length", width))
