"""What Prometheus would read, parsed by its own client's parser."""

import re
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ari_app.engines.llm_scheduler import SchedulerStats
from ari_app.engines.worker import WorkerStats
from ari_app.metrics import EVENTS, REASONS, STAGES, Metrics, Watched
from ari_app.settings import PROJECT_ROOT
from ari_app.store.records import CallEnd, TurnRecord

STAGES_MS = {
    "transcript": 120.0,
    "first_token": 200.0,
    "first_clause": 260.0,
    "first_audio": 320.0,
    "endpoint": 400.0,
    "first_frame_sent": 450.0,
}


def turn(**changes):
    fields = {
        "call_id": "c1",
        "number": 1,
        "trigger": "speech",
        "caller_text": "my number is five five five",
        "agent_text": "thank you",
        "agent_said": "thank you",
        "interrupted": False,
        "at_ms": 1000.0,
        "stages_ms": STAGES_MS,
        "endpoint_ms": 400.0,
    }
    return TurnRecord(**{**fields, **changes})


def end(status="HANGUP", reason="caller_hung_up", **counts):
    return CallEnd("c1", status, reason, None, {}, None, counts)


def watched(**engines):
    nothing = dict.fromkeys(("vad", "stt", "tts", "llm", "judge"))
    return Watched(
        stasis=SimpleNamespace(live_calls=3, admission=SimpleNamespace(limit=8)),
        engines=SimpleNamespace(**{**nothing, **engines}),
        store=SimpleNamespace(failures=2, lost=1),
        lag=SimpleNamespace(worst_seconds=0.004),
    )


@pytest.fixture
def metrics():
    return Metrics()


def scrape(metrics):
    """Every sample: name and labels → value."""
    body, content_type = metrics.render("text/plain;version=0.0.4")
    assert content_type.startswith("text/plain")
    families = text_string_to_metric_families(body.decode())
    samples = {(s.name, *sorted(s.labels.items())): s.value for family in families for s in family.samples}
    return {key: value for key, value in samples.items() if not key[0].endswith("_created")}


def test_a_turn_fills_the_histogram_of_each_stage(metrics):
    metrics.recorded(turn())
    got = scrape(metrics)
    for stage in STAGES:
        label = ("stage", stage)
        assert got["offhook_turn_stage_seconds_sum", label] == pytest.approx(STAGES_MS[stage] / 1000)
        assert got["offhook_turn_stage_seconds_count", label] == 1
    assert got["offhook_gap_seconds_bucket", ("le", "0.05")] == 1
    assert got["offhook_turns_total", ("trigger", "speech")] == 1
    assert got["offhook_interrupted_turns_total",] == 0


def test_a_greeting_has_no_stages_and_nobody_waited_for_it(metrics):
    metrics.recorded(turn(trigger="greeting", stages_ms={}, endpoint_ms=None, interrupted=True))
    got = scrape(metrics)
    assert got["offhook_gap_seconds_count",] == 0
    assert got["offhook_turn_stage_seconds_count", ("stage", "endpoint")] == 0
    assert got["offhook_turns_total", ("trigger", "greeting")] == 1
    assert got["offhook_interrupted_turns_total",] == 1


def test_calls_end_with_status_and_reason_and_leave_their_counts(metrics):
    metrics.recorded(end(drafts=4, late_frames=2))
    metrics.recorded(end(drafts=1))
    metrics.recorded(end("REFUSED", "capacity"))
    got = scrape(metrics)
    assert got["offhook_calls_total", ("reason", "caller_hung_up"), ("status", "HANGUP")] == 2
    assert got["offhook_calls_total", ("reason", "capacity"), ("status", "REFUSED")] == 1
    assert got["offhook_call_events_total", ("event", "drafts")] == 5
    assert got["offhook_call_events_total", ("event", "late_frames")] == 2
    assert got["offhook_call_events_total", ("event", "holds")] == 0


def test_words_from_outside_never_become_labels(metrics):
    metrics.recorded(end("FAILED", "my number is 555"))
    metrics.recorded(turn(stages_ms={"my pin": 1.0}))
    metrics.recorded(end(my_pin=1))
    got = scrape(metrics)
    assert got["offhook_calls_total", ("reason", "other"), ("status", "FAILED")] == 1
    assert not [key for key in got if "555" in str(key) or "pin" in str(key) or "c1" in str(key)]


def test_levels_are_read_at_each_scrape(metrics):
    ears = WorkerStats(jobs=7, waiting=2, wait_seconds=1.5, busy_seconds=3.0, dropped=1, failed=4)
    mind = SchedulerStats(batches=10, sequences_computed=25, prompt_tokens=300, cached_tokens=900, reply_tokens=80)
    engines = {
        "stt": SimpleNamespace(stats=ears),
        "tts": SimpleNamespace(),  # a benchmark's own
        "llm": SimpleNamespace(scheduler=SimpleNamespace(stats=mind)),
    }
    metrics.watch(watched(**engines))
    got = scrape(metrics)
    assert got["offhook_live_calls",] == 3
    assert got["offhook_calls_limit",] == 8
    assert got["offhook_loop_lag_worst_seconds",] == 0.004
    assert got["offhook_store_failures_total",] == 2
    assert got["offhook_store_lost_records_total",] == 1
    assert got["offhook_engine_jobs_total", ("engine", "stt")] == 7
    assert got["offhook_engine_waiting", ("engine", "stt")] == 2
    assert got["offhook_engine_wait_seconds_total", ("engine", "stt")] == 1.5
    assert got["offhook_engine_busy_seconds_total", ("engine", "stt")] == 3.0
    assert got["offhook_engine_dropped_total", ("engine", "stt")] == 1
    assert got["offhook_engine_failed_total", ("engine", "stt")] == 4
    assert got["offhook_llm_batches_total",] == 10
    assert got["offhook_llm_sequences_computed_total",] == 25
    assert got["offhook_llm_prompt_tokens_total",] == 300
    assert got["offhook_llm_cached_tokens_total",] == 900
    assert got["offhook_llm_reply_tokens_total",] == 80
    assert not [key for key in got if ("engine", "tts") in key]

    ears.jobs += 1
    assert scrape(metrics)["offhook_engine_jobs_total", ("engine", "stt")] == 8


def test_the_language_model_is_an_engine_like_the_others(metrics):
    stats = SchedulerStats(jobs=3, waiting=1, wait_seconds=0.5, failed=2)
    metrics.watch(watched(llm=SimpleNamespace(scheduler=SimpleNamespace(stats=stats))))
    got = scrape(metrics)
    names = {"jobs_total": 3, "waiting": 1, "wait_seconds_total": 0.5, "failed_total": 2}
    assert {name: got[f"offhook_engine_{name}", ("engine", "llm")] for name in names} == names


def test_two_processes_worth_of_metrics_know_nothing_of_each_other(metrics):
    metrics.recorded(turn())
    assert scrape(Metrics())["offhook_gap_seconds_count",] == 0


def test_the_lag_of_the_loop(metrics):
    metrics.lagged(0.003)
    got = scrape(metrics)
    assert got["offhook_loop_lag_seconds_bucket", ("le", "0.002")] == 0
    assert got["offhook_loop_lag_seconds_bucket", ("le", "0.005")] == 1


def test_prometheus_gets_the_format_that_it_prefers(metrics):
    body, content_type = metrics.render("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def code():
    files = [path for path in (PROJECT_ROOT / "ari_app").rglob("*.py") if path.name != "metrics.py"]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def test_every_reason_in_the_code_is_known():
    said = r"Outcome\(Status\.\w+, |LineFailed\(|HearingFailed\(\w+, |ReplyFailed\(\w+, |_fail\("
    found = set(re.findall(rf'(?:{said})"(\w+)"', code())) | {"fax", "line_tone"}  # a choice between two
    assert found == REASONS


def test_everything_that_calls_count_is_known():
    found = set(re.findall(r'(?:count|_odd)\("(\w+)"', code())) | {"late_clauses", "late_frames"}
    assert found == set(EVENTS)
