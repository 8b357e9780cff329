"""How often the words of a caller who still speaks may be transcribed. Pure.

::

    speech    ████████████████████████████████████
    partials       ▔▔  ·   ·   ▔▔  ·   ·  ▔▔          ▔ a transcription, · the pause after it

What becomes certain needs no rule here: the model reads every partial whole, and what the next one contradicts is cut
from its memory, so that it keeps what they agree on.
"""

_PAUSE_FACTOR = 3
"""The pause after a transcription is at least so many times what it took: a quarter of a core at most."""


def next_partial_at(started_at: float, took: float, interval: float) -> float:
    """When the words may be transcribed again, after a transcription that began `started_at` and took so many seconds:
    `interval` after its beginning, or later when it was slow."""
    return started_at + max(interval, took * (1 + _PAUSE_FACTOR))
