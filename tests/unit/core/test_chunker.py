"""Text in pieces → clauses."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.chunker import ClauseChunker


def chunk(*pieces: str) -> list[str]:
    chunker = ClauseChunker()
    return [clause for piece in pieces for clause in chunker.feed(piece)] + chunker.end()


@pytest.mark.parametrize(
    "clauses",
    [
        [],
        ["Hello."],
        ["Hello"],
        ["Hello.", "How can I help you?"],
        ["Yes.", "No!", "Really?!", '"Quoted."', "Next"],
        ["No.", "We are closed."],
        ["Thank you, Mary King.", "What is your phone number?"],
        ["Sure, I can help with that,", "no problem."],
        ["We are open Monday to Friday from eight to six,", "and Saturday from nine to one."],
        ["I would love to help you with that", "but the doctor is away."],
        ["It costs $3.50 at 9:30 a.m. with Dr. Smith,", "e.g. on Monday."],
        ["We open at 9 a.m.", "We close at 6 p.m.", "Bye."],
        ["We open at 9 a.m. on Monday."],
        ["Mr. J. R. Smith vs. Mrs. King,", "room No. 5."],
        ["He lives in the U.S.", "We do not."],
        ["So am I.", "Good."],
        ["1. First", "2. Second", "- third"],
        ["Prices are 1,000 and 3, 4, 5 dollars.", "Good."],
        ["One...", "Two…", "Three?"],
        ["It is 3.14.", "Good."],
        ["See example.com/a?b=1 for more.", "Bye!"],
        ["**Bold.**", "_Italic!_", "(Aside.)", "Done."],
        ["我们周一开门。", "你好吗？", "好"],
    ],
)
def test_clauses(clauses: list[str]) -> None:
    text = ("\n" if "1. First" in clauses else " ").join(clauses)
    assert chunk(text) == clauses
    assert chunk(*text) == clauses, "character by character"


def test_the_first_clause_comes_early_and_later_ones_grow() -> None:
    text = "a bee, " * 100
    lengths = [len(clause) for clause in chunk(text)]
    assert lengths[0] < lengths[1] < lengths[2] == lengths[3]


def test_a_sentence_is_given_when_the_next_begins() -> None:
    chunker = ClauseChunker()
    assert chunker.feed("Hello.") == []  # 3.50?
    assert chunker.feed(" ") == []  # a.m. Monday?
    assert chunker.feed("H") == ["Hello."]
    assert chunker.feed("ow are you?\n") == []
    assert chunker.end() == ["How are you?"]


def test_it_goes_on_after_its_end() -> None:
    chunker = ClauseChunker()
    assert chunker.feed("One moment") + chunker.end() == ["One moment"]
    assert chunker.end() == []
    assert chunker.feed(" please") + chunker.end() == ["please"]


def test_punctuation_alone_is_no_clause() -> None:
    assert chunk("... ! Yes. And? !") == ["... ! Yes.", "And?", "!"]


def test_a_long_clause_is_cut_at_a_space() -> None:
    clauses = chunk("word " * 100)
    assert all(len(clause) <= 160 for clause in clauses)
    assert len(clauses[0]) <= 60
    assert all(clause.split(" ") == ["word"] * len(clause.split(" ")) for clause in clauses)


def test_numbers_stay_together_in_a_long_clause() -> None:
    text = "the quick brown fox jumps over the lazy dog and then dials 555 1234 567 or asks Dr. Smith " * 5
    for clause, following in pairwise(chunk(text)):
        assert not (clause[-1].isdigit() and following[0].isdigit())
        assert not clause.endswith("Dr.")


def test_text_without_spaces_is_bounded() -> None:
    assert max(map(len, chunk("x" * 5000))) <= 640
    chunker = ClauseChunker()
    for _ in range(5000):
        chunker.feed("x")
    assert len(chunker._text) <= 640


WORDS = st.one_of(
    st.sampled_from(["3.50", "9:30", "$1,000.00", "5", "555", "12", "1.", "No.", "Dr.", "e.g.", "a.m.", "U.S.", "I."]),
    st.sampled_from(["yes", "no", "Smith", "and", "because", "we", "Ωmega", "**b**", "open,", "close;", "now."]),
    st.sampled_from(["Really?", '"Oh!"', "—", "-", "。", "\n"]),
)
TEXT = st.lists(WORDS | st.just("x" * 70), max_size=60).map(" ".join) | st.text(max_size=200)


@given(TEXT, st.data())
def test_nothing_is_lost_and_pieces_do_not_matter(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=20)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    clauses = chunk(*pieces)
    assert clauses == chunk(text)
    assert "".join("".join(clauses).split()) == "".join(text.split())
    assert all(clause == clause.strip() != "" for clause in clauses)


@given(st.lists(WORDS, max_size=60))
def test_no_word_is_torn_apart(words: list[str]) -> None:
    words = [word for word in words if word.strip("。—\n")]
    assert " ".join(chunk(" ".join(words))).split() == " ".join(words).split()
    assert not any(clause.endswith(("Dr.", "e.g.")) for clause in chunk(" ".join(words))[:-1])
