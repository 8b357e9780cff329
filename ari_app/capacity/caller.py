"""One simulated caller: stands where call/line.py, Asterisk and a telephone stand on a real call. In real time.

::

    sends   ······▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇··············   a line, between silences: a frame every 20 ms
                                ^ last loud frame
    gets    ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▇▇▇▇▇▇▇   paced as audiosocket and rtp pace it
                                       ^ first loud frame

What lies between, less the silence that ended the turn, is the gap.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from itertools import cycle
from random import Random

from ari_app.audio.clock import FRAME_SECONDS
from ari_app.capacity.telephone import LEG_RATE, Sounds, is_loud
from ari_app.media.events import EventQueue
from ari_app.media.pacing import PacedLeg, PacedSpeaker
from ari_app.media.transport import Frame, MediaEvent, Played, Transport
from ari_app.store.records import ToolRecord, TurnRecord

ANSWER_SECONDS = 15.0
"""Longer than the agent itself waits for an answer (`turn.reply_timeout_ms`)."""
PAUSE_SECONDS = 0.8
"""Silence after which the agent has finished: longer than any pause between its sentences."""
THINK_SECONDS = (0.2, 1.5)
"""How long the caller takes to say the next line."""
LINES_A_CALL = (4, 7)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller got for a line."""

    gap_ms: float | None
    """Beyond the silence that ended the turn; None when no answer came."""
    understood: bool
    """Whether any words were."""


class Leg(PacedLeg):
    """A media leg whose other end is the caller's ear; see Transport."""

    name = "simulated"
    rate = LEG_RATE
    carries_dtmf = True

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._events = EventQueue()
        self._speaker = PacedSpeaker(int(LEG_RATE * FRAME_SECONDS) * 2, self._heard, self._played)
        self.loud_at = float("-inf")
        """When the agent was heard last."""
        self._first: asyncio.Future[float] | None = None

    def __aiter__(self) -> AsyncIterator[MediaEvent]:
        """Frames of the caller, and marks."""
        return self._events

    def hear(self, pcm: bytes) -> None:
        """The caller's next frame."""
        self._events.put(Frame(pcm, self._loop.time()))
        self._speaker.heard()

    async def close(self) -> None:
        """See Transport."""
        self._speaker.stop()

    def next_loud(self) -> asyncio.Future[float]:
        """When the agent is heard next."""
        self._first = self._loop.create_future()
        return self._first

    def _heard(self, pcm: bytes | None, skipped: int) -> None:
        if pcm is not None and is_loud(pcm):
            self.loud_at = self._loop.time()
            if self._first is not None and not self._first.done():
                self._first.set_result(self.loud_at)

    def _played(self, mark: str) -> None:
        self._events.put(Played(mark, self._loop.time()))


class Caller:
    """One call of a caller who asks a few questions and hangs up: the session's line, and its books."""

    rate = LEG_RATE

    def __init__(
        self, call_id: str, sounds: Sounds, random: Random, told: Callable[[Answer], None], shortest_endpoint_ms: int
    ) -> None:
        """`told` gets every answer; `shortest_endpoint_ms` is taken off where the turn's own is not known."""
        self.call_id = call_id
        self._sounds = sounds
        self._random = random
        self._told = told
        self._shortest_endpoint_ms = shortest_endpoint_ms
        self._loop = asyncio.get_running_loop()
        self._leg = Leg()
        self._opened = asyncio.Event()
        self._left = asyncio.Event()
        self._saying: deque[bytes] = deque()  # the rest of one line
        self._said = asyncio.Event()
        self._said_at = 0.0
        self._endpoint_ms = 0.0
        self._understood = False

    async def open(self) -> tuple[Transport, Transport]:
        """See CallerLine."""
        self._opened.set()
        return self._leg, self._leg

    async def watch(self, *_: object) -> None:
        """See CallerLine."""
        await self._left.wait()

    def turn(self, record: TurnRecord) -> None:
        """See Books."""
        if record.endpoint_ms is not None:
            self._endpoint_ms, self._understood = record.endpoint_ms, bool(record.caller_text)

    def tool_call(self, record: ToolRecord) -> None:
        """See Books."""

    async def talk(self, stop: asyncio.Event) -> None:
        """Ask until all is asked, or `stop` is set and the answer has come; then hang up. Cancelled with the call."""
        await self._opened.wait()
        feeding = asyncio.create_task(self._feed())
        try:
            await self._greeted()
            count = self._random.randint(*LINES_A_CALL)
            for line in self._random.sample(self._sounds.lines, min(count, len(self._sounds.lines))):
                await asyncio.sleep(self._random.uniform(*THINK_SECONDS))
                if stop.is_set():
                    break
                await self._ask(line)
        finally:
            self._left.set()
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            await self._leg.close()

    async def _greeted(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._leg.next_loud()
        except TimeoutError:  # an agent that lets the caller speak first
            return
        await self._agent_finished()

    async def _ask(self, line: Iterable[bytes]) -> None:
        """Say one line and tell what came of it. Of a line that the agent did not let end, nothing is told."""
        self._endpoint_ms, self._understood = self._shortest_endpoint_ms, False
        begun = self._loop.time()
        self._said.clear()
        self._saying.extend(line)
        await self._said.wait()
        if self._leg.loud_at >= begun:
            await self._agent_finished()
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                gap = await self._leg.next_loud() - self._said_at
        except TimeoutError:
            self._told(Answer(None, understood=False))
            return
        try:
            await self._agent_finished()
        finally:  # also when the agent has hung up
            self._told(Answer(gap * 1000 - self._endpoint_ms, self._understood))

    async def _agent_finished(self) -> None:
        while (rest := self._leg.loud_at + PAUSE_SECONDS - self._loop.time()) > 0:  # noqa: ASYNC110 (silence is no event)
            await asyncio.sleep(rest)

    async def _feed(self) -> None:
        """A frame every 20 ms, to absolute deadlines."""
        began, silence = self._loop.time(), cycle(self._sounds.silence)
        count = 0
        while True:
            count += 1
            await asyncio.sleep(began + count * FRAME_SECONDS - self._loop.time())
            if self._saying:
                self._leg.hear(self._saying.popleft())
                if not self._saying:
                    self._said_at = self._loop.time()
                    self._said.set()
            else:
                self._leg.hear(next(silence))
