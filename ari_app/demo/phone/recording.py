"""Writes a call as the phone had it: a stereo WAV, left what it said, right what it heard, on one clock."""

import wave
from pathlib import Path

import numpy as np

from ari_app.demo.phone.hearing import Hearing, place
from ari_app.demo.phone.rtp import FRAME_S, RATE


def save_stereo(file: Path, sent: list[tuple[float, bytes]], heard: Hearing) -> float:
    """Write `file` (16-bit, 8 kHz); `sent` as in Sender.sent. Returns the monotonic seconds of its first sample."""
    moments = [at for at, _ in sent] + [frame.plays_at for frame in heard.frames]
    start, end = (min(moments), max(moments) + FRAME_S) if moments else (0.0, 0.0)
    stereo = np.stack([place(sent, start, end), heard.audio(start, end)], axis=1)
    with wave.open(str(file), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(stereo.astype("<i2").tobytes())
    return start
