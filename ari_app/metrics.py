"""What Prometheus sees of this process: calls, how long callers waited and where that time went, engines, the loop.

What happens once a turn or a call comes as the record that goes to the store too. What is counted all the time stays a
plain number on whoever counts it, and is read when Prometheus asks. Labels come from fixed sets: nothing that a caller,
a model or a dialplan has said.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from ari_app.engines.loader import Engines
from ari_app.loop_lag import LoopLag
from ari_app.stasis import Stasis
from ari_app.store.records import CallEnd, Record, TurnRecord
from ari_app.store.store import Store

REASONS = frozenset(
    {
        "agent_hung_up", "caller_hung_up", "capacity", "engine_failed", "fax", "internal_error", "line_failed",
        "line_tone", "max_duration", "media_lost", "no_input", "no_person", "reply_timeout", "shutdown", "stt_failed",
        "stt_timeout", "transfer", "tts_failed", "unknown_agent",
    }
)  # fmt: skip
"""Every OFFHOOK_REASON; a test finds them all in the code."""
STAGES = ("endpoint", "transcript", "first_token", "first_clause", "first_audio", "first_frame_sent")
EVENTS = (
    "drafts", "drafts_used", "false_alarms", "fillers", "holds", "late_clauses", "late_frames", "replies_cut",
    "replies_empty", "replies_repeating", "reprompts",
)  # fmt: skip
"""What calls count, see CallEnd.counts."""
_OF_ENGINES = (
    ("waiting", GaugeMetricFamily, "Jobs that wait"),
    ("jobs", CounterMetricFamily, "Jobs that were begun"),
    ("wait_seconds", CounterMetricFamily, "How long they had waited"),
    ("busy_seconds", CounterMetricFamily, "How long they took"),
    ("dropped", CounterMetricFamily, "Jobs that were cancelled while they waited, or refused"),
    ("failed", CounterMetricFamily, "Jobs that failed"),
)
"""Fields of WorkerStats and SchedulerStats."""
_OF_LANGUAGE_MODEL = (
    ("batches", "Steps that were computed"),
    ("sequences_computed", "Sequences in them; by the steps, the size of a batch"),
    ("prompt_tokens", "Prompt tokens that were computed"),
    ("cached_tokens", "Prompt tokens that were in the memory already"),
    ("reply_tokens", "Tokens of replies"),
)
"""Fields of SchedulerStats."""
_WAIT_BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
_LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.25, 1.0)


@dataclass(frozen=True)
class Watched:
    """Whose numbers are read at each scrape."""

    stasis: Stasis
    engines: Engines
    store: Store
    lag: LoopLag


class Metrics:
    """The metrics of one process; nothing of them is global."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._calls = self._counter("calls", "Calls that have ended", "status", "reason")
        self._turns = self._counter("turns", "Turns, by what made the agent speak", "trigger")
        self._interrupted = self._counter("interrupted_turns", "Turns in which the caller stopped the agent")
        self._events = self._counter("call_events", "What happened on calls, counted when they end", "event")
        self._gap = self._histogram(
            "gap_seconds", "From the end-of-turn silence to the agent's first sound", _WAIT_BUCKETS
        )
        self._stages = self._histogram(
            "turn_stage_seconds", "From the caller's last sound to a stage of the answer", _WAIT_BUCKETS, "stage"
        )
        self._lag = self._histogram("loop_lag_seconds", "How late the event loop wakes up", _LAG_BUCKETS)
        for event in EVENTS:
            self._events.labels(event)
        for stage in STAGES:
            self._stages.labels(stage)

    def watch(self, watched: Watched) -> None:
        """Read these at each scrape from now on."""
        self._registry.register(_Levels(watched))

    def lagged(self, seconds: float) -> None:
        """The event loop woke up so late."""
        self._lag.observe(seconds)

    def recorded(self, record: Record) -> None:
        """Something goes to the store."""
        match record:
            case TurnRecord():
                self._turn(record)
            case CallEnd(_, status, reason):
                self._calls.labels(status, reason if reason in REASONS else "other").inc()
                for event in EVENTS:
                    self._events.labels(event).inc(record.counts.get(event, 0))
            case _:
                pass

    def render(self, accept: str) -> tuple[bytes, str]:
        """All of it as text, and its content type, for a client that accepts such types."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def _turn(self, turn: TurnRecord) -> None:
        self._turns.labels(turn.trigger).inc()
        if turn.interrupted:
            self._interrupted.inc()
        if turn.gap_ms is not None:
            self._gap.observe(max(0.0, turn.gap_ms / 1000))
        for stage in STAGES:
            if stage in turn.stages_ms:
                self._stages.labels(stage).observe(turn.stages_ms[stage] / 1000)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"offhook_{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: Iterable[float], *labels: str) -> Histogram:
        return Histogram(f"offhook_{name}", text, labels, buckets=tuple(buckets), registry=self._registry)


class _Levels(Collector):
    """What is read when Prometheus asks."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        stasis, store = self._watched.stasis, self._watched.store
        yield _gauge("live_calls", "Calls in progress", stasis.live_calls)
        yield _gauge("calls_limit", "Calls that are taken at once, at this moment", stasis.admission.limit)
        yield _gauge("loop_lag_worst_seconds", "The longest of the last minute", self._watched.lag.worst_seconds)
        yield _count("store_failures", "Writes to the database that failed", store.failures)
        yield _count("store_lost_records", "Records that will never be in the database", store.lost)
        yield from self._engines()

    def _engines(self) -> Iterator[Metric]:
        engines = self._watched.engines
        scheduler = getattr(engines.llm, "scheduler", None)
        workers = {"stt": engines.stt, "tts": engines.tts, "judge": engines.judge, "llm": scheduler}
        every = {
            name: getattr(worker, "stats", None) for name, worker in workers.items()
        }  # a benchmark's may have none
        for field, family, text in _OF_ENGINES:
            metric = family(f"offhook_engine_{field}", text, labels=["engine"])
            for name, stats in every.items():
                if hasattr(stats, field):
                    metric.add_metric([name], getattr(stats, field))
            yield metric
        for field, text in _OF_LANGUAGE_MODEL:
            if hasattr(every["llm"], field):
                yield _count(f"llm_{field}", text, getattr(every["llm"], field))


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"offhook_{name}", text, value)


def _count(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"offhook_{name}", text, value)
