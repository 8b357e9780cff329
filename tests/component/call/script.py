"""Scripted engines and a line without Asterisk: everything around the real session is a script here.

The caller's audio carries its words: each word has a loudness of its own, by which the ears read it. So a transcript is
a function of the audio, however often and of whatever part of it one is made.
"""

import asyncio
import itertools
from dataclasses import dataclass, field, replace

import numpy as np

from ari_app.call.prompts import Prompts
from ari_app.call.recording import NoRecorder
from ari_app.call.session import Parts, Session
from ari_app.engines.base import Transcript
from ari_app.errors import EngineError
from ari_app.media.transport import Closed, Frame, Played
from ari_app.settings import AgentSettings, Settings, TurnSettings

RATE = 16_000
FRAME = RATE // 50
AGENT = AgentSettings(greeting="Hello.", transfers={"billing": "internal,200,1"})
PLAIN = TurnSettings(judge="silence", partial_ms=0, speculate=0, filler_ms=0)
"""Nothing is transcribed or answered before the end-of-turn silence is over."""

_QUIETEST_WORD, _LOUDEST_WORD = 3000, 32_000
_words: dict[int, tuple[str | None, int]] = {}  # loudness → the word and its samples; None: the ears know
_loudness = itertools.cycle(range(_QUIETEST_WORD, _LOUDEST_WORD))


def spoken(seconds, what):
    """Audio of the caller, 16 bit: False is silence, a text is that text, True is what the ears make of it."""
    samples = round(seconds * 50) * FRAME
    if what is False:
        return np.zeros(samples, np.int16)
    words = [None] if what is True else what.split() or [""]
    pieces = []
    for piece, word in zip(np.array_split(np.zeros(samples, np.int16), len(words)), words, strict=True):
        level = next(_loudness)
        _words[level] = word, len(piece)
        pieces.append(np.full(len(piece), level, np.int16))
    return np.concatenate(pieces)


class Ears:
    """Loud is speech. Words are read from the audio; what has none gets one of `transcripts`, always the same. An
    exception among them is raised."""

    def __init__(self, transcripts=()):
        self.transcripts = list(transcripts)
        self.known = {}
        self.audio_seconds = []
        self.texts = []
        self.seconds = 0.02

    def session(self):
        return self

    def probability(self, window):
        return 0.95 if np.abs(window).max() > 0.05 else 0.01

    def reset(self):
        pass

    async def transcribe(self, samples, *, urgent=True):
        self.audio_seconds.append(len(samples) / RATE)
        await asyncio.sleep(self.seconds)
        levels, first, counts = np.unique(np.round(samples * 32768).astype(int), return_index=True, return_counts=True)
        words = []
        for _, level, count in sorted(zip(first, levels, counts, strict=True)):
            if level >= _QUIETEST_WORD:
                words.append(self._word(int(level), int(count)))
        self.texts.append(" ".join(word for word in words if word))
        return Transcript(self.texts[-1], -0.1 if self.texts[-1] else -1.0, 0.0)

    def _word(self, level, samples):
        word, length = _words[level]
        if word is None:
            if level not in self.known:
                self.known[level] = self.transcripts.pop(0) if self.transcripts else ""
            word = self.known[level]
            if isinstance(word, Exception):
                raise word
            return word
        return word if samples * 2 > length else ""


class Mind:
    """Replies: strings are streamed word by word, numbers are seconds of waiting. They come from a list, or by what the
    caller has said last."""

    def __init__(self, replies):
        self.replies = replies if isinstance(replies, dict) else list(replies)
        self.seen = []
        self.read_along = []
        self.settled = []
        self.order = []  # what was asked of it
        self.running = self.most_running = 0
        self.cut = False
        self.closed = False

    async def read(self, messages, tools=()):
        if messages[-1].role != "user":
            self.settled.append(messages[-1].content)
            return
        self.order.append("read")
        self.read_along.append(messages[-1].content)
        await asyncio.sleep(0.01)

    async def reply(self, messages, tools=(), *, max_tokens):
        self.seen.append([(m.role, m.content) for m in messages])
        self.order.append("reply")
        self.cut = False
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        reply = self.replies[messages[-1].content] if isinstance(self.replies, dict) else self.replies.pop(0)
        said = 0
        try:
            for part in reply:
                if isinstance(part, Exception):
                    raise part
                if isinstance(part, (int, float)):
                    await asyncio.sleep(part)
                    continue
                for word in part.split(" "):
                    await asyncio.sleep(0.01)
                    yield word + " "
                    said += 1
                    if said == max_tokens:
                        self.cut = True
                        return
        finally:
            self.running -= 1

    async def close(self):
        self.closed = True


class Voice:
    """50 ms a character, silent between words, 10 ms of work a piece; a failing voice raises."""

    def __init__(self):
        self.broken = False
        self.seconds = 0.01
        self.piece_seconds = 3600.0

    async def stream(self, text, rate, *, within_seconds=0.0):
        pcm = await self.speak(text, rate)
        size = int(self.piece_seconds * rate)
        for begin in range(0, len(pcm), size):
            if begin:
                await asyncio.sleep(self.seconds)
            yield pcm[begin : begin + size]

    async def speak(self, text, rate):
        await asyncio.sleep(self.seconds)
        if self.broken:
            raise EngineError("the voice is broken")
        loudness = np.array([0 if character == " " else 5 for character in text], np.int16)  # far below any echo
        return np.repeat(loudness, int(0.05 * rate))


class Books:
    """A store that remembers."""

    def __init__(self):
        self.turns, self.tools = [], []

    def turn(self, record):
        self.turns.append(record)

    def tool_call(self, record):
        self.tools.append(record)


class Wire:
    """A transport on which audio takes its time; `log` is what the caller would tell: when each piece began and ended,
    and its audio. What was flushed is not in it."""

    name, rate, carries_dtmf, late_frames = "script", RATE, True, 0

    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.events = asyncio.Queue()
        self.busy_until = self.loop.time()
        self.marks = []
        self.log = []
        self.flushes = 0
        self.late_marks = False
        """Marks of flushed audio come all the same, when it would have been played."""
        self.relaxed = []
        """Moments from which the line is read slowly (True) or at once (False)."""

    async def __aiter__(self):
        while True:
            event = await self.events.get()
            yield event
            if isinstance(event, Closed):
                return

    def send(self, pcm):
        start = max(self.busy_until, self.loop.time())
        self.busy_until = start + len(pcm) / 2 / self.rate
        self.log.append((start, self.busy_until, np.frombuffer(pcm, np.int16)))

    def mark(self, mark):
        when = max(self.busy_until, self.loop.time())
        self.marks.append(self.loop.call_at(when, lambda: self.events.put_nowait(Played(mark, when))))

    def flush(self):
        self.flushes += 1
        if not self.late_marks:
            for timer in self.marks:
                timer.cancel()
        now = self.busy_until = self.loop.time()
        self.log = [
            (start, min(end, now), pcm[: round((now - start) * self.rate)])
            for start, end, pcm in self.log
            if start < now
        ]

    def relax(self, relaxed):
        if not self.relaxed or self.relaxed[-1][1] != relaxed:
            self.relaxed.append((self.loop.time(), relaxed))

    def overlaps(self):
        """Pieces of audio that begin before the one before has ended: two voices at once."""
        return [
            (ended, began)
            for (_, ended, _), (began, _, _) in itertools.pairwise(sorted(self.log, key=lambda piece: piece[0]))
            if began < ended - 1e-6
        ]

    async def close(self):
        self.events.put_nowait(Closed("closed"))

    async def caller(self, script):
        """Send the caller's audio, (seconds, what) pairs, as frames in time."""
        for seconds, what in script:
            for frame in spoken(seconds, what).reshape(-1, FRAME):
                self.events.put_nowait(Frame(frame.tobytes(), self.loop.time()))
                await asyncio.sleep(0.02)


@dataclass
class Line:
    """The caller's side: gone when told."""

    wire: Wire
    call_id: str = "test-call"
    rate: int = RATE
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def gone(self):
        return self.left.is_set()

    async def watch(self, pressed, post):
        self.pressed, self.post = pressed, post
        await self.left.wait()

    async def open(self):
        return self.wire, self.wire


class Desk:
    """One call with all its scripts; `hold` runs it while `caller` speaks."""

    def __init__(self, transcripts=(), replies=(), agent=AGENT, **sections):
        self.ears, self.mind, self.voice, self.books = Ears(transcripts), Mind(replies), Voice(), Books()
        self.wire = Wire()
        self.line = Line(self.wire)
        settings = replace(Settings(), **{"turn": PLAIN, **sections})
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
            return await self.session.run()
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
            for timer in self.wire.marks:
                timer.cancel()
