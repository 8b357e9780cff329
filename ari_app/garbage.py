"""What calls leave behind in memory: garbage in cycles, some 0.15 MB a call, and heap that the C library keeps.

Both are bounded by themselves, but late, and at a hundred calls' worth.
"""

import ctypes
import gc

FULL_COLLECTIONS = 2
"""Garbage is looked for everywhere with every second collection of the middle generation; Python's default is 10."""
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc only


def freeze() -> None:
    """What was made so far stays: to look through it for garbage takes 0.1 s, and every call would wait.

    The whole rest is looked through when it has grown by a quarter of what was there at the last look, so one look more
    is taken, at next to nothing; and then after some twenty calls instead of a hundred.
    """
    gc.collect()
    gc.freeze()
    gc.collect()
    gc.set_threshold(700, 10, FULL_COLLECTIONS)


def give_back() -> None:
    """Collect the garbage, and give the heap that is free back to the system. Takes milliseconds: for when it is quiet.

    A smaller threshold of the C library for what it gives back at once would cost a third of a transcript's time.
    """
    gc.collect()
    if _trim is not None:
        _trim(0)
