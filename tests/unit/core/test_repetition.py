"""Which replies are loops."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.repetition import RepetitionGuard


def loops_after(text, pieces=None):
    """How many characters were fed when the guard cried, or None."""
    guard, fed = RepetitionGuard(), 0
    for piece in pieces or text:
        fed += len(piece)
        if guard.feed(piece):
            return fed
    return None


HEALTHY = {
    "an answer": "We are open Monday to Friday from eight to six, and Saturday from nine to one.",
    "no, no, no": "No, no, no! No, no, no, you need not pay.",
    "a phone number": "My number is five five five five five five five five five five. Again: 5 5 5, 5 5 5, 5 5 5 5.",
    "a number repeated": "One two three, one two three, one two three, one two three. Right?",
    "spelt": "That is A N N A, A N N A, A, N, N, A, A, A, A, A, A, A, A, A.",
    "a list": "".join(
        f"{day}: from 8 a.m. to 6 p.m., with a break from noon to 1 p.m.\n"
        for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    ),
    "numbered": "".join(f"{number}. Room {number} costs 40 dollars a night. " for number in range(1, 20)),
    "short answers": "That is right. That is right. Thank you. Thank you. That is right. Yes. Yes. Yes.",
    "said twice": "Please hold the line for me. Please hold the line for me.",
    "laughing": "Ha ha ha ha ha! Very, very, very good.",
    "step by step": "We go step by step by step, day by day by day.",
    "Chinese": "我们周一开门。我们周二开门。我们周三开门。好的好的好的。",
    "nothing": "",
    "marks": "... ?!?!?! ------ \n\n\n ****",
}

LOOPS = {
    "a sentence": ("I can help you with that. ", 3),
    "with others between": ("I can help you with that. Yes. ", 3),
    "two sentences": ("Can I help you? What is your name? ", 3),
    "a word": ("very ", 8),
    "two words": ("the clinic ", 5),
    "three words": ("of the clinic ", 4),
    "a run without marks": ("and the doctor will see you and your family ", 3),
    "digits": ("0", 0),
    "digits apart": ("0 ", 60),
    "letters": ("a b c ", 20),
    "a long sentence": (
        "We are open on every single day of the week from early in the morning until late at night, ",
        3,
    ),
    "Chinese": ("我们周一开门。", 3),
}


@pytest.mark.parametrize("text", HEALTHY.values(), ids=HEALTHY)
def test_healthy_replies_are_left_alone(text):
    assert loops_after(text) is None


@pytest.mark.parametrize(("unit", "times"), LOOPS.values(), ids=LOOPS)
def test_loops_are_cut_in_time(unit, times):
    fed = loops_after(unit * 200)
    if not times:  # one endless word is bounded by the reply's length
        assert fed is None
    else:
        assert len(unit) * (times - 1) < fed <= len(unit) * times + 1


def test_a_sentence_said_three_times_with_others_between():
    asks = "What is your phone number? "
    assert loops_after(f"{asks}Fine then. {asks}I see you. {asks}") is not None
    assert loops_after(f"{asks}Fine then. {asks}I see you. ") is None


@given(st.lists(st.integers(0, 10_000), unique=True, max_size=200))
def test_words_that_all_differ_are_no_loop(numbers):
    assert loops_after(" ".join(f"word{number}" for number in numbers)) is None


@given(st.lists(st.sampled_from(["tea", "for", "more", "cups", "daily"]), min_size=1, max_size=30))
def test_whatever_is_said_for_ever_is_cut(words):
    unit = " ".join(words) + " "
    assert loops_after(unit * 10) is not None


@given(st.data())
def test_pieces_do_not_matter(data):
    text = data.draw(st.sampled_from([*HEALTHY.values(), *(unit * times for unit, times in LOOPS.values())]))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=20)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert (loops_after(text, pieces) is None) == (loops_after(text) is None)


@given(st.text(max_size=200))
def test_any_text_can_be_fed(text):
    loops_after(text)
