"""Scripted engines and a line without Asterisk: everything around the real session is a script here."""

import asyncio
from dataclasses import dataclass, field, replace

import numpy as np

from ari_app.call.prompts import Prompts
from ari_app.call.recording import NoRecorder
from ari_app.call.session import Parts, Session
from ari_app.engines.base import Transcript
from ari_app.errors import EngineError
from ari_app.media.transport import Closed, Frame, Played
from ari_app.settings import AgentSettings, Settings

RATE = 16_000
AGENT = AgentSettings(greeting="Hello.", transfers={"billing": "internal,200,1"})


class Ears:
    """Loud is speech; transcripts come from a list. An exception in the list is raised."""

    def __init__(self, transcripts):
        self.transcripts = list(transcripts)
        self.audio_seconds = []

    def session(self):
        return self

    def probability(self, window):
        return 0.95 if np.abs(window).max() > 0.05 else 0.01

    def reset(self):
        pass

    async def transcribe(self, samples):
        self.audio_seconds.append(len(samples) / RATE)
        await asyncio.sleep(0.02)
        text = self.transcripts.pop(0)
        if isinstance(text, Exception):
            raise text
        return Transcript(text, -0.1, 0.0)


class Mind:
    """Replies come from a list: strings are streamed word by word, numbers are seconds of waiting."""

    def __init__(self, replies):
        self.replies = list(replies)
        self.seen = []
        self.closed = False

    async def reply(self, messages, tools=(), *, max_tokens):
        self.seen.append([(m.role, m.content) for m in messages])
        for part in self.replies.pop(0):
            if isinstance(part, Exception):
                raise part
            if isinstance(part, (int, float)):
                await asyncio.sleep(part)
                continue
            for word in part.split(" "):
                await asyncio.sleep(0.01)
                yield word + " "

    async def close(self):
        self.closed = True


class Voice:
    """50 ms a character, 10 ms of work; a failing voice raises."""

    def __init__(self):
        self.broken = False

    async def speak(self, text, rate):
        await asyncio.sleep(0.01)
        if self.broken:
            raise EngineError("the voice is broken")
        return np.ones(int(len(text) * 0.05 * rate), np.int16)


class Books:
    """A store that remembers."""

    def __init__(self):
        self.turns, self.tools = [], []

    def turn(self, record):
        self.turns.append(record)

    def tool_call(self, record):
        self.tools.append(record)


class Wire:
    """A transport on which audio takes its time; `log` is what the caller would tell."""

    name, rate, carries_dtmf = "script", RATE, True

    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.events = asyncio.Queue()
        self.busy_until = self.loop.time()
        self.marks = []
        self.log = []
        self.flushes = 0

    async def __aiter__(self):
        while True:
            event = await self.events.get()
            yield event
            if isinstance(event, Closed):
                return

    def send(self, pcm):
        start = max(self.busy_until, self.loop.time())
        self.busy_until = start + len(pcm) / 2 / self.rate
        self.log.append((start, self.busy_until))

    def mark(self, mark):
        when = max(self.busy_until, self.loop.time())
        self.marks.append(self.loop.call_at(when, lambda: self.events.put_nowait(Played(mark, when))))

    def flush(self):
        self.flushes += 1
        for timer in self.marks:
            timer.cancel()
        self.busy_until = self.loop.time()

    async def close(self):
        self.events.put_nowait(Closed("closed"))

    async def caller(self, script):
        """Send the caller's audio: (seconds, loud?) pairs, as frames in time."""
        for seconds, loud in script:
            for _ in range(round(seconds / 0.02)):
                pcm = np.full(RATE // 50, 8000 if loud else 0, np.int16).tobytes()
                self.events.put_nowait(Frame(pcm, self.loop.time()))
                await asyncio.sleep(0.02)


@dataclass
class Line:
    """The caller's side: gone when told."""

    wire: Wire
    call_id: str = "test-call"
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def gone(self):
        return self.left.is_set()

    async def watch(self, pressed):
        self.pressed = pressed
        await self.left.wait()

    async def open(self, kind, listen):
        return self.wire, self.wire


class Desk:
    """One call with all its scripts; `hold` runs it while `caller` speaks."""

    def __init__(self, transcripts=(), replies=(), agent=AGENT, **sections):
        self.ears, self.mind, self.voice, self.books = Ears(transcripts), Mind(replies), Voice(), Books()
        self.wire = Wire()
        self.line = Line(self.wire)
        settings = replace(Settings(), **sections)
        self.parts = Parts(settings, self.ears, self.ears, self.voice, Prompts(self.voice), self.books)
        self.session = Session(self.parts, self.line, agent, self.mind, NoRecorder(), {})

    async def hold(self, caller=(), then=None):
        """Run the call; returns its outcome. `then` runs when the caller's script is over."""

        async def speak():
            await self.wire.caller(caller)
            if then:
                await then()

        speaking = asyncio.create_task(speak())
        try:
            return await self.session.run(self.wire, "direct")
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
            for timer in self.wire.marks:
                timer.cancel()
