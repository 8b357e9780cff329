"""The limit at start-up: the admin's word, what was measured on this box, or an estimate; never more than fit."""

import logging
from collections.abc import Callable

from ari_app.capacity.estimate import estimate
from ari_app.capacity.measured import conditions, load
from ari_app.capacity.rehearsal import rehearse
from ari_app.core.admission import Admission
from ari_app.engines.cores import available_cores, stt_workers
from ari_app.engines.loader import Engines
from ari_app.settings import Settings, endpoints

log = logging.getLogger(__name__)


async def admission(settings: Settings, engines: Engines, progress: Callable[[str], None]) -> Admission:
    """How many calls are taken; the agents' prompts must be computed. Raises EngineError, CapacityError."""
    capacity = settings.capacity
    if capacity.calls:
        calls, source = capacity.calls, "configured"
    else:
        cores = available_cores()
        if measured := load(capacity.file, conditions(settings, cores)):
            calls, source = measured.calls, f"measured {measured.at}"
        else:
            calls, source = await _estimated(settings, engines, cores), "estimated; offhook bench capacity measures it"
    most = min(calls, settings.llm.sequences)
    progress(f"room for {most} calls ({source})")
    return Admission(most, capacity.target_gap_ms, adapts=not capacity.calls)


async def _estimated(settings: Settings, engines: Engines, cores: int) -> int:
    agent = next(iter(settings.agents.values()))
    costs = await rehearse(engines.stt, engines.llm, engines.tts, agent)
    allowed_ms = float(settings.capacity.target_gap_ms)
    if settings.turn.speculate:  # the work begins when the caller pauses, not when the turn is over
        allowed_ms += endpoints(agent, settings.turn)[0]
    calls = estimate(costs, cores, settings.stt.workers or stt_workers(cores), allowed_ms)
    took = {
        "transcript_ms": round(costs.transcript.seconds * 1000),
        "reply_ms": round(costs.reply.seconds * 1000),
        "clause_ms": round(costs.clause.seconds * 1000),
    }
    log.info("the capacity is estimated", extra={"calls": calls, "cores": cores, **took})
    return calls
