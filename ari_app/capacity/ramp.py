"""From one call upwards until callers wait too long, then to the exact number by bisection."""

from collections.abc import Awaitable, Callable

from ari_app.capacity.measure import Step

RAMP = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
"""So many calls are tried in turn, each at most half as many again as good ones before; then `most`."""


async def find_limit(
    step: Callable[[int], Awaitable[Step]], most: int, target_ms: float, told: Callable[[Step], None]
) -> int:
    """The most calls at once, 0…`most`, that are answered in time; `told` gets every step that was measured."""
    good, bad = 0, most + 1
    while bad - good > 1:
        calls = (good + bad) // 2 if bad <= most else min([most, *(calls for calls in RAMP if calls > good)])
        good, bad = (calls, bad) if await _holds(step, calls, target_ms, told) else (good, calls)
    return good


async def _holds(
    step: Callable[[int], Awaitable[Step]], calls: int, target_ms: float, told: Callable[[Step], None]
) -> bool:
    """Measured twice before it is denied: something else may have run on the box."""
    for _ in range(2):
        measured = await step(calls)
        told(measured)
        if measured.holds(target_ms):
            return True
    return False
