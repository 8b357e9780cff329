"""Which engines compute on the GPU: what the settings ask for, against what there is.

Only the choice; what there is, each library is asked in a file of its own (llama_build.py, stt_build.py). The voice
stays on the processor: a clause takes it some 100 ms, and the GPU is better left to the other two.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from ari_app.engines.memory import in_gb
from ari_app.errors import ModelError
from ari_app.settings import Device

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gpu:
    """A device that can be used."""

    free_bytes: int | None
    """Free memory; None where the library does not tell."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why an engine cannot use a GPU, and how to mend it."""

    why: str
    remedy: str


NO_DEVICE = Obstacle(
    "no CUDA device is found", "look at what nvidia-smi says: the driver, or the container's right to the device"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine that could compute on a GPU."""

    name: str
    """Its section in the settings."""
    gpu: Gpu | Obstacle
    needs_bytes: int
    """Memory that it would take there."""


def choose(wanted: Device, candidates: Sequence[Candidate]) -> frozenset[str]:
    """The engines that go on the GPU; where its memory does not hold all, the first ones.

    Raises ModelError when ``cuda`` is asked for and one of them cannot.
    """
    if wanted == "cpu":
        return frozenset()
    known = [candidate.gpu.free_bytes for candidate in candidates if isinstance(candidate.gpu, Gpu)]
    free = next((size for size in known if size is not None), None)
    chosen, reasons = set(), {}
    for candidate in candidates:
        obstacle = _obstacle(candidate, free)
        if obstacle is None:
            chosen.add(candidate.name)
            free = None if free is None else free - candidate.needs_bytes
        elif wanted == "cuda":
            raise ModelError(f"device is cuda, but for {candidate.name} {obstacle.why}", obstacle.remedy)
        else:
            reasons[candidate.name] = obstacle.why
    if reasons:
        log.info("engines that stay on the processor", extra=reasons)
    return frozenset(chosen)


def _obstacle(candidate: Candidate, free: int | None) -> Obstacle | None:
    if isinstance(candidate.gpu, Obstacle):
        return candidate.gpu
    if free is not None and candidate.needs_bytes > free:
        return Obstacle(
            f"the GPU has too little memory: {in_gb(candidate.needs_bytes)} needed, {in_gb(free)} free",
            f"end what else uses it, take a smaller {candidate.name}.model, or set device to cpu",
        )
    return None
