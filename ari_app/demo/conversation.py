"""The caller's part of a demonstration call: says each line when the agent has finished, and measures the answer.

Everything is measured at the caller's RTP: the gap is from the last loud frame that we sent to the first loud frame
that came back.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from ari_app.audio.wav import read_wav
from ari_app.demo.phone import CallFailed, PhoneCall
from ari_app.errors import AudioError

PHONE_RATE = 8000
AGENT_PAUSE_S = 0.8
"""Silence after which the agent has finished: longer than any pause between its sentences."""
ANSWER_S = 20.0
"""Longest wait for an answer."""


@dataclass(frozen=True)
class Line:
    """One turn of the caller."""

    words: str
    """What is said, as far as it is known; else the file's name."""
    pcm: NDArray[np.int16]
    """At PHONE_RATE."""


@dataclass(frozen=True)
class Spoken:
    """A line that was said, and when the answer came."""

    line: Line
    gap_s: float | None
    """None when no answer came."""


def wav_line(file: Path) -> Line:
    """A line from a WAV; its words stand in a ``lines.tsv`` beside it, if there is one. Raises AudioError."""
    try:
        samples, rate = read_wav(file.read_bytes())
    except OSError as error:
        raise AudioError(f"{file} cannot be read ({error.strerror})", "give the path of a WAV file") from error
    except AudioError as error:
        raise AudioError(f"{file}: {error.message}", error.remedy) from error
    return Line(_words_of(file), to_phone(samples, rate))


def to_phone(samples: NDArray[np.int16], rate: int) -> NDArray[np.int16]:
    """Mono samples at the phone's rate."""
    resampled: NDArray[np.int16] = soxr.resample(samples, rate, PHONE_RATE)
    return resampled


def _words_of(file: Path) -> str:
    table = file.parent / "lines.tsv"
    if table.is_file():
        for row in table.read_text().splitlines():
            name, _, words = row.partition("\t")
            if name == file.name:
                return words
    return file.name


async def converse(call: PhoneCall, lines: Sequence[Line], spoken: Callable[[Spoken], Awaitable[None]]) -> list[Spoken]:
    """Say all lines in turn, as long as the call goes on; `spoken` is told of each when its answer is over.

    Says none when nobody greets: the call's status tells why.
    """
    said_so_far: list[Spoken] = []
    try:
        await call.wait_for_speech(call.dialled_at, ANSWER_S)
    except (CallFailed, TimeoutError):
        return []
    await _agent_finished(call)
    for line in lines:
        if call.ended.is_set():
            break
        try:
            said = await call.say(line.pcm)
            await call.wait_for_speech(said.last_loud_at, ANSWER_S)
            gap = call.gap(said)
        except (CallFailed, TimeoutError):
            gap = None
        said_so_far.append(Spoken(line, gap))
        await _agent_finished(call)
        await spoken(said_so_far[-1])
    return said_so_far


async def _agent_finished(call: PhoneCall) -> None:
    with suppress(TimeoutError):  # one who talks without end is interrupted
        await call.wait_for_quiet(AGENT_PAUSE_S)
