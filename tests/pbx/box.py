"""A caller for the tests: says bundled lines on a real call, and tells what was heard at both ends."""

import asyncio
import contextlib
import os
import re
from dataclasses import dataclass

import aiohttp
import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from ari_app.core.chunker import ClauseChunker
from ari_app.core.speakable import speakable
from ari_app.demo.agent_process import AgentProcess, demo_config
from ari_app.demo.conversation import wav_line
from ari_app.demo.phone import Phone, PhoneCall
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

    async def metrics(self):
        """What Prometheus would read now: (name, the values of its labels in the order of their names) → value."""
        url = re.search(r"metrics at (http://\S+)", self.agent.log_file.read_text()).group(1)
        async with aiohttp.ClientSession() as client, client.get(url) as answer:
            families = text_string_to_metric_families(await answer.text())
            return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}

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


async def spoken(voice, samples, text):
    """How surely 8 kHz audio holds the agent's `text`, as one fixed sentence or as the clauses of an answer.

    The demonstration voice says the same words always the same way, so speech can be recognised by its waveform: over
    the phone it is alike to 0.99 and more, other speech to less than 0.3.
    """
    chunker = ClauseChunker()
    clauses = [*chunker.feed(text), *chunker.end()]
    whole, *parts = [likeness(await voice.speak(speakable(part), 8000), samples) for part in [text, *clauses]]
    return max(whole, min(parts))


def likeness(expected, samples):
    """The highest normalised cross-correlation of `expected` at any place in `samples`."""
    expected, samples = expected.astype(np.float64), samples.astype(np.float64)
    if len(samples) < len(expected):
        return 0.0
    size = 1 << (len(samples) + len(expected)).bit_length()
    product = np.fft.rfft(samples, size) * np.conj(np.fft.rfft(expected, size))
    correlation = np.fft.irfft(product, size)[: len(samples) - len(expected) + 1]
    energy = np.cumsum(np.concatenate(([0.0], samples**2)))
    local = energy[len(expected) :] - energy[: len(samples) - len(expected) + 1]
    return float((correlation / np.sqrt(np.maximum(local, 1.0) * (expected**2).sum())).max())


def heard_since(call, after):
    """What the caller has heard from a moment on, at 8 kHz."""
    return call.hearing.audio(after, call.hearing.frames[-1].plays_at + 0.02)


def open_files(pid):
    """How many files and sockets a process holds."""
    return len(os.listdir(f"/proc/{pid}/fd"))
