"""barge_in: how fast the agent falls silent when the caller speaks, and what does not make it stop.

::

    phone sends    ▁▁▁▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
                      ^ onset: its first loud frame leaves
    phone hears    ▇▇▇▇▇▇▇▇▇▇▁▁▁▁▁▁▁▁▁▁▁▁
                            ^ silence: the last loud frame came, and lasts 20 ms

Interruptions are Asterisk's recorded prompts, human speech from its first loud frame on, at varied moments.
Backchannels and noises (backchannels.py) come seconds apart over the same text; the agent may hold for 300 ms.
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console

from ari_app.audio.wav import read_wav
from ari_app.demo.conversation import to_phone
from ari_app.demo.phone import CallFailed, Phone, PhoneCall
from ari_app.demo.phone.rtp import FRAME_S, FRAME_SAMPLES, RATE
from tests.bench.backchannels import Sound, sounds
from tests.bench.box import box
from tests.bench.figures import Figure, percentiles
from tests.bench.following import QUIET_S, TALKER, Follower, longest_quiet, whole_text
from tests.bench.voices import Pcm

PROMPTS = (
    *("vm-intro", "demo-abouttotry", "vm-instructions", "conf-onlyperson", "demo-nomatch", "vm-youhave", "dir-nomore"),
    *("vm-nobodyavail", "cannot-complete-as-dialed", "confbridge-pin", "demo-instruct", "entr-num-rmv-blklist"),
    *("vm-tempgreeting", "feature-not-avail-line"),
)
"""The last two begin softly."""
ROUNDS = 4
SPEECH_S = 2.5
"""How much of a prompt is said."""
ANSWER_S = 1.5
"""After a sound, until the agent must have gone on with its text."""
APART_S = 3.0
"""From one sound's end to the next one's beginning."""
HOLD_S = 0.3 + FRAME_S / 2
"""A pause of the agent that nobody minds: 0.3 s, as far as frames can tell."""
WHOLE = 0.97
"""Of the text's loud audio: a hold may fall into a word."""
MUTE_S = 4.0
"""An agent that was stopped and says nothing for so long is mute."""


@dataclass(frozen=True)
class Interruption:
    """One prompt over the agent, in ms from its onset."""

    prompt: str
    silent_ms: float
    """Until the agent was silent, for longer than it is between words."""
    for_good_ms: float
    """Until its last sound while the prompt went on: more where it took the hold for a false alarm at first."""


@dataclass
class FalseAlarms:
    """What sounds did to the agent."""

    hold_ms: list[float] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    mute: list[str] = field(default_factory=list)
    heard_percent: list[float] = field(default_factory=list)
    """Of the whole text, in each call that was not stopped."""


def run() -> list[Figure]:
    """First the interruptions, then the sounds; both are named where they went wrong."""
    with box(agents=TALKER) as under_test:
        recorded = under_test.pbx.install.sounds
        if recorded is None:
            raise RuntimeError("the Asterisk here has no recorded prompts (asterisk-core-sounds-en-wav)")
        made = sounds(recorded)
        stopping = asyncio.run(_interruptions(under_test.pbx.sip_port, recorded))
        alarms = asyncio.run(_false_alarms(under_test.pbx.sip_port, made))
    console = Console(width=120)
    for name in PROMPTS:
        times = ", ".join(f"{one.silent_ms:.0f}/{one.for_good_ms:.0f}" for one in stopping if one.prompt == name)
        console.print(f"  {name}: silent/for good after {times} ms", style="dim")
    for what, names in (("stopped by", alarms.stops), ("mute after", alarms.mute)):
        console.print(f"  {what}: {', '.join(names) or 'none'}", style="dim")
    n = len(made)
    return [
        *percentiles("barge_in", [one.silent_ms for one in stopping], {95: "≤ 200 ms"}),
        *percentiles("barge_in.for_good", [one.for_good_ms for one in stopping]),
        Figure("barge_in.false_stops", len(alarms.stops), "sounds", n, "≤ 2"),
        Figure("barge_in.mute_after_false_alarm", len(alarms.mute), "sounds", n, "0"),
        Figure("barge_in.holds", len(alarms.hold_ms), "sounds", n),
        *(percentiles("barge_in.hold", alarms.hold_ms) if alarms.hold_ms else []),
        Figure("barge_in.hold.max_ms", max(alarms.hold_ms, default=0.0), "ms", len(alarms.hold_ms)),
        Figure("barge_in.text_heard_percent", min(alarms.heard_percent, default=0.0), "%", len(alarms.heard_percent)),
    ]


async def _interruptions(sip_port: int, recorded: Path) -> list[Interruption]:
    """Every prompt over the agent, again and again."""
    interruptions = []
    async with Phone(sip_port) as phone:
        for number, name in enumerate(PROMPTS * ROUNDS):
            call = await phone.call("agent-talker")
            await call.wait_for_speech(call.dialled_at)
            await asyncio.sleep(1.0 + 0.137 * (number % 13))
            said = await call.say(_from_onset(recorded / f"{name}.wav"))
            await call.hang_up()
            onset = said.first_loud_at
            silent = next(end for _, end in call.hearing.spans(QUIET_S) if end + QUIET_S > onset)
            for_good = max(silent, call.hearing.last_loud(said.last_loud_at) or silent)
            first, last = (max(0.0, end + FRAME_S - onset) * 1000 for end in (silent, for_good))
            interruptions.append(Interruption(name, first, last))
    return interruptions


def _from_onset(file: Path) -> Pcm:
    """The beginning of a prompt, from its first loud frame."""
    samples = to_phone(*read_wav(file.read_bytes()))
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES).astype(float)
    first = int(np.argmax(np.sqrt((frames**2).mean(1)) > 500)) * FRAME_SAMPLES
    return samples[first : first + int(SPEECH_S * RATE)]


async def _false_alarms(sip_port: int, made: list[Sound]) -> FalseAlarms:
    """Every sound once, several in a call, as long as its text lasts or until it is stopped."""
    alarms, waiting = FalseAlarms(), list(made)
    async with Phone(sip_port) as phone:
        call = await phone.call("agent-talker")
        follower = Follower(await whole_text(call))
        await call.hang_up()
        while waiting:
            call = await phone.call("agent-talker")
            tried = await _one_call(call, waiting, follower, alarms)
            await call.hang_up()
            if not tried:
                raise RuntimeError("the agent does not say its text")
            del waiting[:tried]
    return alarms


async def _one_call(call: PhoneCall, waiting: list[Sound], follower: Follower, alarms: FalseAlarms) -> int:
    """Try as many sounds as the text has time for, or until one stops it; returns how many."""
    await call.wait_for_speech(call.dialled_at)
    await asyncio.sleep(APART_S - ANSWER_S)
    tried = 0
    while tried < len(waiting) and (place := follower.place(call, _latest(call))) is not None:
        sound = waiting[tried]
        if place + len(sound.pcm) / RATE + 2 * APART_S > follower.length_s:
            break
        tried += 1
        if await _try(call, sound, follower, place, alarms):
            return tried
        await asyncio.sleep(APART_S - ANSWER_S)
    await call.wait_for_quiet(1.0)
    heard = follower.heard_part(call)
    alarms.heard_percent.append(min(1.0, heard) * 100)
    if tried and (place is None or heard < WHOLE):
        alarms.stops.append(f"{waiting[tried - 1].name}, later")
    return tried


async def _try(call: PhoneCall, sound: Sound, follower: Follower, place: float, alarms: FalseAlarms) -> bool:
    """Make one sound while the agent is at `place` of its text; True when that stopped it."""
    begun = _latest(call)
    said = await call.say(sound.pcm)
    await asyncio.sleep(ANSWER_S)
    now = _latest(call)
    later = follower.place(call, now)
    if later is None:
        alarms.stops.append(sound.name)
        if not await _speaks(call, said.ended_at + HOLD_S):
            alarms.mute.append(sound.name)
        return True
    delayed = (now - begun) - (later - place)
    if delayed >= FRAME_S:
        quiet = min(delayed, longest_quiet(call, begun, now) - FRAME_S)
        alarms.hold_ms.append(quiet * 1000)
        if quiet > HOLD_S:
            alarms.stops.append(f"{sound.name} for {quiet * 1000:.0f} ms")
    return False


async def _speaks(call: PhoneCall, since: float) -> bool:
    """Whether the agent says anything at all then, or soon."""
    try:
        await call.wait_for_speech(since, MUTE_S)
    except (CallFailed, TimeoutError):
        return False
    return True


def _latest(call: PhoneCall) -> float:
    """The moment up to which the call was heard, by the audio's own clock."""
    return call.hearing.frames[-1].plays_at
