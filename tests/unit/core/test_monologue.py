"""Who talks: a person or a machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.monologue import Monologue

MACHINES = {
    "voicemail": [("Hi, this is Anna. Please leave a message after the tone.", 3.5)],
    "voicemail, spoken": [("sorry i can’t come to the phone right now but i'll get back to you", 4.0)],
    "the person you are calling": [("The person you are calling is not available.", 3.0)],
    "the number": [("The number you have dialed is not in service.", 3.2)],
    "the subscriber": [("the subscriber you are trying to reach is not available at present", 4.0)],
    "your message": [("please leave your message when done hang up or press the pound key", 5.0)],
    "the mailbox": [("you have reached the voice mail of five five five two", 4.0)],
    "a full mailbox": [("i'm sorry the mailbox is full", 3.0)],
    "a queue": [("Your call is important to us. Please stay on the line.", 4.0)],
    "a queue, busy": [("all of our representatives are currently busy helping other callers", 4.0)],
    "a queue, next": [("you are first in line and will be connected to the next available agent", 4.5)],
    "a menu": [("thank you for calling for sales press one for billing press two", 5.0)],
    "three times": [("this is the weather service it will rain on monday", 4.0)] * 3,
    "a long one twice": [
        ("welcome to the museum we are open every day from ten to five and on friday until nine", 7.0),
        ("welcome to the museum we are open every day from ten to five and on fridays until nine", 7.1),
    ],
    "cut in two": [
        ("our office is closed today because of the holiday", 3.5),
        ("we will be back", 1.5),
    ]
    * 3,
    "transcripts that differ a little": [
        ("this is the weather service it will rain on monday morning", 4.0),
        ("this is the weather service it would rain on monday morning", 4.0),
        ("this is a weather service it will rain on monday morning", 4.0),
    ],
    "transcripts that go wrong now and then": [
        ("i'd like to book an appointment for tuesday at half past three", 3.4),
        ("i'd like to book an appointment for thursday at eight", 2.9),
        ("i'd like to book an appointment for tuesday at half past three david taylor", 3.8),
        ("i'd like to book an appointment for thursday at eight", 2.9),
        ("i'd like to book an appointment for tuesday at half past five", 3.4),
    ],
    "in another language": [("guten tag unsere praxis ist heute leider geschlossen bis montag", 4.0)] * 3,
}

PEOPLE = {
    "hello": [("hello? hello?", 1.5)] * 8,
    "yes": [("yes", 0.4)] * 6,
    "a slow yes": [("yes", 3.5)] * 6,
    "wants a person": [("I want to speak to a person", 2.0)] * 5,
    "says it again": [("i'd like to book an appointment for tuesday at half past three", 3.9)] * 2,
    "says it otherwise": [
        ("i'd like to book an appointment for tuesday at half past three", 3.9),
        ("can i come and see doctor jones on tuesday half past three", 3.9),
        ("tuesday at half past three i would like to come and see the doctor", 4.2),
    ],
    "leaves a message": [("can i leave a message for doctor jones he should call me as soon as possible", 5.0)],
    "left one": [("i left you a message after the beep but nobody has called me back", 4.5)],
    "has voicemail": [("you left me a voicemail and i would like to know what it is about", 4.0)],
    "must look": [("please hold on i have to look for my insurance card it is somewhere here", 5.0)],
    "cannot be reached": [("my husband is not available today so please call me back on my own number", 4.5)],
    "a short phrase": [("after the tone please", 1.0)],
    "asks about keys": [("do i have to press one when i call about an appointment", 3.5)],
    "thanks": [("thank you for calling me back yesterday i was at work and could not talk", 4.5)],
    "says nothing": [("", 5.0)] * 6,
}


def verdicts(turns):
    monologue = Monologue()
    return [monologue.heard(text, seconds) for text, seconds in turns]


@pytest.mark.parametrize("turns", MACHINES.values(), ids=MACHINES)
def test_machines_are_known_by_their_last_turn(turns):
    found = verdicts(turns)
    assert True in found
    assert not any(found[: max(len(turns) - 2, 0)]), "sooner than it can be known"


@pytest.mark.parametrize("turns", PEOPLE.values(), ids=PEOPLE)
def test_people_are_not_hung_up_on(turns):
    assert not any(verdicts(turns))


@given(st.lists(st.tuples(st.text(max_size=40), st.floats(0, 60)), max_size=20))
def test_any_words_can_be_given(turns):
    verdicts(turns)


@given(st.lists(st.text("abc ", min_size=1, max_size=20), min_size=8, max_size=60), st.floats(3.0, 60.0))
def test_whatever_repeats_for_ever_is_a_machine_in_the_end(words, seconds):
    text = " ".join(words)
    if len(text.split()) >= 8:
        assert verdicts([(text, seconds)] * 3)[-1]
