"""Tables of window probabilities → starts and stops, in audio time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.events import SpeechStarted, SpeechStopped
from ari_app.core.speech import OFFSET_LAG, ONSET_LAG, WINDOW_SECONDS, SpeechDetector
from ari_app.settings import BargeInSettings, VadSettings

LEVELS = {".": 0.02, "-": 0.4, "#": 0.9}
"""Silence, a window between the two thresholds, speech."""


def events(windows, settings=None):
    """Run windows (a string of LEVELS) through a detector: [(index of the window, event)]."""
    detector = SpeechDetector(settings or VadSettings(), BargeInSettings())
    told = [
        (index, detector.on_window(LEVELS[level], (index + 1) * WINDOW_SECONDS)) for index, level in enumerate(windows)
    ]
    return [(index, event) for index, event in told if event is not None]


def kinds(windows, settings=None):
    names = {SpeechStarted: "start", SpeechStopped: "stop"}
    return [(index, names[type(event)]) for index, event in events(windows, settings)]


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ("..........", []),
        ("..##......", []),  # a click: 64 ms
        ("..###.....", [(4, "start"), (6, "stop")]),  # 96 ms are speech, two silent windows its end
        ("..#-#.....", [(4, "start"), (6, "stop")]),  # what began goes on above the lower threshold
        ("..-----...", []),  # which alone begins nothing
        ("..#.#.#.#.", []),  # interrupted clicks do not add up
        ("..####.###..", [(4, "start"), (11, "stop")]),  # one silent window is a plosive
        ("..####.--...", [(4, "start"), (10, "stop")]),
        ("..###...#...", [(4, "start"), (6, "stop"), (8, "start"), (10, "stop")]),  # resumed: believed at once
        ("..###" + "." * 25 + "#....", [(4, "start"), (6, "stop")]),  # too late for a resumption
        ("###", [(2, "start")]),
    ],
)
def test_table(windows, expected):
    assert kinds(windows) == expected


def test_times_are_those_of_the_audio_not_of_the_decision():
    (_, start), (_, stop) = events("....######....")
    assert start == SpeechStarted(at=pytest.approx(4 * WINDOW_SECONDS - ONSET_LAG))
    assert stop == SpeechStopped(at=pytest.approx(10 * WINDOW_SECONDS - OFFSET_LAG))


def test_min_speech_ms_counts_whole_windows():
    assert kinds("..########", VadSettings(min_speech_ms=32)) == [(2, "start")]
    assert kinds("..########", VadSettings(min_speech_ms=200)) == [(8, "start")]


def test_thresholds_are_the_settings():
    settings = VadSettings(start_probability=0.3, stop_probability=0.1)
    assert kinds("--------", settings) == [(2, "start")]


def test_speaking_says_what_the_last_event_was():
    detector = SpeechDetector(VadSettings(), BargeInSettings())
    seen = []
    for index, level in enumerate("..###..."):
        detector.on_window(LEVELS[level], (index + 1) * WINDOW_SECONDS)
        seen.append(detector.speaking)
    assert seen == [False, False, False, False, True, True, False, False]


@given(st.lists(st.floats(0, 1), max_size=300))
def test_events_alternate_and_never_go_back_in_time(probabilities):
    detector = SpeechDetector(VadSettings(), BargeInSettings())
    last, last_at = SpeechStopped, -1.0
    for index, probability in enumerate(probabilities):
        end_at = (index + 1) * WINDOW_SECONDS
        event = detector.on_window(probability, end_at)
        if event is None:
            continue
        assert type(event) is not last
        assert last_at <= event.at <= end_at
        last, last_at = type(event), event.at


@pytest.mark.parametrize(("probability", "windows"), [(0.9, 2), (0.5, 2), (0.34, 3), (0.2, 5), (0.11, None)])
def test_over_the_agent_speech_is_believed_sooner_the_clearer_it_is(probability, windows):
    detector = SpeechDetector(VadSettings(), BargeInSettings())
    told = [detector.on_window(probability, (index + 1) * WINDOW_SECONDS, over_agent=True) for index in range(6)]
    assert next((index + 1 for index, event in enumerate(told) if event), None) == windows


def test_faint_windows_apart_from_each_other_are_no_speech_over_the_agent():
    detector = SpeechDetector(VadSettings(), BargeInSettings())
    levels = [0.4, 0.4, 0.05] * 10
    assert not any(detector.on_window(p, (i + 1) * WINDOW_SECONDS, over_agent=True) for i, p in enumerate(levels))


def test_what_is_believed_over_the_agent_is_not_believed_beside_silence():
    detector = SpeechDetector(VadSettings(), BargeInSettings())
    assert not any(detector.on_window(0.3, (index + 1) * WINDOW_SECONDS) for index in range(6))
