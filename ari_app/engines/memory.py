"""Whether the models fit into memory, computed before they are loaded: files' sizes, conversations, room to work.

Estimates from measurements: with the benchmarks' models of real size they say 1070 MB, and 1010 to 1110 MB are resident
after some work.
"""

from collections.abc import Iterator, Mapping
from math import inf
from pathlib import Path

from ari_app.engines.cores import control_groups
from ari_app.errors import ModelError

PROCESS_BYTES = 200_000_000
"""Python and the libraries."""
SPREAD = 2
"""What Whisper and a voice take when they work, of their files' size."""
LLM_WORK_BYTES, LLM_WORK_SHARE = 64_000_000, 1 / 16
"""What the language model's computing takes, and by how much that grows with the weights."""
GPU_WORK_BYTES = 400_000_000
"""What each library takes of a GPU for itself."""


def model_bytes(path: Path) -> int:
    """Size of a model: a file with the other parts of a split one, or what lies in a folder. 0 when there is none."""
    files = path.iterdir() if path.is_dir() else path.parent.glob(path.name.replace("-00001-of-", "-*-of-"))
    return sum(file.stat().st_size for file in files if file.is_file())


def speech_bytes(path: Path) -> int:
    """What Whisper, or a voice, takes."""
    return SPREAD * model_bytes(path)


def llm_bytes(path: Path, kv_bytes: int) -> int:
    """What the language model takes, with the memory of its conversations."""
    weights = model_bytes(path)
    return int(weights * (1 + LLM_WORK_SHARE)) + LLM_WORK_BYTES + kv_bytes


def check_room(needs: Mapping[str, int], free: int) -> None:
    """Raises ModelError, with the figures, when what the engines need, in bytes, is more than is free."""
    needed = sum(needs.values())
    if needed > free:
        parts = ", ".join(f"{name} {in_gb(size)}" for name, size in needs.items())
        raise ModelError(
            f"the models need {in_gb(needed)} of memory, {in_gb(free)} are free ({parts})",
            "end other programs, take smaller models (stt.model, llm.model), or lower llm.context_tokens",
        )


def free_bytes(root: Path = Path("/")) -> int:
    """Memory that this process may still take: what the machine has, and what its control groups' limits leave.

    `root` is where /proc and /sys are.
    """
    return int(min(_available(root), *(_left(folder) for folder in control_groups(root)), inf))


def in_gb(size: int) -> str:
    """Bytes for people, in GB (10^9)."""
    return f"{size / 1e9:.1f} GB"


def _available(root: Path) -> int:
    lines = dict(line.split(":") for line in (root / "proc/meminfo").read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024


def _left(folder: Path) -> float:
    """What a control group may still take; its file cache does not count, it goes when memory is short."""
    try:
        limit, used = ((folder / name).read_text().strip() for name in ("memory.max", "memory.current"))
        statistics = dict(_pairs((folder / "memory.stat").read_text()))
    except OSError:  # no limit of its own, or a container that hides it
        return inf
    return inf if limit == "max" else int(limit) - int(used) + statistics["file"] - statistics["shmem"]


def _pairs(text: str) -> Iterator[tuple[str, int]]:
    for line in text.splitlines():
        name, value = line.split()
        yield name, int(value)
