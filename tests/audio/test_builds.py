"""What the installed libraries say of the processor, of a GPU and of memory, before a model is loaded."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ari_app.engines import llama_build, placement, stt_build
from ari_app.engines.device import Gpu, Obstacle
from ari_app.engines.llama import LlamaModel
from ari_app.engines.loader import load_engines
from ari_app.errors import ModelError
from ari_app.settings import PROJECT_ROOT, LlmSettings, Settings

DEMO = LlmSettings().model
AVX2 = "flags : fpu avx avx2 bmi2 f16c fma"
AVX512 = f"{AVX2} avx512f avx512cd avx512vl avx512dq avx512bw"
PORTABLE = {"avx", "avx2", "bmi2", "f16c", "fma"}


@pytest.mark.parametrize(
    ("compiled_for", "cpuinfo", "lacking"),
    [
        (PORTABLE, AVX2, []),
        (PORTABLE, AVX512, []),
        (PORTABLE | {"avx512"}, AVX512, []),
        (PORTABLE | {"avx512"}, AVX2, ["avx512f", "avx512cd", "avx512vl", "avx512dq", "avx512bw"]),
        (PORTABLE | {"avx512", "avx512_vnni"}, AVX512, ["avx512_vnni"]),
        (PORTABLE | {"amx_int8"}, AVX512, ["amx_int8"]),
        (PORTABLE, "processor : 0\nflags : fpu avx bmi2 f16c fma\n", ["avx2"]),
        (PORTABLE, "Features : fp asimd", []),
    ],
)
def test_a_build_for_another_processor_is_found_out(compiled_for, cpuinfo, lacking):
    assert llama_build.lacking_instructions(compiled_for.__contains__, cpuinfo) == lacking


def test_this_build_is_for_this_processor_and_not_for_a_386(tmp_path: Path):
    llama_build.check_processor()
    (tmp_path / "cpuinfo").write_text("flags : fpu\n")
    with pytest.raises(ModelError, match="compiled for another processor: this one has no avx") as caught:
        llama_build.check_processor(tmp_path / "cpuinfo")
    assert "./install.sh setup" in caught.value.remedy


def test_threads_that_wait_do_not_spin_for_long():
    """OpenMP itself says what it was told when llama.cpp loads it."""
    told = {"OMP_DISPLAY_ENV": "verbose", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", "import ari_app.engines.llama_build"]
    said = subprocess.run(command, env=told, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stderr
    assert "GOMP_SPINCOUNT = '10000'" in said


def test_the_memory_of_conversations_is_known_from_the_header(tmp_path: Path):
    whole = llama_build.kv_bytes(DEMO, 8192)
    assert whole == 8 * llama_build.kv_bytes(DEMO, 1024) > 0
    assert llama_build.kv_bytes(tmp_path / "missing.gguf", 8192) == 0
    (tmp_path / "broken.gguf").write_bytes(DEMO.read_bytes()[:100])
    assert llama_build.kv_bytes(tmp_path / "broken.gguf", 8192) == 0


def test_the_header_says_what_llama_cpp_then_takes(tmp_path: Path):
    """Against llama.cpp's own figures of the loaded model."""
    import llama_cpp as api

    model = LlamaModel(DEMO, gpu=False)
    layers, heads = api.llama_model_n_layer(model.handle()), api.llama_model_n_head_kv(model.handle())
    width = api.llama_model_n_embd(model.handle()) // api.llama_model_n_head(model.handle())
    model.close()
    assert llama_build.kv_bytes(DEMO, 1000) == 1000 * layers * heads * 2 * width * 2


def has_gpu() -> bool:
    return isinstance(llama_build.find_gpu(), Gpu) or isinstance(stt_build.find_gpu(), Gpu)


@pytest.mark.skipif(has_gpu(), reason="this machine has a GPU")
def test_without_a_gpu():
    assert isinstance(llama_build.find_gpu(), Obstacle)
    assert isinstance(stt_build.find_gpu(), Obstacle)
    assert placement.place(Settings()) == placement.place(Settings(device="cpu")) == frozenset()
    with pytest.raises(ModelError, match="device is cuda, but for llm"):
        placement.place(Settings(device="cuda"))


@pytest.mark.parametrize(("llm", "stt"), [(True, True), (True, False), (False, True)])
def test_with_a_gpu_both_go_there(monkeypatch, llm, stt):
    """The choice, not the computing: the GPU is imagined."""
    monkeypatch.setattr(llama_build, "find_gpu", lambda: Gpu(10**10) if llm else llama_build.NOT_BUILT)
    monkeypatch.setattr(stt_build, "find_gpu", lambda: Gpu(None) if stt else stt_build.NO_CUBLAS)
    wanted = {name for name, there in (("llm", llm), ("stt", stt)) if there}
    assert placement.place(Settings()) == wanted


async def test_too_little_memory_is_told_before_anything_is_loaded(monkeypatch):
    monkeypatch.setattr(placement, "free_bytes", lambda: 220_000_000)
    told = []
    with pytest.raises(ModelError, match=r"the models need 0\.\d GB of memory, 0\.2 GB are free"):
        await load_engines(Settings(), told.append)
    assert told == []


def test_a_longer_context_needs_more(monkeypatch):
    monkeypatch.setattr(placement, "free_bytes", lambda: 1_000_000_000)
    placement.place(Settings())
    long = replace(LlmSettings(), context_tokens=1_048_576)
    with pytest.raises(ModelError, match=r"llm \d+\.\d GB"):
        placement.place(Settings(llm=long))
