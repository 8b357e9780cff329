"""What an engine is to the rest of the program. One implementation a file; nobody else imports those.

An engine is loaded once and owns its thread or threads; a call gets sessions from it. All audio here is mono; float32
is in -1…1. Everything async is called on the event loop and does its work elsewhere.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ari_app.core.dialogue import Message, ToolSpec

Samples = NDArray[np.float32]
"""Mono samples in -1…1."""
Pcm16 = NDArray[np.int16]
"""Mono 16-bit samples."""

SPEECH_RATE = 16_000
"""Hz at which voice activity detection and transcription work."""
VAD_WINDOW = 512
"""Samples at SPEECH_RATE that the voice activity detector takes at a time (32 ms)."""


class VadSession(Protocol):
    """The detector's state for one stream of audio. Synchronous: one window costs about 0.1 ms."""

    def probability(self, window: Samples) -> float:
        """Probability of speech in the next VAD_WINDOW samples, 0…1."""

    def reset(self) -> None:
        """Forget what was heard."""


class Vad(Protocol):
    """A voice activity detector, shared by all calls."""

    def session(self) -> VadSession: ...


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was understood of an utterance."""

    text: str
    """Empty when nothing understandable was said (rejected by probability, or silence)."""
    log_probability: float
    """Mean log-probability of the text's tokens, ≤ 0."""
    no_speech: float
    """Probability that there was no speech, 0…1."""


class Stt(Protocol):
    """Speech to text."""

    async def transcribe(self, samples: Samples, *, urgent: bool = True) -> Transcript:
        """Transcribe one utterance, float32 at SPEECH_RATE, of any length; what is not `urgent` lets others go first.

        Raises EngineError.
        """

    async def close(self) -> None: ...


class Judge(Protocol):
    """Hears whether a turn is over."""

    async def complete(self, samples: Samples) -> float:
        """Probability, 0…1, that the turn in `samples`, float32 at SPEECH_RATE, is over. Raises EngineError."""

    async def close(self) -> None: ...


class Urgency(IntEnum):
    """Whose work of the language model comes first."""

    FIRST_CLAUSE = 0
    """A caller hears silence until it is done."""
    REPLY = 1
    """The rest of a reply, whose beginning is being said."""
    BACKGROUND = 2
    """Nobody waits for it: reading along, tidying up after a turn, a summary."""


class Conversation(Protocol):
    """One call's sequence in the model's memory. What is already in there is not computed again."""

    def reply(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec] = (), *, max_tokens: int
    ) -> AsyncGenerator[str, None]:
        """Stream the assistant's next message as pieces of text (UTF-8 safe, tool calls in their raw form).

        Closing the generator (or cancelling its consumer) stops the generation within one step. `messages` that do not
        fit the context lose their oldest turns, never the system message. Raises EngineError.
        """

    async def read(self, messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> None:
        """Compute what `messages` begin with: a reply to them, or to what continues the last one, then comes sooner.

        Nobody waits for it, so it makes way for every reply, and while one of this conversation is under way it does
        nothing. Cancelling stops it within one step; so does a `reply`. Raises EngineError.
        """

    @property
    def cut(self) -> bool:
        """Whether the last reply ended because it reached `max_tokens`."""

    async def close(self) -> None:
        """Free the sequence; idempotent."""


class Llm(Protocol):
    """A language model: one context, many conversations."""

    def conversation(self) -> Conversation:
        """A new conversation. Raises EngineError when all sequences are taken."""

    async def close(self) -> None: ...


class Tts(Protocol):
    """Text to speech."""

    def stream(self, text: str, rate: int, *, within_seconds: float = 0.0) -> AsyncGenerator[Pcm16, None]:
        """Synthesize one clause at `rate` Hz and yield its audio in pieces, as it comes; without words, none.

        Each piece but the last is a whole number of media frames. The first piece is needed `within_seconds`, each
        other when the one before it has been heard; of all clauses, the piece that is needed soonest is made first.
        Closing the generator (or cancelling its consumer) stops the synthesis within milliseconds. Raises EngineError.
        """

    async def speak(self, text: str, rate: int) -> Pcm16:
        """The whole of a clause that nobody waits for, empty without words. As for `stream`."""

    async def close(self) -> None: ...
