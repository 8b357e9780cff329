"""Hearing one caller: frames in, speech events out, and the audio of an utterance kept until its words are accepted.

Synchronous; called by the call's media reader for every frame. Uses audio/ for rates, clocks, echo and tones, the
engines' VAD session for probabilities and core/speech.py for the decision.
"""

import math
from collections import deque
from collections.abc import Callable

import numpy as np

from ari_app.audio.clock import FrameClock
from ari_app.audio.echo import EchoDetector
from ari_app.audio.loudness import LEVEL_SECONDS, Hush, end_of_speech
from ari_app.audio.resample import StreamResampler
from ari_app.audio.tones import ToneDetector
from ari_app.core.events import SpeechStarted, SpeechStopped, ToneHeard
from ari_app.core.speech import SILENT_WINDOWS, WINDOW_SECONDS, SpeechDetector
from ari_app.engines.base import SPEECH_RATE, VAD_WINDOW, Samples, VadSession
from ari_app.media.transport import Frame

_PRE_ROLL_WINDOWS = math.ceil(0.3 / WINDOW_SECONDS)
"""Kept from before the detected onset: soft first consonants lie there."""
_SLACK_SECONDS = 10.0
"""Beyond `max_speech_ms`: the end-of-turn silence and the time until the words are accepted."""

_GAP_SECONDS = 0.2
"""Without any frame for so long, the caller says nothing: a phone that suppresses silence, or is muted. Jitter is
less."""

_SUSPECT = 0.1
"""Probability of speech from which a window is worth asking whether it is echo."""

_LEVEL_WINDOWS = math.ceil(LEVEL_SECONDS / WINDOW_SECONDS)
"""Windows before a stop that tell how loud the caller speaks."""
_FADE_SECONDS = 0.12
"""How far the audible end may lie from the detected one: words fade, noise goes on, and some words are soft."""

_JUDGED_SECONDS = 0.08
"""After so long the detector has had two windows of a sound, and what took them to us."""

Decision = SpeechStarted | SpeechStopped | ToneHeard


class Listener:
    """The ears of one call. One consumer, one thread."""

    def __init__(
        self,
        rate: int,
        vad: VadSession,
        detector: SpeechDetector,
        echo: EchoDetector,
        *,
        max_speech_ms: int,
        agent_speaks: Callable[[], bool],
        on_hush: Callable[[], None],
    ) -> None:
        """`on_hush` is told when the caller, in an utterance, cannot be heard any more: a stop may follow, some 60 ms
        later, or the next word."""
        self._clock = FrameClock()
        self._resampler = StreamResampler(rate, SPEECH_RATE)
        self._vad = vad
        self._detector = detector
        self._echo = echo
        self._agent_speaks = agent_speaks
        self._on_hush = on_hush
        self._hush = Hush(SPEECH_RATE)
        self._hushes = 0
        self._hushed = False
        self._sound_at = -math.inf  # the first after a hush
        self._tones = ToneDetector()
        self._rest: Samples = np.empty(0, np.float32)
        limit = math.ceil((max_speech_ms / 1000 + _SLACK_SECONDS) / WINDOW_SECONDS)
        # Bounded by the longest turn: a caller who never pauses must not fill the memory.
        self._kept: deque[Samples] = deque(maxlen=limit)
        self._position = 0  # windows taken in so far; what is kept ends here
        self._last_frame_at = 0.0
        self._speaking = False
        self._in_utterance = False

    def hear(self, frame: Frame) -> list[Decision]:
        """Take the next frame; returns what it decided, mostly nothing."""
        self._last_frame_at = frame.at
        audio_time = self._clock.end_of(frame.at)
        new = self._resampler.feed(frame.pcm)
        samples = np.concatenate((self._rest, new))
        whole = len(samples) // VAD_WINDOW
        self._rest = samples[whole * VAD_WINDOW :]
        decisions: list[Decision] = []
        for index in range(whole):
            window = samples[index * VAD_WINDOW : (index + 1) * VAD_WINDOW]
            later = (len(samples) - (index + 1) * VAD_WINDOW) / SPEECH_RATE
            decisions += self._hear_window(window, audio_time - later)
        if self._in_utterance:
            self._listen_for_hush(new)
        return decisions

    @property
    def hush(self) -> int | None:
        """The number of the hush since the caller's last audible sound; None while there is sound, or noise."""
        return self._hushes if self._hushed else None

    @property
    def idle(self) -> bool:
        """Whether the caller says nothing, and nothing that was said waits to be answered."""
        return not self._in_utterance

    def next_deadline(self) -> float | None:
        """When `on_gap` is wanted, if no frame comes before; None while the caller does not speak."""
        return self._last_frame_at + _GAP_SECONDS if self._speaking else None

    def on_gap(self) -> list[Decision]:
        """`next_deadline` has come: what was not sent was silence, and ends the speech."""
        silence = np.zeros(VAD_WINDOW, np.float32)
        windows = range(1, SILENT_WINDOWS + 1)
        return [e for n in windows for e in self._take_in(silence, 0.0, self._last_frame_at + n * WINDOW_SECONDS)]

    @property
    def unjudged_until(self) -> float:
        """When it is known whether the sound after the latest hush is speech; what lasts is not waited for twice."""
        return self._sound_at + _JUDGED_SECONDS

    def _hear_window(self, window: Samples, end_at: float) -> list[Decision]:
        probability = self._vad.probability(window)
        self._echo.heard(window)
        if probability >= _SUSPECT and self._echo.is_echo(end_at):
            probability, window = 0.0, np.zeros_like(window)  # nor may it mix with the words that follow
        decisions = self._take_in(window, probability, end_at)
        tone = self._tones.feed(window)
        return [*decisions, ToneHeard(tone)] if tone else decisions

    def _take_in(self, window: Samples, probability: float, end_at: float) -> list[Decision]:
        event = self._detector.on_window(probability, end_at, over_agent=self._agent_speaks())
        self._kept.append(window)
        self._position += 1
        if isinstance(event, SpeechStopped):
            event = SpeechStopped(self._audible_end(event.at, end_at))
        if event is not None:
            self._speaking = isinstance(event, SpeechStarted)
            if self._speaking:
                self._hush, self._hushed = Hush(SPEECH_RATE), False
            self._in_utterance = self._in_utterance or self._speaking
        if not self._in_utterance:
            self._trim(_PRE_ROLL_WINDOWS)
        return [] if event is None else [event]

    def _listen_for_hush(self, samples: Samples) -> None:
        before, self._hushed = self._hushed, self._hush.feed(samples)
        if before and not self._hushed:
            self._sound_at = self._last_frame_at
        elif self._hushed and not before:
            self._hushes += 1
            self._on_hush()

    def _audible_end(self, detected: float, now: float) -> float:
        """When the last audible sound ended, near where the detector saw the end."""
        recent = np.concatenate(list(self._kept)[-_LEVEL_WINDOWS:])
        return min(max(now - end_of_speech(recent, SPEECH_RATE), detected - _FADE_SECONDS), detected + _FADE_SECONDS)

    def utterance(self) -> tuple[Samples, int]:
        """The audio since what was dropped last, with a little before it (float32 at SPEECH_RATE), and a position
        behind it for `drop` and `settle`."""
        samples = np.concatenate(self._kept) if self._kept else np.empty(0, np.float32)
        return samples, self._position

    def settle(self, position: int) -> None:
        """The words before `position` are known; the utterance goes on behind it, even if it has ended by now."""
        self._trim(self._position - position)

    def drop(self, position: int) -> None:
        """What lies before `position` is not needed any more; speech that goes on stays."""
        self._in_utterance = self._speaking
        later = self._position - position
        self._trim(later if self._speaking else max(later, _PRE_ROLL_WINDOWS))

    def forget(self) -> None:
        """Nothing that was kept is needed; of speech that goes on, the last moment stays."""
        self.drop(self._position - _PRE_ROLL_WINDOWS)

    def _trim(self, windows: int) -> None:
        while len(self._kept) > windows:
            self._kept.popleft()
