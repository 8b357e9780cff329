"""One call from answer to goodbye: a task group, one inbox, the turn machine in the middle.

::

    transport ─→ listen ─→ inbox ─→ TurnMachine ─→ commands ─→ reply ─→ playout ─→ transport

One consumer takes every event in order, so there are no locks. What other tasks produce carries the generation or
utterance it belongs to; the machine ignores what is late.
"""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ari_app.call.line import Line
from ari_app.call.listen import Listener
from ari_app.call.playout import Playout
from ari_app.call.prompts import Prompts
from ari_app.call.recording import Recorder
from ari_app.call.reply import Replier
from ari_app.call.tools import tool_result, tool_specs
from ari_app.call.turnlog import TurnLog
from ari_app.core.commands import (
    CallerSaid,
    Command,
    ForgetSpeech,
    Leave,
    Outcome,
    Reply,
    Say,
    StopSpeaking,
    TakeTranscript,
)
from ari_app.core.dialogue import Dialogue
from ari_app.core.speech import SpeechDetector
from ari_app.core.events import (
    CallerGone,
    Digit,
    Event,
    Heard,
    HearingFailed,
    LineFailed,
    MediaReady,
    ReplyFailed,
    SpeakingDone,
    SpeakingStarted,
    SpeechStopped,
    Timer,
    ToolCalled,
)
from ari_app.core.turns import State, TurnMachine
from ari_app.engines.base import Conversation, Stt, Tts, Vad
from ari_app.errors import EngineError
from ari_app.media.transport import Closed, DtmfDigit, Frame, MediaKind, Played, Transport
from ari_app.settings import AgentSettings, Settings
from ari_app.store.records import ToolRecord
from ari_app.store.store import Store

log = logging.getLogger(__name__)

_GREETING_SECONDS = 2.0
"""How much longer a phone may ring because the dialplan wants a greeting that was never said before."""


@dataclass(frozen=True)
class Parts:
    """What all calls share; app.py makes it."""

    settings: Settings
    vad: Vad
    stt: Stt
    tts: Tts
    prompts: Prompts
    store: Store


class Session:
    """The conversation on one line."""

    def __init__(
        self,
        parts: Parts,
        line: Line,
        agent: AgentSettings,
        conversation: Conversation,
        recorder: Recorder,
        facts: dict[str, str],
    ) -> None:
        self._parts = parts
        self._line = line
        self._agent = agent
        self._conversation = conversation
        self._recorder = recorder
        self._dialogue = Dialogue(agent.prompt, facts)
        self._machine = TurnMachine(agent, parts.settings.turn, parts.settings.barge_in)
        # A call makes a few events a second; 500 are minutes of them, more means the consumer is dead.
        self._inbox: asyncio.Queue[Event] = asyncio.Queue(maxsize=500)
        self._loop = asyncio.get_running_loop()
        self._turns = TurnLog(line.call_id, parts.store.turn, self._loop.time)
        self._group: asyncio.TaskGroup
        self._tasks: set[asyncio.Task[None]] = set()  # those that run now
        self._speaking: asyncio.Task[None] | None = None
        self._listener: Listener
        self._playout: Playout
        self._replier: Replier
        self._rate = 0
        self._keys_in_media = True

    async def run(self, kind: MediaKind, listen: str) -> Outcome:
        """Hold the conversation; returns how it ended. The line and the recording stay for the caller to finish."""
        async with asyncio.TaskGroup() as self._group:
            try:
                self._spawn(self._watch_line())
                await self._prepare_greeting(kind.rate)
                speaking, hearing = await self._line.open(kind, listen)
                await self._recorder.start()
                self._prepare(speaking, hearing)
                self._spawn(self._read(speaking, hears=hearing is speaking))
                if hearing is not speaking:
                    self._spawn(self._read(hearing, hears=True))
                self.post(MediaReady())
                return await self._converse()
            finally:
                self._turns.close()
                for task in self._tasks:
                    task.cancel()

    def post(self, event: Event) -> None:
        """Put an event into the inbox (from the event loop's thread)."""
        try:
            self._inbox.put_nowait(event)
        except asyncio.QueueFull:
            log.error("the call's inbox is full; an event was dropped", extra={"call": self._line.call_id})

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a part of this call beside the others; it ends with the call at the latest."""
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _prepare_greeting(self, rate: int) -> None:
        """Have it before the answer; one that cannot be had is not waited for here."""
        if not self._agent.greeting.strip():
            return
        with suppress(EngineError, TimeoutError):
            async with asyncio.timeout(_GREETING_SECONDS):
                await self._parts.prompts.get(self._agent.greeting, self._agent.language, rate)

    def _prepare(self, speaking: Transport, hearing: Transport) -> None:
        settings = self._parts.settings
        self._rate = speaking.rate
        self._keys_in_media = speaking.carries_dtmf
        self._listener = Listener(
            hearing.rate,
            self._parts.vad.session(),
            SpeechDetector(settings.vad),
            max_speech_ms=settings.turn.max_speech_ms,
        )
        self._playout = Playout(speaking, self.post, self._loop.time)
        self._replier = Replier(
            self._conversation,
            self._parts.tts,
            self._playout,
            tools=tool_specs(self._agent),
            rate=self._rate,
            language=self._agent.language,
            max_tokens=settings.llm.max_reply_tokens,
            patience_seconds=settings.turn.reply_timeout_ms / 1000,
            emit=self.post,
            stamp=self._turns.stamp,
        )

    # -- what comes in

    async def _watch_line(self) -> None:
        await self._line.watch(self._pressed)
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

    async def _converse(self) -> Outcome:
        """Feed the machine until it leaves."""
        while True:
            event = await self._next_event()
            self._note(event)
            for command in self._machine.handle(event, self._loop.time()):
                if isinstance(command, Leave):
                    return command.outcome
                self._do(command)
            if isinstance(event, SpeechStopped) and self._machine.state in (State.PAUSING, State.HEARING):
                self._turns.speech_ended(event.at)  # of this turn; a cough over the answer is none

    async def _next_event(self) -> Event:
        while True:
            clocks = (self._machine, self._playout, self._listener)
            due = [deadline for clock in clocks if (deadline := clock.next_deadline()) is not None]
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

    def _is_due(self, clock: TurnMachine | Playout | Listener) -> bool:
        deadline = clock.next_deadline()
        return deadline is not None and self._loop.time() >= deadline

    def _note(self, event: Event) -> None:
        """Keep for the history and the store what an event tells."""
        match event:
            case Heard():
                self._turns.stamp("transcript")
            case SpeakingStarted():
                self._turns.stamp("first_frame_sent")
            case SpeakingDone(generation) if self._speaking and generation == self._playout.generation:
                self._turn_over(interrupted=False)
            case ToolCalled(generation, name, arguments) if self._speaking and generation == self._playout.generation:
                result = tool_result(self._agent, name, arguments)
                self._parts.store.tool_call(
                    ToolRecord(self._line.call_id, self._turns.number, name, dict(arguments), result)
                )
            case ReplyFailed(_, reason) | HearingFailed(_, reason) | LineFailed(reason):
                log.error("the conversation failed", extra={"call": self._line.call_id, "reason": reason})
            case _:
                pass

    # -- what goes out

    def _do(self, command: Command) -> None:
        match command:
            case TakeTranscript(utterance):
                self._turns.stamp("endpoint")
                self._spawn(self._transcribe(utterance))
            case CallerSaid(text, trigger):
                self._dialogue.caller_said(text)
                self._turns.caller_said(text, trigger)
            case Reply(generation):
                self._turns.begin()
                self._speak(generation, self._reply(generation))
            case Say(generation, text, trigger):
                self._turns.begin(trigger)
                self._speak(generation, self._say(generation, text))
            case StopSpeaking(generation):
                self._stop(generation)
            case ForgetSpeech():
                self._listener.forget()
            case Leave():
                raise AssertionError("Leave ends the loop before it is carried out")

    def _speak(self, generation: int, work: Coroutine[Any, Any, None]) -> None:
        self._playout.begin(generation)
        self._speaking = self._spawn(work)

    def _stop(self, generation: int) -> None:
        if self._speaking is None:
            return
        self._speaking.cancel()
        self._speaking = None
        self._playout.stop(generation)
        self._turn_over(interrupted=True)

    def _turn_over(self, *, interrupted: bool) -> None:
        heard = self._playout.heard()
        self._dialogue.agent_said(heard)
        self._turns.end(heard, interrupted=interrupted)
        self._speaking = None

    async def _transcribe(self, utterance: int) -> None:
        try:
            transcript = await self._parts.stt.transcribe(self._listener.take())
        except EngineError as error:
            log.error("transcription failed", extra={"call": self._line.call_id, "error": str(error)})
            self.post(HearingFailed(utterance, "stt_failed"))
        else:
            self.post(Heard(utterance, transcript.text))

    async def _reply(self, generation: int) -> None:
        try:
            self._turns.said(await self._replier.reply(generation, self._dialogue.messages()))
        except EngineError as error:
            log.error("the reply failed", extra={"call": self._line.call_id, "error": str(error)})
            self.post(ReplyFailed(generation, "engine_failed"))

    async def _say(self, generation: int, text: str) -> None:
        try:
            pcm = await self._parts.prompts.get(text, self._agent.language, self._rate)
        except EngineError as error:
            log.error("a fixed sentence failed", extra={"call": self._line.call_id, "error": str(error)})
            self.post(ReplyFailed(generation, "tts_failed"))
        else:
            self._turns.said(text)
            self._playout.play(generation, text, pcm)
            self._playout.finish(generation)
