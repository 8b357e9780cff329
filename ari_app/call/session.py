"""One call from answer to goodbye: a task group, one inbox, the turn machine in the middle.

::

    transport ─→ listen ─→ inbox ─→ TurnMachine ─→ commands ─→ exchange ─→ playout ─→ transport

One consumer takes every event in order, so there are no locks. What other tasks produce carries the generation or
utterance it belongs to; the machine ignores what is late.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from ari_app.audio.echo import EchoDetector
from ari_app.call.exchange import Exchange, Parts
from ari_app.call.line import CallerLine
from ari_app.call.listen import Listener
from ari_app.call.playout import Playout
from ari_app.call.recording import Recorder
from ari_app.core.commands import Command, HoldSpeaking, Leave, Outcome, ResumeSpeaking
from ari_app.core.events import CallerGone, Digit, Event, Heard, LineFailed, MediaReady, Timer
from ari_app.core.speech import SpeechDetector
from ari_app.core.state import State
from ari_app.core.turns import TurnMachine
from ari_app.engines.base import Conversation
from ari_app.errors import EngineError
from ari_app.media.transport import Closed, DtmfDigit, Frame, Played, Transport
from ari_app.settings import AgentSettings

log = logging.getLogger(__name__)

_GREETING_SECONDS = 2.0
"""How much longer a phone may ring because the dialplan wants a greeting that was never said before."""

Observer = Callable[[float, Event, Sequence[Command]], None]
"""Told of every event with its time, and of what the machine made of it."""


class Session:
    """The conversation on one line."""

    def __init__(
        self,
        parts: Parts,
        line: CallerLine,
        agent: AgentSettings,
        conversation: Conversation,
        recorder: Recorder,
        facts: dict[str, str],
        observe: Observer | None = None,
    ) -> None:
        self._parts = parts
        self._line = line
        self._agent = agent
        self._conversation = conversation
        self._recorder = recorder
        self._facts = facts
        self._observe = observe
        self._machine = TurnMachine(agent, parts.settings.turn, parts.settings.barge_in)
        # A call makes a few events a second; 500 are minutes of them, more means the consumer is dead.
        self._inbox: asyncio.Queue[Event] = asyncio.Queue(maxsize=500)
        self._loop = asyncio.get_running_loop()
        self._group: asyncio.TaskGroup
        self._tasks: set[asyncio.Task[None]] = set()  # those that run now
        self._listener: Listener
        self._exchange: Exchange | None = None
        self._playout: Playout
        self._keys_in_media = True

    async def run(self) -> Outcome:
        """Hold the conversation; returns how it ended. The line and the recording stay for the caller to finish."""
        async with asyncio.TaskGroup() as self._group:
            try:
                self._spawn(self._watch_line())
                await self._prepare_greeting(self._line.rate)
                speaking, hearing = await self._line.open()
                await self._recorder.start()
                exchange = self._prepare(speaking, hearing)
                self._spawn(self._read(speaking, hears=hearing is speaking))
                if hearing is not speaking:
                    self._spawn(self._read(hearing, hears=True))
                self.post(MediaReady())
                return await self._converse(exchange)
            finally:
                if self._exchange:
                    self._exchange.close()
                for task in self._tasks:
                    task.cancel()

    def post(self, event: Event) -> None:
        """Put an event into the inbox (from the event loop's thread)."""
        try:
            self._inbox.put_nowait(event)
        except asyncio.QueueFull:
            log.error("the call's inbox is full; an event was dropped", extra={"call": self._line.call_id})

    def counts(self) -> dict[str, int]:
        """How often what happened on this call."""
        return self._exchange.counts() if self._exchange else {}

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a part of this call beside the others; it ends with the call at the latest."""
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _prepare_greeting(self, rate: int) -> None:
        """Have it before the answer; one that cannot be had is not waited for here."""
        for text in (self._agent.disclosure, self._agent.greeting):
            if text.strip():
                with suppress(EngineError, TimeoutError):
                    async with asyncio.timeout(_GREETING_SECONDS):
                        await self._parts.prompts.get(text, self._agent.language, rate)

    def _prepare(self, speaking: Transport, hearing: Transport) -> Exchange:
        settings = self._parts.settings
        echo = EchoDetector(speaking.rate)
        self._keys_in_media = speaking.carries_dtmf
        self._listener = Listener(
            hearing.rate,
            self._parts.vad.session(),
            SpeechDetector(settings.vad, settings.barge_in),
            echo,
            max_speech_ms=settings.turn.max_speech_ms,
            agent_speaks=self._agent_speaks,
            on_hush=self._hushed,
        )
        self._exchange = Exchange(
            self._parts,
            self._line.call_id,
            self._agent,
            self._conversation,
            self._facts,
            self._listener,
            speaking,
            echo,
            self.post,
            self._spawn,
        )
        self._playout = self._exchange.playout
        return self._exchange

    def _agent_speaks(self) -> bool:
        return self._exchange is not None and self._exchange.playout.speaking

    def _hushed(self) -> None:
        if self._exchange is not None:
            self._exchange.hushed()

    # -- what comes in

    async def _watch_line(self) -> None:
        await self._line.watch(self._pressed, self.post)
        self.post(CallerGone())

    def _pressed(self, key: str) -> None:
        """A key by ARI; where the media leg carries keys, it has them in order with the audio, and each only once."""
        if not self._keys_in_media:
            self.post(Digit(key))

    async def _read(self, transport: Transport, *, hears: bool) -> None:
        async for event in transport:
            match event:
                case Frame() if hears:
                    for decision in self._listener.hear(event):
                        self.post(decision)
                    transport.relax(self._listener.idle and not self._agent_speaks())
                case Played():
                    self._playout.on_played(event)
                case DtmfDigit(digit):
                    self.post(Digit(digit))
                case Closed(reason, error):
                    log.warning(
                        "a media leg closed",
                        extra={"call": self._line.call_id, "reason": reason, "error": str(error or "")},
                    )
                    self.post(LineFailed("media_lost"))
                case _:
                    pass

    async def _converse(self, exchange: Exchange) -> Outcome:
        """Feed the machine until it leaves."""
        while True:
            event = await self._next_event()
            exchange.note(event)
            now = self._loop.time()
            commands = self._machine.handle(event, now)
            if self._observe:
                self._observe(now, event, commands)
            for command in commands:
                if isinstance(command, Leave):
                    return command.outcome
                exchange.do(command)
                if isinstance(command, HoldSpeaking) and self._machine.state is State.INTERRUPTED:
                    exchange.count("holds")
                elif isinstance(command, ResumeSpeaking) and isinstance(event, Heard):
                    exchange.count("false_alarms")
            exchange.noted(event, self._machine.state)

    async def _next_event(self) -> Event:
        while True:
            clocks = (self._machine, self._playout, self._listener)
            due = [deadline for clock in clocks if (deadline := self._deadline(clock)) is not None]
            try:
                async with asyncio.timeout_at(min(due) if due else None):
                    return await self._inbox.get()
            except TimeoutError:
                if self._is_due(self._playout):
                    self._playout.on_overdue()
                elif self._is_due(self._listener):
                    for decision in self._listener.on_gap():
                        self.post(decision)
                elif self._is_due(self._machine):
                    return Timer()

    def _deadline(self, clock: TurnMachine | Playout | Listener) -> float | None:
        deadline = clock.next_deadline()
        if deadline is not None and clock is self._machine and self._machine.state is State.PAUSING:
            return max(deadline, self._listener.unjudged_until)  # no turn ends in a sound that may be the next word
        return deadline

    def _is_due(self, clock: TurnMachine | Playout | Listener) -> bool:
        deadline = self._deadline(clock)
        return deadline is not None and self._loop.time() >= deadline
