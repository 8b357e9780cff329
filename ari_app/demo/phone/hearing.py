"""What a call's RTP sounded like on our clock: frames as they came, speech by loudness, audio by timestamp. Pure."""

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ari_app.demo.phone.rtp import CODECS, RATE, Packet, rms

LOUD_RMS = 300
"""RMS from which a frame of 16-bit audio is speech (about -41 dBFS; G.711's comfort noise is far below)."""
MOST_SHIFT_S = 0.2
"""A packet further than this from where its timestamp puts it begins a new stream: a transfer may make them jump."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One frame that came."""

    at: float
    """Monotonic seconds of its arrival."""
    plays_at: float
    """Monotonic seconds at which it plays, by its timestamp, in a phone without jitter buffer."""
    pcm: bytes
    loud: bool


class Hearing:
    """All frames of one call in the order of their arrival; 16 kB of memory a second."""

    def __init__(self) -> None:
        self.frames: list[Heard] = []
        self._loud_at: list[float] = []
        self._stream: tuple[int, int, float] | None = None

    def receive(self, packet: Packet, at: float) -> Heard | None:
        """Take a packet that arrived at `at`; returns None if it is not audio we know."""
        codec = CODECS.get(packet.payload_type)
        if codec is None:
            return None
        pcm = codec.decode(packet.payload)
        frame = Heard(at, self._place(packet, at), pcm, rms(pcm) >= LOUD_RMS)
        self.frames.append(frame)
        if frame.loud:
            self._loud_at.append(at)
        return frame

    def _place(self, packet: Packet, at: float) -> float:
        if self._stream is not None and self._stream[0] == packet.source:
            _, first, started_at = self._stream
            shift = (packet.timestamp - first + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000  # signed, across the wrap
            expected = started_at + shift / RATE
            if abs(at - expected) <= MOST_SHIFT_S:
                return expected
        self._stream = (packet.source, packet.timestamp, at)
        return at

    def first_loud(self, after: float) -> float | None:
        """Arrival of the first loud frame later than `after`."""
        index = bisect_right(self._loud_at, after)
        return self._loud_at[index] if index < len(self._loud_at) else None

    def last_loud(self, before: float = float("inf")) -> float | None:
        """Arrival of the last loud frame not later than `before`."""
        index = bisect_right(self._loud_at, before)
        return self._loud_at[index - 1] if index else None

    def spans(self, pause_s: float = 0.5, after: float = float("-inf")) -> list[tuple[float, float]]:
        """Onset and offset (first and last loud arrival) of everything said later than `after`.

        Pauses shorter than `pause_s` do not divide.
        """
        found: list[tuple[float, float]] = []
        for at in self._loud_at[bisect_right(self._loud_at, after) :]:
            if found and at - found[-1][1] < pause_s:
                found[-1] = found[-1][0], at
            else:
                found.append((at, at))
        return found

    def audio(self, start: float, end: float) -> NDArray[np.int16]:
        """The audio between two moments of the monotonic clock, int16 at RATE, silence where nothing came."""
        return place([(frame.plays_at, frame.pcm) for frame in self.frames], start, end)


def place(frames: list[tuple[float, bytes]], start: float, end: float) -> NDArray[np.int16]:
    """Lay frames (monotonic seconds, PCM) on a strip of silence from `start` to `end`; int16 at RATE."""
    strip = np.zeros(max(0, round((end - start) * RATE)), np.int16)
    for at, pcm in frames:
        samples = np.frombuffer(pcm, "<i2")
        first = round((at - start) * RATE)
        samples = samples[max(0, -first) :]
        first = max(0, first)
        if first < len(strip):
            strip[first : first + len(samples)] = samples[: len(strip) - first]
    return strip
