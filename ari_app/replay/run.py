"""One replayed call: the real session and engines around a recorded caller, on virtual time.

Nothing of it leaves this process: no store is written, nothing is recorded, and a transfer or hang-up is only told.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ari_app.call.exchange import Parts
from ari_app.call.prompts import Prompts
from ari_app.call.recording import NoRecorder
from ari_app.call.session import Session
from ari_app.call.warm_up import prefill, prepare
from ari_app.core.commands import Outcome
from ari_app.engines.loader import Engines
from ari_app.replay.clock import running_loop
from ari_app.replay.engines import SeenConversation, SeenJudge, SeenStt, SeenTts
from ari_app.replay.line import Recording, ReplayLine
from ari_app.replay.timeline import Moment, Timeline, Turn
from ari_app.settings import Settings, endpoints
from ari_app.store.records import ToolRecord

_PATIENCE_SECONDS = 1.0
"""How much longer than the longest end-of-turn silence the caller waits for an answer that does not come."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it."""

    agent: str
    outcome: Outcome
    entries: tuple[Moment | Turn, ...]
    """In the order of the recording."""
    tools: tuple[ToolRecord, ...]
    counts: Mapping[str, int]
    """What the call counted, by name."""
    recorded_s: float
    """Length of the recording."""
    call_s: float
    """Length of the call."""
    took_s: float
    """Real time that it took, without loading the engines."""

    @property
    def turns(self) -> list[Turn]:
        """The turns alone."""
        return [entry for entry in self.entries if isinstance(entry, Turn)]

    @property
    def responses_ms(self) -> list[float]:
        """From the caller's last speech to the first audio of the agent, for every turn that has both."""
        stages = [turn.record.stages_ms.get("first_frame_sent") for turn in self.turns]
        return [ms for ms in stages if ms is not None]


async def replay(settings: Settings, agent_name: str, recording: Recording, engines: Engines) -> Replayed:
    """Let the recorded caller talk with the agent. Runs on a VirtualTimeLoop. Raises EngineError when the agent's fixed
    sentences cannot be said."""
    loop = running_loop()
    agent = settings.agents[agent_name]
    alone = replace(settings, agents={agent_name: agent})
    tts = SeenTts(engines.tts, loop)
    prompts = Prompts(tts)
    with loop.working():
        await prepare(alone, prompts, recording.rate)
        await prefill(alone, engines.llm)
    began, began_at = time.monotonic(), loop.time()
    line = ReplayLine(recording, endpoints(agent, settings.turn)[2] / 1000 + _PATIENCE_SECONDS)
    timeline = Timeline(agent, settings.turn, loop.time)
    parts = Parts(
        settings=settings,
        vad=engines.vad,
        stt=SeenStt(engines.stt, loop, timeline.transcribed),
        tts=tts,
        prompts=prompts,
        books=timeline,
        judge=engines.judge and SeenJudge(engines.judge, loop),
    )
    conversation = SeenConversation(engines.llm.conversation(), loop)
    try:
        session = Session(parts, line, agent, conversation, NoRecorder(), {}, observe=timeline.observe)
        async with asyncio.TaskGroup() as group:
            feeding = group.create_task(line.feed())
            outcome = await session.run()
            feeding.cancel()
    finally:
        await line.transport.close()
        await conversation.close()
    return Replayed(
        agent=agent_name,
        outcome=outcome,
        entries=tuple(timeline.entries()),
        tools=tuple(timeline.tools),
        counts=session.counts(),
        recorded_s=round(recording.seconds, 3),
        call_s=round(loop.time() - began_at, 3),
        took_s=round(time.monotonic() - began, 3),
    )
