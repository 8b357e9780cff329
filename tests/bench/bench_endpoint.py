"""endpoint: turns cut off too early and turns answered late on the labelled set, for each judge of a turn's end.

Offline and in audio time: every turn of tests/data/endpoint goes through voice detection, and each pause through a
transcript, the acoustic judge and the policy, as on a call. The demo Whisper transcribes the demo voice; it does not
know the words of Asterisk's prompts (`people`), which come with their labelled words up to the pause. It also completes
sentences that break off ("put me through to" becomes "put me through to a person"), as it was never trained on such;
`right_words` gives every turn its labelled words. Silence is counted from the labelled end of speech.

Half of the turns have a pause in them, many more than on calls, and the prompts were recorded to be joined: the figures
compare judges, and are not shares of real calls. The cost is the work of one core for one decision; the transcript,
which is nearly all of what `text` costs, is needed for the reply in any case when the turn ends there.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import soxr

from ari_app.core.endpointing import EndOfTurn
from ari_app.core.events import SpeechStarted
from ari_app.core.speech import WINDOW_SECONDS, SpeechDetector
from ari_app.demo.asterisk_install import find_or_fetch
from ari_app.engines.base import SPEECH_RATE, VAD_WINDOW, Samples, Vad
from ari_app.engines.smart_turn import SmartTurn
from ari_app.engines.stt import WhisperStt
from ari_app.engines.vad import SileroVad
from ari_app.settings import AgentSettings, BargeInSettings, Judge, SttSettings, TurnSettings, VadSettings
from tests.bench.figures import Figure
from tests.data.endpoint.build import RATE, Turn, build
from tests.smart_turn_file import smart_turn_file

JUDGES: tuple[Judge, ...] = ("silence", "text", "smart-turn")
LATE_MS = 500
PRE_ROLL_SECONDS = 0.3
"""What the listener keeps from before the onset."""


@dataclass(frozen=True)
class Pause:
    """A place where the caller stopped speaking, whether for good or not."""

    at: float
    told_at: float
    """When the detector said so."""
    resumed_at: float
    """When it said that the caller goes on; infinite where it did not."""
    text: str
    """As the demo Whisper heard the turn so far."""
    words: str
    """As it is labelled."""
    complete: float
    text_ms: float
    judge_ms: float


@dataclass(frozen=True)
class Ended:
    """What a judge made of a turn."""

    turn: Turn
    silence_ms: float
    """From the labelled end of speech to the end of the turn; negative where the caller was cut off."""
    cost_ms: tuple[float, ...]
    """Of each decision on the way."""


def run() -> list[Figure]:
    """Every judge on every turn."""
    sounds = find_or_fetch().sounds
    if sounds is None:
        raise RuntimeError("the Asterisk here has no recorded prompts (asterisk-core-sounds-en-wav)")
    turns = build(sounds)
    pauses = asyncio.run(_pauses(turns))
    figures = []
    for judge in JUDGES:
        name = f"endpoint.{judge}"
        ended = [_end(turn, found, judge) for turn, found in zip(turns, pauses, strict=True)]
        figures += _summary(name, ended)
        costs = [cost for one in ended for cost in one.cost_ms]
        figures.append(Figure(f"{name}.cost_ms", float(np.median(costs)), "ms", len(costs)))
        for voice in ("people", "demo"):
            figures += _summary(f"{name}.{voice}", [one for one in ended if one.turn.voice == voice])[:2]
        right = [_end(turn, found, judge, right_words=True) for turn, found in zip(turns, pauses, strict=True)]
        figures += _summary(f"{name}.right_words", right)[:2]
    return figures


def _summary(name: str, ended: list[Ended]) -> list[Figure]:
    silences = [one.silence_ms for one in ended if one.silence_ms >= 0]
    late = np.mean([silence > LATE_MS for silence in silences])
    return [
        Figure(f"{name}.cut_off_percent", (1 - len(silences) / len(ended)) * 100, "%", len(ended)),
        Figure(f"{name}.late_percent", float(late) * 100, "%", len(silences)),
        Figure(f"{name}.mean_ms", float(np.mean(silences)), "ms", len(silences)),
        *(Figure(f"{name}.p{p}_ms", float(np.percentile(silences, p)), "ms", len(silences)) for p in (50, 90)),
    ]


def _end(turn: Turn, pauses: Iterable[Pause], judge: Judge, *, right_words: bool = False) -> Ended:
    """When the turn is over for a judge: at the first pause that is longer than the silence it asks for."""
    policy = EndOfTurn(AgentSettings(), TurnSettings(judge=judge))
    costs = []
    for pause in pauses:
        text = pause.words if right_words or turn.voice == "people" else pause.text
        silence = policy.silence_seconds(text, pause.complete, turn.asked)
        costs.append({"silence": 0.0, "text": pause.text_ms, "smart-turn": pause.text_ms + pause.judge_ms}[judge])
        over_at = max(pause.at + silence, pause.told_at)
        if over_at < pause.resumed_at:
            return Ended(turn, (over_at - turn.end) * 1000, tuple(costs))
    raise RuntimeError(f"{turn.name}: no speech was found")


async def _pauses(turns: list[Turn]) -> list[list[Pause]]:
    vad, stt = SileroVad(VadSettings()), WhisperStt(SttSettings())
    judge = SmartTurn(TurnSettings(judge_model=smart_turn_file()))
    try:
        return [await _pauses_of(turn, vad, stt, judge) for turn in turns]
    finally:
        await judge.close()
        await stt.close()


async def _pauses_of(turn: Turn, vad: Vad, stt: WhisperStt, judge: SmartTurn) -> list[Pause]:
    samples = soxr.resample(turn.samples, RATE, SPEECH_RATE)
    spans = _spans(samples, vad)
    first = max(0, int((spans[0][0] - PRE_ROLL_SECONDS) * SPEECH_RATE))
    found = []
    for (_, at, told_at), after in zip(spans, [*(span[0] for span in spans[1:]), float("inf")], strict=True):
        heard = samples[first : int(told_at * SPEECH_RATE)]
        began = time.perf_counter()
        text = (await stt.transcribe(heard)).text
        transcribed = time.perf_counter()
        complete = await judge.complete(heard)
        judged = time.perf_counter()
        costs = (transcribed - began) * 1000, (judged - transcribed) * 1000
        found.append(Pause(at, told_at, after, text, turn.words_until(at), complete, *costs))
    return found


def _spans(samples: Samples, vad: Vad) -> list[tuple[float, float, float]]:
    """Stretches of speech: when the detector told of the start, and the stop's audio time and when it told of it."""
    session, detector, spans, started = vad.session(), SpeechDetector(VadSettings(), BargeInSettings()), [], 0.0
    for index in range(len(samples) // VAD_WINDOW):
        now = (index + 1) * WINDOW_SECONDS
        window = samples[index * VAD_WINDOW : (index + 1) * VAD_WINDOW]
        event = detector.on_window(session.probability(window), now)
        if isinstance(event, SpeechStarted):
            started = now
        elif event is not None:
            spans.append((started, event.at, now))
    return spans
