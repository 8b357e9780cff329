"""What the installed CTranslate2 finds of a GPU.

Its wheel knows CUDA, but brings no cuBLAS: it opens libcublas.so.12 when it first computes, and looks only where the
system does. NVIDIA's own wheel puts it beside the other packages, so it is opened from there first.
"""

import ctypes
import importlib.util
from pathlib import Path

import ctranslate2

from ari_app.engines.device import NO_DEVICE, Gpu, Obstacle

CUBLAS = "libcublas.so.12"
NO_CUBLAS = Obstacle(
    f"CTranslate2 needs {CUBLAS}, which is not there", "./install.sh --cuda setup installs it (or CUDA 12 itself)"
)


def find_gpu() -> Gpu | Obstacle:
    """Whether CTranslate2 can use a CUDA device; of its memory it tells nothing."""
    if not ctranslate2.get_cuda_device_count():
        return NO_DEVICE
    return Gpu(None) if load_cublas() else NO_CUBLAS


def load_cublas() -> bool:
    """Open cuBLAS, and what it needs, so that CTranslate2 finds it open; False when it is nowhere."""
    spec = importlib.util.find_spec("nvidia")
    roots = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    try:
        for name in ("libcublasLt.so.12", CUBLAS):
            beside = [file for root in roots for file in root.glob(f"*/lib/{name}")]
            ctypes.CDLL(str(beside[0]) if beside else name, ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True
