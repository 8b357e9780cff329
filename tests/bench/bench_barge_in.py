"""barge_in: the caller's speech onset over the agent to silence at the caller's RTP, on real human speech.

The interrupting caller is one of Asterisk's own recorded prompts, from its first loud frame on.
"""

import asyncio
import wave

import numpy as np

from ari_app.demo.phone import Phone
from ari_app.demo.phone.rtp import FRAME_SAMPLES, RATE
from tests.bench.box import Box, box
from tests.bench.figures import Figure, percentiles

PROMPTS = ("vm-intro", "demo-abouttotry", "vm-instructions", "conf-onlyperson", "demo-nomatch", "vm-youhave")
ROUNDS = 4
LONG_GREETING = " ".join(["We are open Monday to Friday from eight to six, and Saturday from nine to one."] * 6)
QUIET_S = 0.3
"""The agent is silent when nothing loud came for so long; its own pauses between sentences are shorter."""


def run() -> list[Figure]:
    """One interruption a call, at varied moments of a long greeting."""
    with box(agents={"talker": {"greeting": LONG_GREETING}}) as under_test:
        trials = asyncio.run(_measure(under_test))
    return percentiles("barge_in", trials, {95: "≤ 400 ms"})


async def _measure(under_test: Box) -> list[float]:
    sounds = under_test.pbx.install.sounds
    if sounds is None:
        raise RuntimeError("the Asterisk here has no recorded prompts (asterisk-core-sounds-en-wav)")
    trials = []
    async with Phone(under_test.pbx.sip_port) as phone:
        for number, name in enumerate(PROMPTS * ROUNDS):
            speech = _from_onset(sounds / f"{name}.wav")
            call = await phone.call("agent-talker")
            await call.wait_for_speech(call.dialled_at)
            await asyncio.sleep(1.0 + 0.13 * (number % 7))
            said = asyncio.create_task(call.say(speech))
            await call.wait_for_quiet(QUIET_S)
            onset = (await said).first_loud_at
            silent = call.hearing.spans(pause_s=QUIET_S)[0][1]
            trials.append(max(0.0, silent + 0.02 - onset) * 1000)  # a frame lasts 20 ms
            await call.hang_up()
    return trials


def _from_onset(file) -> np.ndarray:
    """The first 2.5 s of a prompt, from its first loud frame."""
    with wave.open(str(file)) as wav:
        assert wav.getframerate() == RATE
        samples = np.frombuffer(wav.readframes(wav.getnframes()), "<i2")
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES).astype(float)
    loud = np.flatnonzero(np.sqrt((frames**2).mean(1)) > 500)
    first = int(loud[0]) * FRAME_SAMPLES
    return samples[first : first + int(2.5 * RATE)]
