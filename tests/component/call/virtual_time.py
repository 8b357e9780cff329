"""Minutes of a call in milliseconds: a test's coroutine on the replay's virtual clock."""

import asyncio

from ari_app.replay.clock import VirtualTimeLoop


def run(coroutine):
    """Run a coroutine on virtual time; no task may be left over."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:

        async def main():
            result = await coroutine
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"tasks left behind: {left}"
            return result

        return runner.run(main())
