"""Hearing one caller: frames in, speech events out, and the audio of an utterance kept until it is transcribed.

Synchronous; called by the call's media reader for every frame. Uses audio/ for rates and clocks, the engines' VAD
session for probabilities and core/speech.py for the decision.
"""

import math
from collections import deque

import numpy as np

from ari_app.audio.clock import FrameClock
from ari_app.audio.resample import StreamResampler
from ari_app.core.speech import SILENT_WINDOWS, WINDOW_SECONDS, SpeechDetector
from ari_app.core.events import SpeechStarted, SpeechStopped
from ari_app.engines.base import SPEECH_RATE, VAD_WINDOW, Samples, VadSession
from ari_app.media.transport import Frame

_PRE_ROLL_WINDOWS = math.ceil(0.3 / WINDOW_SECONDS)
"""Kept from before the detected onset: soft first consonants lie there."""
_SLACK_SECONDS = 10.0
"""Beyond `max_speech_ms`: the end-of-turn silence and the time until the transcript is taken."""

_GAP_SECONDS = 0.2
"""Without any frame for so long, the caller says nothing: a phone that suppresses silence, or is muted. Jitter is
less."""


class Listener:
    """The ears of one call. One consumer, one thread."""

    def __init__(self, rate: int, vad: VadSession, detector: SpeechDetector, *, max_speech_ms: int) -> None:
        self._clock = FrameClock()
        self._resampler = StreamResampler(rate, SPEECH_RATE)
        self._vad = vad
        self._detector = detector
        self._rest: Samples = np.empty(0, np.float32)
        limit = math.ceil((max_speech_ms / 1000 + _SLACK_SECONDS) / WINDOW_SECONDS)
        # Bounded by the longest turn: a caller who never pauses must not fill the memory.
        self._kept: deque[Samples] = deque(maxlen=limit)
        self._last_frame_at = 0.0
        self._speaking = False
        self._in_utterance = False

    def hear(self, frame: Frame) -> list[SpeechStarted | SpeechStopped]:
        """Take the next frame; returns what it decided, mostly nothing."""
        self._last_frame_at = frame.at
        audio_time = self._clock.end_of(frame.at)
        samples = np.concatenate((self._rest, self._resampler.feed(frame.pcm)))
        whole = len(samples) // VAD_WINDOW
        self._rest = samples[whole * VAD_WINDOW :]
        events = []
        for index in range(whole):
            window = samples[index * VAD_WINDOW : (index + 1) * VAD_WINDOW]
            later = (len(samples) - (index + 1) * VAD_WINDOW) / SPEECH_RATE
            events += self._take_in(window, self._vad.probability(window), audio_time - later)
        return events

    def next_deadline(self) -> float | None:
        """When `on_gap` is wanted, if no frame comes before; None while the caller does not speak."""
        return self._last_frame_at + _GAP_SECONDS if self._speaking else None

    def on_gap(self) -> list[SpeechStarted | SpeechStopped]:
        """`next_deadline` has come: what was not sent was silence, and ends the speech."""
        silence = np.zeros(VAD_WINDOW, np.float32)
        windows = range(1, SILENT_WINDOWS + 1)
        return [e for n in windows for e in self._take_in(silence, 0.0, self._last_frame_at + n * WINDOW_SECONDS)]

    def _take_in(self, window: Samples, probability: float, end_at: float) -> list[SpeechStarted | SpeechStopped]:
        event = self._detector.on_window(probability, end_at)
        self._kept.append(window)
        if event is not None:
            self._speaking = isinstance(event, SpeechStarted)
            self._in_utterance = self._in_utterance or self._speaking
        if not self._in_utterance:
            self._trim()
        return [] if event is None else [event]

    def take(self) -> Samples:
        """The audio since the last `take` or `forget`, with a little before it; float32 at SPEECH_RATE."""
        samples = np.concatenate(self._kept) if self._kept else np.empty(0, np.float32)
        self.forget()
        return samples

    def forget(self) -> None:
        """What was kept is not needed; speech that goes on stays."""
        self._in_utterance = self._speaking
        self._trim()

    def _trim(self) -> None:
        while len(self._kept) > _PRE_ROLL_WINDOWS:
            self._kept.popleft()
