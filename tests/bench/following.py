"""Where in a long text the agent is: its audio, heard once without interruption, is looked for in later calls.

So a pause of the agent's own voice is told from one that was made, and a text that goes on from another that began.
"""

import numpy as np

from ari_app.demo.phone import PhoneCall
from ari_app.demo.phone.rtp import RATE
from tests.bench.voices import Pcm

TALKER_TEXT = (
    "thank you for calling lakeside clinic where the doors are open from eight in the morning and on saturday we close "
    "at one while the nurse can help you by phone until half past six so please tell me your name and number or ask "
    "for an appointment with doctor jones who is here on tuesday and thursday then take the yellow form to the front "
    "desk behind our parking lot near the old station where somebody will call you back about your bill and insurance "
    "because a cleaning costs more than a checkup and friday is often very busy"
)
"""Half a minute in which nothing is said twice, and without a comma, at which a voice would pause."""
TALKER = {"talker": {"greeting": TALKER_TEXT}}
"""The agent that says it."""
QUIET_S = 0.25
"""Longer than any pause of the demo voice inside TALKER_TEXT."""
SAMPLE_S = 0.5
"""Length of the audio that is looked for."""
SAME = 0.6
"""Correlation from which two pieces of audio are the same words: the right place gives 0.9, a wrong one 0.3."""


class Follower:
    """Finds a call's latest audio in `reference`, the whole text."""

    def __init__(self, reference: Pcm) -> None:
        self._reference = reference.astype(float)
        self._loud_s = _loud_seconds(reference)
        self.length_s = len(reference) / RATE
        """How long the whole text takes."""

    def heard_part(self, call: PhoneCall) -> float:
        """How much of the text's loud audio came in a call; more than 1 when parts were said again."""
        frames = call.hearing.frames
        return _loud_seconds(call.hearing.audio(frames[0].plays_at, frames[-1].plays_at)) / self._loud_s

    def place(self, call: PhoneCall, at: float) -> float | None:
        """The seconds of the text that ended at the moment `at`; None when that was not heard then."""
        sample = call.hearing.audio(at - SAMPLE_S, at).astype(float)
        norm = np.sqrt((sample**2).sum())
        if norm < RATE * SAMPLE_S:  # silence
            return None
        size = len(self._reference) + len(sample)
        spectrum = np.fft.rfft(self._reference, size) * np.conj(np.fft.rfft(sample, size))
        products = np.fft.irfft(spectrum, size)[: len(self._reference) - len(sample)]
        energy = np.concatenate([[0.0], np.cumsum(self._reference**2)])
        norms = np.sqrt(energy[len(sample) : -1] - energy[: -len(sample) - 1]) * norm
        likeness = products / np.maximum(norms, 1.0)
        best = int(np.argmax(likeness))
        return best / RATE + SAMPLE_S if likeness[best] >= SAME else None


async def whole_text(call: PhoneCall) -> Pcm:
    """The audio of a text that is said to its end, from its first loud frame."""
    started = await call.wait_for_speech(call.dialled_at)
    ended = await call.wait_for_quiet(1.0)
    return call.hearing.audio(started, (ended or started) + 0.1)


def longest_quiet(call: PhoneCall, start: float, end: float) -> float:
    """The longest time between two moments in which the agent was not loud, in seconds."""
    loud = [start, *(frame.at for frame in call.hearing.frames if frame.loud and start < frame.at < end), end]
    return float(np.diff(loud).max())


def _loud_seconds(pcm: Pcm) -> float:
    """How much of it is speech."""
    frame = RATE // 50
    frames = pcm[: len(pcm) // frame * frame].reshape(-1, frame).astype(float)
    return float((np.sqrt((frames**2).mean(1)) >= 300).sum()) / 50
