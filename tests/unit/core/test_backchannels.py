"""What a caller murmurs while the agent speaks, and what takes the turn."""

import pytest

from ari_app.core.backchannels import is_backchannel


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "...", "uh-huh", "Uh huh.", "uh-huh, uh-huh", "mm-hm", "Mm-hmm.", "Mhm.", "mm hmm", "Hmm...", "Oh."),
        *("okay", "OK.", "Yeah, okay.", "right", "Right, right.", "I see.", "oh i see", "sure", "Got it.", "all right"),
        *("yes", "Yes, yes.", "Of course.", "That’s right.", "yeah yeah yeah okay got it"),
    ],
)
def test_lets_the_agent_go_on(text):
    assert is_backchannel(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "stop",
            "No.",
            "wait",
            "Wait, wait.",
            "hold on",
            "okay stop",
            "yeah but",
            "uh no",
            "right now",
            "I see a dog",
        ),
        *("got a question", "okay what about saturday", "hello", "sorry", "what", "i", "thank you"),
    ],
)
def test_takes_the_turn(text):
    assert not is_backchannel(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", False),
        ("yeah okay", False),
        ("sure", False),
        ("Got it.", False),
        ("hmm", True),
        ("I see.", True),
        ("", True),
    ],
)
def test_while_the_agent_asks_agreeing_is_an_answer(text, expected):
    assert is_backchannel(text, asking=True) is expected


@pytest.mark.parametrize(("text", "expected"), [("Mhm.", True), ("okay", True), ("sure", False), ("i see", False)])
def test_in_another_language(text, expected):
    assert is_backchannel(text, "de-DE") is expected


def test_in_british_english():
    assert is_backchannel("sure", "en-GB")


def test_english_has_many_codes():
    assert all(is_backchannel("i see", code) for code in ("en", "EN", "en-GB", "en_US"))
    assert not is_backchannel("i see", "de")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("i", True), ("Got", True), ("okay i", True), ("i'd", False), ("i want", False), ("it", False)],
)
def test_what_may_become_a_backchannel_while_it_is_said(text, expected):
    assert is_backchannel(text, so_far=True) is expected
    assert not is_backchannel(text)
    assert not is_backchannel(text, "de", so_far=True)


def test_what_would_become_an_answer_is_none_while_the_agent_asks():
    assert not is_backchannel("got", asking=True, so_far=True)
    assert is_backchannel("i", asking=True, so_far=True)
