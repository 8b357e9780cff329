"""Which engines go on the GPU; no GPU is needed to decide that."""

import logging

import pytest

from ari_app.engines.device import NO_DEVICE, Candidate, Gpu, Obstacle, choose
from ari_app.errors import ModelError
from ari_app.settings import Device

NOT_BUILT = Obstacle("the library does not know CUDA", "build it")
FREE = Gpu(1000)
UNTOLD = Gpu(None)

CASES = {
    "no device": ("auto", (NO_DEVICE, NO_DEVICE), set()),
    "both": ("auto", (FREE, UNTOLD), {"llm", "stt"}),
    "one library only": ("auto", (NOT_BUILT, UNTOLD), {"stt"}),
    "the other only": ("auto", (FREE, NOT_BUILT), {"llm"}),
    "room for the first": ("auto", (Gpu(650), UNTOLD), {"llm"}),
    "room for the second": ("auto", (Gpu(300), UNTOLD), {"stt"}),
    "room for none": ("auto", (Gpu(100), UNTOLD), set()),
    "not wanted": ("cpu", (FREE, FREE), set()),
    "wanted and there": ("cuda", (FREE, UNTOLD), {"llm", "stt"}),
}


def candidates(llm: Gpu | Obstacle, stt: Gpu | Obstacle) -> list[Candidate]:
    return [Candidate("llm", llm, 600), Candidate("stt", stt, 200)]


@pytest.mark.parametrize(("wanted", "found", "chosen"), CASES.values(), ids=CASES)
def test_the_choice(wanted: Device, found: tuple[Gpu | Obstacle, Gpu | Obstacle], chosen: set[str]) -> None:
    assert choose(wanted, candidates(*found)) == chosen


def test_what_auto_leaves_on_the_processor_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    choose("auto", candidates(FREE, UNTOLD))
    assert not caplog.records
    choose("auto", candidates(NOT_BUILT, NO_DEVICE))
    assert [record.message for record in caplog.records] == ["engines that stay on the processor"]
    assert vars(caplog.records[0])["llm"] == NOT_BUILT.why
    assert vars(caplog.records[0])["stt"] == NO_DEVICE.why


@pytest.mark.parametrize(
    ("llm", "stt", "message", "remedy"),
    [
        (NOT_BUILT, UNTOLD, "device is cuda, but for llm the library does not know CUDA", "build it"),
        (FREE, NO_DEVICE, "device is cuda, but for stt no CUDA device is found", "nvidia-smi"),
        (Gpu(10**9), UNTOLD, "", ""),
        (Gpu(100), UNTOLD, "for llm the GPU has too little memory: 0.0 GB needed, 0.0 GB free", "smaller llm.model"),
        (Gpu(700), UNTOLD, "for stt the GPU has too little memory", "set device to cpu"),
    ],
)
def test_cuda_that_cannot_be_says_why(llm: Gpu | Obstacle, stt: Gpu | Obstacle, message: str, remedy: str) -> None:
    if not message:
        assert choose("cuda", candidates(llm, stt)) == {"llm", "stt"}
        return
    with pytest.raises(ModelError) as caught:
        choose("cuda", candidates(llm, stt))
    assert message in caught.value.message
    assert remedy in caught.value.remedy
