"""An event loop whose clock jumps to the next timer when nothing else is to do: minutes of a call in milliseconds."""

import asyncio
import selectors


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting, moves the clock."""

    now = 1000.0

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("the loop would wait for ever")
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """No threads, no sockets: whatever waits, waits on a timer."""

    def __init__(self):
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self):
        return self._jumping.now


def run(coroutine):
    """Run a coroutine on virtual time; no task may be left over."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:

        async def main():
            result = await coroutine
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"tasks left behind: {left}"
            return result

        return runner.run(main())
