"""What makes a call's media move: reads when packets have come, and steps the sender every 20 ms.

`Alone` measures best: a thread for each call's sender, because a measuring clock must not wait for an event loop that
is busy with something else. For many calls at once, a benchmark drives them all with one clock.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Protocol

from ari_app.demo.phone.receiver import Receiver
from ari_app.demo.phone.sender import Sender

Stop = Callable[[], None]
"""Ends what was begun, before it returns; idempotent."""


class Drive(Protocol):
    """Moves the media of one call or of many."""

    def read(self, receiver: Receiver) -> Stop:
        """Begin to call `receiver.read`."""

    def send(self, sender: Sender) -> Stop:
        """Begin to call `sender.step` whenever its frame is due."""


class Alone:
    """The event loop's reader, and a thread for each sender."""

    def read(self, receiver: Receiver) -> Stop:
        """See Drive."""
        loop = asyncio.get_running_loop()
        loop.add_reader(receiver.socket, receiver.read)

        def stop() -> None:
            loop.remove_reader(receiver.socket)

        return stop

    def send(self, sender: Sender) -> Stop:
        """See Drive."""
        over = threading.Event()

        def run() -> None:
            while not over.wait(max(0.0, sender.due - time.monotonic())):
                sender.step()

        thread = threading.Thread(target=run, name="phone-rtp", daemon=True)
        thread.start()

        def stop() -> None:
            over.set()
            thread.join()

        return stop
