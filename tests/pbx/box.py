"""A caller for the tests: says bundled lines on a real call, and tells what was heard at both ends."""

import asyncio
import contextlib
import os
from dataclasses import dataclass

import numpy as np
import soxr

from ari_app.demo.agent_process import AgentProcess, demo_config
from ari_app.demo.conversation import wav_line
from ari_app.demo.phone import Phone, PhoneCall
from ari_app.engines.base import SPEECH_RATE
from ari_app.settings import DEMO_MODELS
from ari_app.store.reader import read_call

AGENT_PAUSE_S = 0.8


def line(name):
    """A bundled caller's line at 8 kHz."""
    return wav_line(DEMO_MODELS / "callers" / f"{name}.wav").pcm


@dataclass
class Desk:
    """A running agent beside the shared PBX."""

    pbx: object
    agent: AgentProcess

    @property
    def store_url(self):
        return f"sqlite:///{self.agent.folder / 'offhook.sqlite'}"

    async def results(self, call):
        """The OFFHOOK_* variables as the dialplan saw them."""
        return await asyncio.to_thread(self.pbx.results, call.id, 15.0)

    async def record(self, call):
        """The call as stored, once it is complete."""
        call_id = (await self.results(call))["OFFHOOK_CALL_ID"]
        async with asyncio.timeout(10):
            while (record := await asyncio.to_thread(read_call, self.store_url, call_id)).end is None:
                await asyncio.sleep(0.05)
        return record


@contextlib.contextmanager
def desk(pbx, folder, **sections):
    """An agent of one's own, with configuration sections laid over the demonstration's."""
    with AgentProcess(demo_config(pbx, folder, sections), folder) as agent:
        yield Desk(pbx, agent)


async def greeted(phone: Phone, extension="agent-receptionist", **how) -> PhoneCall:
    """A call whose greeting is over."""
    call = await phone.call(extension, **how)
    await call.wait_for_speech(call.dialled_at)
    await call.wait_for_quiet(AGENT_PAUSE_S)
    return call


async def ask(call: PhoneCall, name: str):
    """Say a line and wait until its answer is over; returns when it was said."""
    said = await call.say(line(name))
    await call.wait_for_speech(said.last_loud_at)
    await call.wait_for_quiet(AGENT_PAUSE_S)
    return said


async def understood(stt, call, after):
    """What a listener at the caller's end understands of all that came later than `after`."""
    pcm = call.hearing.audio(after, call.hearing.frames[-1].plays_at + 0.02)
    samples = soxr.resample(pcm.astype(np.float32) / 32768, 8000, SPEECH_RATE)
    return (await stt.transcribe(samples)).text


def open_files(pid):
    """How many files and sockets a process holds."""
    return len(os.listdir(f"/proc/{pid}/fd"))
