"""One clock for the media of many calls, so that the callers leave the two cores to what is measured.

::

    5 ms    ┬     ┬     ┬     ┬     ┬     ┬
    calls   0 4   1 5   2 6   3 7   0 4   1 5     each is read and sent once every 20 ms, in its own place

A thread and a reader for each call wake up 100 times a second for each; this wakes up 200 times for all. What is
measured does not suffer: arrivals are stamped by the kernel, and a frame is stamped when it leaves.
"""

import asyncio
import time
from collections.abc import Callable

from ari_app.demo.phone.drive import Stop
from ari_app.demo.phone.receiver import Receiver
from ari_app.demo.phone.rtp import FRAME_S
from ari_app.demo.phone.sender import Sender

PLACES = 4
"""Into which a frame's time is divided."""


class Pump:
    """Drives calls within `async with`."""

    def __init__(self) -> None:
        self._places: list[dict[object, Callable[[], None]]] = [{} for _ in range(PLACES)]
        self._ticking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Pump":
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)

    def read(self, receiver: Receiver) -> Stop:
        """See Drive."""
        return self._add(receiver, receiver.read)

    def send(self, sender: Sender) -> Stop:
        """See Drive."""
        sender.due = time.monotonic()

        def step() -> None:
            while sender.due <= time.monotonic() + FRAME_S / 2:  # once, but after a stall
                sender.step()

        return self._add(sender, step)

    def _add(self, what: object, step: Callable[[], None]) -> Stop:
        place = min(self._places, key=len)
        place[what] = step

        def stop() -> None:
            place.pop(what, None)

        return stop

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due, number = loop.time(), 0
        while True:
            await asyncio.sleep(due - loop.time())
            for step in tuple(self._places[number % PLACES].values()):
                step()
            due = max(due + FRAME_S / PLACES, loop.time() - FRAME_S)  # no need to go round for each frame of a stall
            number += 1
