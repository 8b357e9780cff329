"""A Stasis with everything around it scripted, on virtual time."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

from ari_app.call.prompts import Prompts
from ari_app.call.session import Parts
from ari_app.core.admission import Admission
from ari_app.errors import EngineError
from ari_app.settings import RecordingSettings, Settings
from ari_app.stasis import Stasis, Switchboard
from tests.component.call.fake_board import CallBooks, FakeAmi, FakeAri, FakeMedia
from tests.component.call.script import AGENT, Ears, Mind, Voice
from tests.component.call.virtual_time import run

GOODBYE = ['Goodbye. <tool_call>{"name":"hang_up","arguments":{}}</tool_call>']
TURN = [(0.5, False), (1.0, True), (2.0, False)]


class Office:
    """A Stasis with everything around it."""

    def __init__(self, transcripts=(), replies=(), most=16, **sections):
        self.ari, self.media, self.books = FakeAri(), FakeMedia(), CallBooks()
        self.ami = FakeAmi(self.ari)
        self.ears, self.mind, self.voice = Ears(transcripts), Mind(replies), Voice()
        self.full = False
        sections = {"agents": {"desk": AGENT}, "recording": RecordingSettings(mode="off"), **sections}
        settings = replace(Settings(), **sections)
        board = Switchboard(self.ari, self.ami, self.media, self, self.books)
        parts = Parts(settings, self.ears, self.ears, self.voice, Prompts(self.voice), self.books)
        self.admission = Admission(most, 800.0)
        self.stasis = Stasis(parts, board, self.admission)

    def conversation(self):
        if self.full:
            raise EngineError("all sequences are taken")
        return self.mind

    @asynccontextmanager
    async def open(self):
        running = asyncio.create_task(self.stasis.run())
        try:
            yield self
        finally:
            await self.stasis.drain(5.0)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            for wire in self.media.wires:
                for timer in wire.marks:
                    timer.cancel()

    async def until(self, condition, seconds=60.0):
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.001)

    async def idle(self):
        """All calls are over."""
        await asyncio.sleep(0.002)
        await self.until(lambda: not self.stasis._tasks)

    def requests(self):
        return [what for what, *_ in self.ari.asked]

    def result(self):
        return self.ari.variables.get("OFFHOOK_STATUS"), self.ari.variables.get("OFFHOOK_REASON")


def office_test(test):
    """Run an async test with an Office on virtual time."""

    def wrapped():
        run(test())

    wrapped.__name__, wrapped.__doc__ = test.__name__, test.__doc__
    return wrapped
