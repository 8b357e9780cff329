"""Carries out what the turn machine wants: transcripts, history, drafts, replies, fixed sentences; and keeps record.

One for each call, between the session, which feeds the machine, and the parts that hear and speak. Everything that
takes time runs as a task that the session owns and comes back as an event.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from ari_app.audio.echo import EchoDetector
from ari_app.call.books import Books
from ari_app.call.hearing import Hearing
from ari_app.call.listen import Listener
from ari_app.call.playout import Playout
from ari_app.call.prompts import Prompts
from ari_app.call.read_along import ReadAlong
from ari_app.call.reply import Replier
from ari_app.call.tools import tool_result, tool_specs
from ari_app.call.turnlog import TurnLog
from ari_app.core import commands as do
from ari_app.core.dialogue import Dialogue, Message
from ari_app.core.events import (
    Event,
    Heard,
    HearingFailed,
    LineFailed,
    ReplyFailed,
    SpeakingDone,
    SpeakingStarted,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
)
from ari_app.core.state import State
from ari_app.engines.base import Conversation, Judge, Stt, Tts, Vad
from ari_app.errors import EngineError
from ari_app.media.transport import Transport
from ari_app.settings import AgentSettings, Settings
from ari_app.store.records import ToolRecord

log = logging.getLogger(__name__)

_SURE_SHARE = 0.7
"""Of the log-probability under which a transcript is rejected: over this share of it, the model is sure."""

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


@dataclass(frozen=True)
class Parts:
    """What all calls share; app.py makes it."""

    settings: Settings
    vad: Vad
    stt: Stt
    tts: Tts
    prompts: Prompts
    books: Books
    judge: Judge | None = None


class Exchange:
    """What is said and heard on one call."""

    def __init__(
        self,
        parts: Parts,
        call_id: str,
        agent: AgentSettings,
        conversation: Conversation,
        facts: dict[str, str],
        listener: Listener,
        speaking: Transport,
        echo: EchoDetector,
        post: Callable[[Event], None],
        spawn: Spawn,
    ) -> None:
        now = asyncio.get_running_loop().time
        turn = parts.settings.turn
        tools = tool_specs(agent)
        self._parts = parts
        self._call_id = call_id
        self._agent = agent
        self._leg = speaking
        self._rate = speaking.rate
        self._post = post
        self._spawn = spawn
        self._dialogue = Dialogue(agent.prompt, facts)
        self._turns = TurnLog(call_id, parts.books.turn, now)
        self._hearing = Hearing(
            listener, parts.stt, parts.judge, sure_from=parts.settings.stt.min_log_probability * _SURE_SHARE
        )
        self._reading = ReadAlong(
            self._hearing, conversation, self._dialogue, tools, interval_seconds=turn.partial_ms / 1000
        )
        self.playout = Playout(speaking, post, now, echo)
        self._counts: Counter[str] = Counter()
        self._replier = Replier(
            conversation,
            parts.prompts,
            self.playout,
            tools=tools,
            rate=speaking.rate,
            language=agent.language,
            max_tokens=parts.settings.llm.max_reply_tokens,
            patience_seconds=turn.reply_timeout_ms / 1000,
            emit=self._tool_called,
            stamp=self._turns.stamp,
            count=self.count,
        )
        self._last_speech: float | None = None  # its end, while it is neither accepted nor forgotten
        self._transcribing: asyncio.Task[None] | None = None
        self._speaking: asyncio.Task[None] | None = None
        self._drafted: int | None = None
        self._draft_tools: list[ToolCalled] = []  # what the draft wants done, when it becomes the reply
        self._caller_speaks = False  # to us
        self._prepares = turn.judge != "silence" or turn.speculate > 0  # words are wanted before the turn is over
        if turn.partial_ms:
            spawn(self._reading.run())

    def count(self, what: str) -> None:
        """Something happened that is worth counting for each call."""
        self._counts[what] += 1

    def counts(self) -> dict[str, int]:
        """How often what happened on this call."""
        late = {"late_clauses": self.playout.late_clauses, "late_frames": self._leg.late_frames}
        return dict(self._counts + Counter(late))

    def close(self) -> None:
        """The call is over; what nobody answered is kept too."""
        self._turns.close()

    # -- what the events tell

    def note(self, event: Event) -> None:
        """Keep for the history and the store what an event tells, before the machine has it."""
        match event:
            case SpeakingStarted():
                self._turns.stamp("first_frame_sent")
            case SpeakingDone(generation) if self._speaking and generation == self.playout.generation:
                self._turn_over(interrupted=False)
            case ToolCalled(generation, name, arguments) if self._speaking and generation == self.playout.generation:
                result = tool_result(self._agent, name, arguments)
                self._parts.books.tool_call(
                    ToolRecord(self._call_id, self._turns.number, name, dict(arguments), result)
                )
            case ReplyFailed(generation, _) if generation == self._drafted:
                log.warning("a draft failed; the turn's end will try anew", extra={"call": self._call_id})
            case ReplyFailed(_, reason) | HearingFailed(_, reason) | LineFailed(reason):
                log.error("the conversation failed", extra={"call": self._call_id, "reason": reason})
            case _:
                pass

    def noted(self, event: Event, state: State) -> None:
        """The machine has had the event, and its commands are carried out."""
        if isinstance(event, SpeechStopped):
            self._last_speech = event.at
            if state in (State.PAUSING, State.HEARING):
                self._turns.speech_ended(event.at)  # of this turn; a cough over the answer is none
        elif isinstance(event, Heard):
            self._turns.stamp("transcript")
        elif isinstance(event, SpeechStarted) and state is State.CALLER_SPEAKING and self._transcribing:
            self._transcribing.cancel()  # it was no pause
        self._caller_speaks = state is State.CALLER_SPEAKING
        if self._caller_speaks:
            self._reading.begin()
        else:
            self._reading.end()

    def hushed(self) -> None:
        """The caller, who was speaking, cannot be heard any more; some 60 ms later it will be known to be a pause."""
        if self._caller_speaks and self._prepares:
            self._spawn(self._hearing.prepare())

    # -- what the machine wants

    def do(self, command: do.Command) -> None:
        """Carry out one command; all but `Leave`, which ends the session's loop."""
        match command:
            case do.TakeTranscript(utterance):
                if self._transcribing:  # nobody waits for it any more
                    self._transcribing.cancel()
                self._transcribing = self._spawn(self._transcribe(utterance))
            case do.CallerSaid(text, trigger, endpoint_ms):
                self._caller_said(text, trigger, endpoint_ms)
            case do.ForgetSpeech():
                self._hearing.forget()
                self._reading.forget()
                self._last_speech = None
            case do.Draft(generation, text):
                self._draft(generation, text)
            case do.Reply(generation):
                self._reply(generation)
            case do.Say(generation, text, trigger):
                if trigger == "silence":
                    self.count("reprompts")
                self._turns.begin(trigger)
                self._speak(generation, self._say(generation, text))
            case do.SayFiller(generation, text):
                self.count("fillers")
                self._spawn(self._fill(generation, text))
            case do.HoldSpeaking(generation):
                self.playout.hold(generation)
            case do.ResumeSpeaking(generation):
                self.playout.resume(generation)
            case do.StopSpeaking(generation):
                self._stop(generation)
            case do.Leave():
                raise AssertionError("Leave ends the loop before it is carried out")

    def _caller_said(self, text: str, trigger: str, endpoint_ms: float | None) -> None:
        if trigger == "speech":
            self._turns.stamp("endpoint")
            self._hearing.accept()
            self._reading.forget()
            self._last_speech = None
        self._dialogue.caller_said(text)
        self._turns.caller_said(text, trigger, endpoint_ms)

    def _draft(self, generation: int, text: str) -> None:
        self.count("drafts")
        self._turns.drafting()
        self._drafted, self._draft_tools = generation, []
        self._speak(generation, self._generate(generation, self._dialogue.with_caller(text)), held=True)

    def _reply(self, generation: int) -> None:
        if generation == self._drafted:
            self.count("drafts_used")
            self._turns.begin(drafted=True)
            self._drafted = None
            for call in self._draft_tools:
                self._post(call)
            self.playout.resume(generation)
        else:
            self._turns.begin()
            self._speak(generation, self._generate(generation, self._dialogue.messages()))

    def _speak(self, generation: int, work: Coroutine[Any, Any, None], *, held: bool = False) -> None:
        self.playout.begin(generation, held=held)
        self._speaking = self._spawn(work)

    def _stop(self, generation: int) -> None:
        self._drafted = None
        if self._speaking is None:
            return
        self._speaking.cancel()
        self._speaking = None
        self.playout.stop(generation)
        self._turn_over(interrupted=True)
        if self._last_speech is not None:  # which interrupted us
            self._turns.speech_ended(self._last_speech)

    def _turn_over(self, *, interrupted: bool) -> None:
        heard = self.playout.heard()
        self._dialogue.agent_said(heard, interrupted=interrupted)
        self._turns.end(heard, interrupted=interrupted)
        self._speaking = None
        self._spawn(self._reading.settle())

    def _tool_called(self, call: ToolCalled) -> None:
        if call.generation == self._drafted:
            self._draft_tools.append(call)
        else:
            self._post(call)

    # -- what takes time

    async def _transcribe(self, utterance: int) -> None:
        now_saying = [self.playout.heard(), self.playout.saying()] if self._speaking else []
        asked = " ".join(text for text in (self._dialogue.asked(), *now_saying) if text)
        try:
            words = await self._hearing.words()
        except EngineError as error:
            log.error("transcription failed", extra={"call": self._call_id, "error": str(error)})
            self._post(HearingFailed(utterance, "stt_failed"))
        else:
            self._post(Heard(utterance, words.text.strip(), words.complete, asked, words.sure, words.hushed))

    async def _generate(self, generation: int, messages: list[Message]) -> None:
        try:
            self._turns.said(await self._replier.reply(generation, messages))
        except EngineError as error:
            log.error("the reply failed", extra={"call": self._call_id, "error": str(error)})
            self._post(ReplyFailed(generation, "engine_failed"))

    async def _say(self, generation: int, text: str) -> None:
        try:
            pcm = await self._parts.prompts.get(text, self._agent.language, self._rate)
        except EngineError as error:
            log.error("a fixed sentence failed", extra={"call": self._call_id, "error": str(error)})
            self._post(ReplyFailed(generation, "tts_failed"))
        else:
            self._turns.said(text)
            self.playout.play(generation, text, pcm)
            self.playout.finish(generation)

    async def _fill(self, generation: int, text: str) -> None:
        try:
            pcm = await self._parts.prompts.get(text, self._agent.language, self._rate)
        except EngineError as error:  # the reply itself is still to come
            log.warning("a filler failed", extra={"call": self._call_id, "error": str(error)})
        else:
            self.playout.play(generation, text, pcm, filler=True)
