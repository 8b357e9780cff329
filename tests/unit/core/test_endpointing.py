"""How much silence ends a turn, for each judge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.endpointing import EndOfTurn
from ari_app.settings import AgentSettings, TurnSettings

COMPLETE, UNCLEAR, OPEN = "what are your opening hours", "i want to book an appointment", "i want to"


def policy(judge, **agent):
    turn = TurnSettings(judge=judge, endpoint_min_ms=200, endpoint_ms=400, endpoint_max_ms=1200)
    return EndOfTurn(AgentSettings(**agent), turn)


@pytest.mark.parametrize(
    ("judge", "text", "complete", "seconds"),
    [
        ("silence", COMPLETE, None, 0.4),
        ("silence", OPEN, 1.0, 0.4),
        ("silence", "", None, 0.4),
        ("text", COMPLETE, None, 0.2),
        ("text", UNCLEAR, None, 0.4),
        ("text", OPEN, None, 1.2),
        ("text", "", None, 0.4),
        ("text", UNCLEAR, 1.0, 0.4),
        ("smart-turn", COMPLETE, None, 0.2),
        ("smart-turn", UNCLEAR, None, 0.4),
        ("smart-turn", UNCLEAR, 0.5, 0.2),
        ("smart-turn", UNCLEAR, 0.25, 0.8),
        ("smart-turn", UNCLEAR, 0.0, 1.2),
        ("smart-turn", COMPLETE, 0.9, 0.2),
        ("smart-turn", COMPLETE, 0.1, 0.4),
        ("smart-turn", OPEN, 0.99, 1.2),
    ],
)
def test_silence_that_ends_the_turn(judge, text, complete, seconds):
    assert policy(judge).silence_seconds(text, complete, "") == pytest.approx(seconds)


def test_an_agent_has_its_own_bounds():
    own = policy("text", endpoint_min_ms=300, endpoint_max_ms=2000)
    assert [own.silence_seconds(text, None, "") for text in (COMPLETE, UNCLEAR, OPEN)] == [0.3, 0.4, 2.0]


def test_what_the_agent_asked_counts():
    assert policy("text").silence_seconds("five five five", None, "What is your phone number?") == 1.2
    assert policy("text").silence_seconds("mary king", None, "What is your name, please?") == 0.2


def test_in_another_language_words_do_not_count():
    assert policy("text", language="de").silence_seconds(OPEN, None, "") == 0.4


@given(st.text(), st.none() | st.floats(0, 1), st.text(), st.sampled_from(["silence", "text", "smart-turn"]))
def test_never_outside_the_bounds(text, complete, asked, judge):
    assert 0.2 <= policy(judge).silence_seconds(text, complete, asked) <= 1.2


def test_words_that_are_not_certain_end_no_turn_sooner():
    assert policy("text").silence_seconds(COMPLETE, None, "", sure=False) == policy("text").silence_seconds(
        UNCLEAR, None, ""
    )
