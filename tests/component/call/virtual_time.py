"""Minutes of a call in milliseconds: a test's coroutine on the replay's virtual clock."""

import asyncio

from ari_app.replay.clock import VirtualTimeLoop


class TestLoop(VirtualTimeLoop):
    """The replay's loop, which can also be made to stall."""

    def stall(self, seconds):
        """The loop was busy for so long."""
        self._virtual._now += seconds


def run(coroutine):
    """Run a coroutine on virtual time; no task may be left over."""
    with asyncio.Runner(loop_factory=TestLoop) as runner:

        async def main():
            result = await coroutine
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"tasks left behind: {left}"
            return result

        return runner.run(main())
