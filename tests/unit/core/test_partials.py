"""Partial transcripts → the words that are certain; and how often they may be asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.partials import StablePrefix, next_partial_at

STORIES = {
    "grows": [
        ("hello", ""),
        ("hello what", "hello"),
        ("hello what are your", "hello what"),
        ("hello what are your opening hours", "hello what are your"),
    ],
    "the first one proves nothing": [("hello what are your", "")],
    "the last word may be cut": [("my name is mary", ""), ("my name is mary", "my name is")],
    "case and punctuation": [
        ("Hello.", ""),
        ("hello, what?", "hello,"),
        ("Hello, what are", "Hello, what"),
    ],
    "contradicted": [
        ("my name is mary king", ""),
        ("my name is mary king and", "my name is mary king"),
        ("my name is marie kay and", "my name is"),
        ("my name is marie kay and i", "my name is marie kay and"),
    ],
    "contradicted at the first word": [("a b c", ""), ("a b c", "a b"), ("x y z", ""), ("x y z", "x y")],
    "shorter is no contradiction": [
        ("one two three", ""),
        ("one two three four", "one two three"),
        ("one two", "one two three"),
        ("", "one two three"),
        ("one two three four five", "one two three"),
    ],
    "nothing": [("", ""), ("  ", ""), ("one", ""), ("one", "")],
    "signs alone": [("- what", ""), ("- what is", "- what")],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_stable_words(story):
    prefix = StablePrefix()
    assert [prefix.update(text) for text, _ in story] == [stable for _, stable in story]


@given(st.lists(st.lists(st.sampled_from("ab"), max_size=6), max_size=12))
def test_what_is_certain_never_shrinks_unless_contradicted(partials):
    prefix, stable = StablePrefix(), []
    for words in partials:
        before, stable = stable, prefix.update(" ".join(words)).split()
        both = min(len(before), len(words))
        if before[:both] == words[:both]:
            assert stable[: len(before)] == before
        overlap = min(len(stable), len(words))
        assert stable[:overlap] == words[:overlap], "it says something that the latest partial denies"


@pytest.mark.parametrize(
    ("took", "at"),
    [(0.0, 10.5), (0.05, 10.5), (0.125, 10.5), (0.2, 10.8), (1.0, 14.0)],
)
def test_the_next_one_waits_three_times_as_long_as_the_last_one_took(took, at):
    assert next_partial_at(10.0, took, 0.5) == pytest.approx(at)


@given(st.lists(st.floats(0.0, 5.0), min_size=1, max_size=50), st.floats(0.05, 2.0))
def test_never_more_than_a_quarter_of_a_core(costs, interval):
    now = busy = 0.0
    for took in costs:
        busy += took
        now = next_partial_at(now, took, interval)
    assert busy <= now / 4 + 1e-9
