"""What sounds finished and what trails off: tables of transcripts, as Whisper models write them."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.completeness import Ending, ending
from ari_app.core.said_digits import said_digits
from ari_app.settings import DEMO_MODELS

OPEN, COMPLETE, UNCLEAR = Ending.OPEN, Ending.COMPLETE, Ending.UNCLEAR
PHONE = "Thank you, Mary King. What is your phone number?"
ACCOUNT = "Can I have your account number, please?"
BIRTH = "What is your date of birth?"
CORRECT = "I have nine two eight four. Is that correct?"
NAME = "Sure. What is your name, please?"


@pytest.mark.parametrize(
    "text",
    [
        "I'd like to",
        "i'd like to book",
        "i'd like to book an",
        "I'd like to book an appointment for.",
        "I'd like to book an appointment and.",
        "can i speak to",
        "can i speak to doctor",
        "Can I please?",
        "could you tell me",
        "do you",
        "do you have",
        "my number is",
        "My name is.",
        "it's",
        "um",
        "Tuesday, um.",
        "Well,",
        "well",
        "and i",
        "i was born in the",
        "tomorrow at half past",
        "i was born on march",
        "what time do you close on",
        "what are the hours for",
        "are you open on",
        "because my",
        "I was wondering if...",
        "I wanted to ask -",
        "I would like an appointment –",
        "I don’t know if",
        "let me",
        "i think",
        "what i need is",
        "I need a new prescription, so",
        "there are currently",
        "Yes, can I also",
        "I'm looking for",
        "wait",
        "Hold on a second, please.",
        "Let me check my calendar.",
    ],
)
def test_trails_off(text):
    assert ending(text) is OPEN


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "Yes.",
        "No, thank you.",
        "Yes, please.",
        "no thank you that's all",
        "Yes, it is.",
        "no i don't",
        "thank you goodbye",
        "That's correct.",
        "tomorrow at nine",
        "Tomorrow at nine.",
        "at 9 a.m.",
        "on Tuesday at 9:30",
        "I'd like to book an appointment for Tuesday at half past three.",
        "I'd like to book an appointment please",
        "what are your opening hours",
        "What time do you close on Saturday?",
        "how much is a cleaning",
        "is there parking",
        "where are you located",
        "who am i speaking to",
        "who am i speaking to please",
        "what is it about",
        "which doctor should i talk to",
        "can i come in on friday at six thirty",
        "good morning can i speak to doctor jones",
        "can i speak to the doctor",
        "I have a question about my bill.",
        "please call me back",
        "never mind",
        "stop",
        "I think so.",
        "do you know where it is",
        "Hello?",
        "I think it is.",
        "No, I'm good.",
    ],
)
def test_is_complete(text):
    assert ending(text) is COMPLETE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...?",
        "hello",
        "Good morning.",
        "okay",
        "please",
        "I'd like to book an appointment.",
        "can i move my appointment to friday",
        "when are you open",
        "this is peter",
        "my name is mary",
        "I already paid my bill.",
        "My son has had a fever since yesterday evening.",
        "i want to pay",
        "That's what I said.",
    ],
)
def test_may_go_on(text):
    assert ending(text) is UNCLEAR


@pytest.mark.parametrize(
    ("asked", "text", "expected"),
    [
        (PHONE, "nine two eight", OPEN),
        (PHONE, "my number is nine two eight four", UNCLEAR),
        (PHONE, "It's 555-014.", OPEN),
        (PHONE, "555-0142", UNCLEAR),
        (PHONE, "five five five oh one four two two eight six", COMPLETE),
        (PHONE, "(555) 014-2286", COMPLETE),
        (PHONE, "double five five oh one four", OPEN),
        (PHONE, "0161", OPEN),
        (PHONE, "0161 496", OPEN),
        (PHONE, "oh one six one four nine six zero zero zero zero", COMPLETE),
        (PHONE, "nine two eight four please", COMPLETE),
        (PHONE, "eight hundred", OPEN),
        (PHONE, "my number is five five five um", OPEN),
        (PHONE, "I don't know.", COMPLETE),
        (PHONE, "I don't have one.", COMPLETE),
        (PHONE, "It's one", OPEN),
        (PHONE, "It's the one I'm calling from.", COMPLETE),
        (PHONE, "Sure, hold on.", OPEN),
        (ACCOUNT, "one two", OPEN),
        (ACCOUNT, "one two three four five", UNCLEAR),
        ("What are the last four digits?", "two two eight", OPEN),
        ("What are the last four digits?", "two two eight six", COMPLETE),
        ("And your ZIP code?", "9 0 2 1 0", COMPLETE),
        ("Your card number, please.", "4111 1111 1111", OPEN),
        ("Your card number, please.", "4111 1111 1111 1111", COMPLETE),
        ("", "extension two oh four", UNCLEAR),
        ("", "extension nine oh nine two", COMPLETE),
        ("", "three one oh", OPEN),
        ("", "my account number is three", OPEN),
        (BIRTH, "march fourth", OPEN),
        (BIRTH, "the third of May", OPEN),
        (BIRTH, "the fourth", OPEN),
        (BIRTH, "March 4th, 1985.", COMPLETE),
        (BIRTH, "march fourth nineteen eighty five", COMPLETE),
        (BIRTH, "the fifth of june two thousand and five", COMPLETE),
        (BIRTH, "03/04/1985", COMPLETE),
        (BIRTH, "oh three oh four", OPEN),
        ("How many people?", "four", COMPLETE),
        ("What time?", "nine thirty", COMPLETE),
        (CORRECT, "yes", COMPLETE),
        (CORRECT, "it is", COMPLETE),
        (CORRECT, "okay", COMPLETE),
        (NAME, "mary king", COMPLETE),
        (NAME, "my name is mary king", COMPLETE),
        (NAME, "mary", UNCLEAR),
        (NAME, "my name is", OPEN),
        (NAME, "k i n", OPEN),
        (NAME, "king k i n g", COMPLETE),
        ("Which doctor?", "doctor jones", COMPLETE),
        ("Which day suits you?", "tuesday", COMPLETE),
        ("What day and time suit you?", "tuesday", OPEN),
        ("When can you come?", "tuesday", UNCLEAR),
        ("Lakeside Clinic, how can I help you?", "hello", OPEN),
        ("Which extension?", "extension", OPEN),
        ("How can I help you?", "the blue one", UNCLEAR),
        ("How can I help you?", "i have", OPEN),
        ("Is that all you have?", "you have", OPEN),
        ("Which one would you like?", "the blue one", COMPLETE),
        ("Could you spell that?", "k", OPEN),
        ("", "at nine a m", COMPLETE),
    ],
)
def test_what_was_asked_and_numbers_in_groups(asked, text, expected):
    assert ending(text, asked) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ich möchte einen Termin.", UNCLEAR),
        ("Haben Sie am Samstag offen?", COMPLETE),
        ("Ich möchte einen Termin und...", OPEN),
        ("Am Dienstag,", OPEN),
        ("am", UNCLEAR),
        ("555 014", OPEN),
        ("555 014 2286", COMPLETE),
    ],
)
def test_another_language_is_judged_by_punctuation_and_digits(text, expected):
    assert ending(text, language="de-DE") is expected


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("my number is nine oh two", "902"),
        ("double five three", "553"),
        ("twenty five", "20"),
        ("nineteen eighty five", "1980"),
        ("555 0142", "5550142"),
        ("i have two cats", ""),
        ("at 9:30", ""),
        ("", ""),
    ],
)
def test_digits_at_the_end(text, digits):
    assert said_digits(text.split()) == digits


def test_no_line_of_the_bundled_callers_is_open_and_most_are_complete():
    with (DEMO_MODELS / "callers" / "lines.tsv").open(newline="") as file:
        found = {words: ending(words) for _, words in csv.reader(file, delimiter="\t")}
    assert [words for words, how in found.items() if how is OPEN] == []
    assert sum(how is COMPLETE for how in found.values()) >= 0.8 * len(found)


def test_a_prefix_without_its_last_word_is_hardly_ever_complete_where_that_word_was_needed():
    sentence = "i would like to book an appointment for a cleaning on the fifth at half past nine"
    words = sentence.split()
    complete = [
        words[length - 1] for length in range(1, len(words) + 1) if ending(" ".join(words[:length])) is COMPLETE
    ]
    assert complete == ["cleaning", "nine"]


@pytest.mark.parametrize(
    "word", ["bye", "no", "thank you", "what i", "i want to", "yes that is", "one", "a", "who it to"]
)
def test_what_a_looping_model_writes_takes_no_time(word):
    """Ends at all: a pattern that tries every way to read it would take years."""
    assert ending(f"{word} " * 300 + "then") in Ending
    assert ending(f"{word} " * 300) in Ending


@given(st.text(), st.text(), st.sampled_from(["en", "de", ""]))
def test_any_text_has_an_ending(text, asked, language):
    assert ending(text, asked, language) in Ending
