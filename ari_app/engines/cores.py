"""How many threads each engine gets, and that none of them keeps the event loop waiting.

The engines take turns more than they compete: the voice works while the model waits for its reader, the ears while the
caller speaks. But ggml's threads wait for one another after every operation, so that one of them without a core makes
all of them slow: beyond two cores a quarter is kept for ears, voice and media::

    cores             1    2    4    8   16   64
    llm.threads       1    2    3    6   12   32
    stt.workers       1    1    1    2    4   16
    tts.threads       1    2    2    2    4    4

Frames and timers need little, but in time: they run on the event loop's thread, and every engine's thread yields to it.
Measured with voice and ears busy on two cores: the loop wakes up 0.2 ms late instead of 0.4 to 2 (90th percentile), and
2.4 to 3 ms instead of 3 to 5 (99th).
"""

import os
import sys
import threading
from contextlib import suppress
from math import inf
from pathlib import Path

SMALL_PARAMETERS = 100_000_000
"""A language model with fewer computes a token faster on one core than the work can be handed out to several."""
MOST_LLM_THREADS, MOST_STT_WORKERS, MOST_TTS_THREADS = 32, 16, 4
"""More of them only wait: for memory, for callers, for each other within the short operations of a voice."""
NICENESS = 5
"""By how much engine threads are nicer than the event loop: it gets three times their share, and a core when it
wakes up. Much more would let other programs keep an engine from its core while it holds Python's lock."""
SWITCH_SECONDS = 0.0005
"""So long a thread may run Python while another wants to. Python's own 5 ms would be a quarter of a frame, and an
engine's thread that makes phonemes or tokens would keep the event loop waiting for as long."""


def llm_threads(cores: int, parameters: int) -> int:
    """Threads of ggml for a model of so many parameters."""
    if parameters < SMALL_PARAMETERS:
        return 1
    return cores if cores <= 2 else min(cores - max(1, cores // 4), MOST_LLM_THREADS)


def stt_workers(cores: int) -> int:
    """Utterances that are transcribed at once, each on one core."""
    return min(max(1, cores // 4), MOST_STT_WORKERS)


def tts_threads(cores: int) -> int:
    """Threads of onnxruntime that make one clause together."""
    return min(cores, max(2, cores // 4), MOST_TTS_THREADS)


def available_cores(root: Path = Path("/")) -> int:
    """Whole cores that this process may use: those it may run on, or what its control group's quota leaves of them.

    A core's second hardware thread does not count, it only slows ggml down. `root` is where /proc and /sys are.
    """
    quota = min((_quota(folder) for folder in control_groups(root)), default=inf)
    return max(1, int(min(_physical_cores(root, os.sched_getaffinity(0)), quota)))


def yield_to_media() -> None:
    """Let the calling thread, and every thread that it starts, come after the event loop (Linux: nice is per thread).

    Libraries start their threads where a model is loaded or first used, so both have to happen on such a thread.
    """
    event_loop = os.getpriority(os.PRIO_PROCESS, os.getpid())  # which runs on the main thread
    with suppress(PermissionError):  # a sandbox may forbid it, and engines must work all the same
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), event_loop + NICENESS)


def hand_over_quickly() -> None:
    """Let no thread of this process run Python for longer than SWITCH_SECONDS while another wants to."""
    sys.setswitchinterval(SWITCH_SECONDS)


def _physical_cores(root: Path, cpus: set[int]) -> int:
    topology = [(cpu, root / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") for cpu in cpus]
    return len({siblings.read_text() if siblings.exists() else str(cpu) for cpu, siblings in topology})


def control_groups(root: Path) -> list[Path]:
    """The folders of this process's control group (version 2) and of those around it, each of which limits it."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    own = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if own is None:
        return []
    top = root / "sys/fs/cgroup"
    return [top / own, *(top / parent for parent in Path(own).parents)]


def _quota(folder: Path) -> float:
    """Cores that a control group may use (``cpu.max``: microseconds, of a period in microseconds)."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):  # no limit of its own, or a container that hides it
        return inf
    return inf if quota == "max" else int(quota) / int(period)
