"""What is spoken for what is written."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.speakable import speakable

TIMES = [
    ("9:30", "nine thirty"),
    ("9:05", "nine oh five"),
    ("9:00", "nine o'clock"),
    ("12:00", "twelve o'clock"),
    ("9:00 am", "nine a m"),
    ("9:30PM", "nine thirty p m"),
    ("14:00", "two p m"),
    ("14:30 Uhr", "two thirty p m Uhr"),
    ("0:00", "midnight"),
    ("24:00", "midnight"),
    ("0:15", "twelve fifteen a m"),
    ("09:30", "nine thirty"),
    ("9am", "nine a m"),
    ("Open at 9 a.m. on Monday.", "Open at nine a m on Monday."),
    ("We close at 5 p.m. Goodbye.", "We close at five p m. Goodbye."),
    ("We close at 5 p.m.", "We close at five p m."),
    ("9-5", "nine to five"),
    ("9am-5pm", "nine a m to five p m"),
    ("10 a.m.–2 p.m.", "ten a m to two p m."),
    ("Mon-Fri 9:00-17:00", "Monday to Friday nine o'clock to five p m"),
    ("Tuesday – Sat.", "Tuesday to Saturday"),
    ("8:30–12:00", "eight thirty to twelve o'clock"),
    ("99:30", "ninety nine: thirty"),
]
MONEY = [
    ("$3.50", "three dollars fifty"),
    ("$3.50.", "three dollars fifty."),
    ("$1", "one dollar"),
    ("$1.01", "one dollar and one cent"),
    ("$3.05", "three dollars and five cents"),
    ("$0.50", "fifty cents"),
    ("$20.00", "twenty dollars"),
    ("$1,234.56", "one thousand two hundred thirty four dollars fifty six"),
    ("$3.5 million", "three point five million dollars"),
    ("$5k", "five thousand dollars"),
    ("£2.20", "two pounds twenty"),
    ("£0.01", "one penny"),
    ("3,50 €", "three euros fifty"),
    ("€3", "three euros"),
    ("¥500", "five hundred yen"),
    ("-$5", "minus five dollars"),
    ("$5-$10", "five dollars to ten dollars"),
    ("~$5", "about five dollars"),
    ("25%", "twenty five percent"),
    ("2.5 %", "two point five percent"),
]
DATES = [
    ("12/03", "December third"),
    ("12/03/2024", "December third, twenty twenty four"),
    ("12/3/24", "December third, twenty twenty four"),
    ("13/02", "February thirteenth"),
    ("45/67", "forty five slash sixty seven"),
    ("2024-03-12", "March twelfth, twenty twenty four"),
    ("2024-13-45", "twenty twenty four dash thirteen dash forty five"),
    ("March 3, 2024", "March third, twenty twenty four"),
    ("March 3rd", "March third"),
    ("on Jan. 5", "on January fifth"),
    ("March 3 p.m.", "March three p m."),
    ("the 3rd of March", "the third of March"),
    ("3 March 2024", "the third of March, twenty twenty four"),
    ("1999", "nineteen ninety nine"),
    ("2005", "two thousand five"),
    ("in 2024", "in twenty twenty four"),
    ("2020-2024", "twenty twenty to twenty twenty four"),
    ("the 1990s", "the nineteen nineties"),
    ("the '80s", "the eighties"),
    ("24/7", "twenty four seven"),
    ("1/2", "one half"),
    ("2 1/2", "two and a half"),
    ("2¾", "two and three quarters"),
    ("2/3", "two thirds"),
]
NUMBERS = [
    ("5", "five"),
    ("101", "one hundred one"),
    ("1st, 22nd, 103rd", "first, twenty second, one hundred third"),
    ("1,234,567", "one million two hundred thirty four thousand five hundred sixty seven"),
    ("10000", "ten thousand"),
    ("1050", "one thousand fifty"),
    ("1500 people", "fifteen hundred people"),
    ("3.14", "three point one four"),
    (".5", "point five"),
    ("-5 degrees", "minus five degrees"),
    ("007", "zero zero seven"),
    ("9284", "nine two eight four"),
    ("12345", "one two three four five"),
    ("1234567890123456789012", "one two three four five six seven eight nine zero " * 2 + "one two"),
    ("5 5 5 1 2 3 4 star", "five five five one two three four star"),
    ("555-1234", "five five five, one two three four"),
    ("(555) 123-4567", "five five five, one two three, four five six seven"),
    ("+1 555 123 4567", "plus one, five five five, one two three, four five six seven"),
    ("1-800-555-1234", "one, eight zero zero, five five five, one two three four"),
    ("555.123.4567", "five five five, one two three, four five six seven"),
    ("123-45-6789", "one two three, four five, six seven eight nine"),
    ("call 911", "call nine one one"),
    ("extension 101", "extension one zero one"),
    ("ext. 12", "extension twelve"),
    ("PIN code is 482", "PIN code is four eight two"),
    ("No. 5", "number five"),
    ("You're #1", "You're number one"),
    ("192.168.1.1", "one hundred ninety two dot one hundred sixty eight dot one dot one"),
    ("5 kg, 1 km", "five kilograms, one kilometer"),
    ("6ft", "six feet"),
    ("50 km/h", "fifty kilometers per hour"),
    ("20°C", "twenty degrees Celsius"),
    ("90°", "ninety degrees"),
    ("A12, COVID-19, 5-star", "A twelve, COVID nineteen, five star"),
    ("4 * 3, 4×3", "four times three, four times three"),
    ("2+2=4", "two plus two equals four"),
    ("٣ ④ Ⅳ ５", "three four four five"),
]
WORDS = [
    ("Dr. Smith and Mr. King", "Doctor Smith and Mister King"),
    ("12 Lakeside Dr. is near.", "twelve Lakeside Drive is near."),
    ("St. Mary's", "Saint Mary's"),
    ("Visit St. Mary's", "Visit Saint Mary's"),
    ("at 5 Main St.", "at five Main Street."),
    ("Main St. and 5th Ave.", "Main Street and fifth Avenue."),
    ("e.g. this, i.e. that, etc.", "for example this, that is that, et cetera."),
    ("Tea, cake, etc. We close.", "Tea, cake, et cetera. We close."),
    ("No. We are closed.", "No. We are closed."),
    ("Tom & Jerry", "Tom and Jerry"),
    ("and/or, w/ milk, w/o sugar", "and or, with milk, without sugar"),
    ("info.desk@my-clinic.co.uk!", "info dot desk at my dash clinic dot co dot uk!"),
    ("https://www.example.com/a_b/?x=1#y.", "example dot com slash a underscore b."),
    ("Visit example.com.", "Visit example dot com."),
    ("(see www.example.org/5)", "see example dot org slash five"),
    ("Press # or *.", "Press pound or star."),
    ("Press '#' or “*” now", "Press pound or star now"),
    ('*"Hi"* (*really*)', "Hi, really"),
    ("London–Paris", "London-Paris"),
    ("He (the doctor) is here.", "He, the doctor, is here."),
    ("item(s)", "items"),
    ("it's the dogs' “bone”", "it's the dogs bone"),
    ("a — b – c - d", "a, b, c, d"),
    ("check-up", "check-up"),
    ("What?! Wait... oh", "What? Wait. oh"),
    ("Hi 👋🏽! 👨‍👩‍👧 ☎️ 5️⃣", "Hi! five"),
    ("zero\u200bwidth soft\u00adhyphen\ufeff", "zerowidth softhyphen"),
    ("\x00\x1b[2Jx\x07", "two Jx"),
    ("half \ud800 a pair", "half a pair"),
    ("Größe, naïve, Ελλάδα", "Größe, naïve, Ελλάδα"),
]
MARKDOWN = [
    ("**Hello** _there_, *you*, __all__, ~~no~~, `code`!", "Hello there, you, all, no, code!"),
    ("# Hours\n\n- Monday\n* Tuesday\n+ Friday\n\nBye", "Hours. Monday. Tuesday. Friday. Bye"),
    ("1. First\n2) Second", "one, First. two, Second"),
    ("> quoted\n> more", "quoted. more"),
    ("[our site](https://example.com/a?b) or ![a map](x.png)", "our site or a map"),
    ("[the doctor][1]", "the doctor"),
    ("<https://example.com> <b>bold</b><br/>", "example dot com bold"),
    ("| day | open |\n|:---|---:|\n| Mon | 9-5 |", "day, open. Mon, nine to five"),
    ("```python\nprint\n```\nend", "print. end"),
    ("one\n---\ntwo\n===\n***", "one. two"),
    ("- [x] done\n- [ ] open", "done. open"),
    ("snake_case **unclosed", "snake case unclosed"),
    ("AT&amp;T &lt;3", "AT and T three"),
    ("**9:30**", "nine thirty"),
    ("Hello,", "Hello,"),
    ("- ", ""),
    ("***", ""),
    ("...", ""),
    ("", ""),
    ("😀", ""),
]


@pytest.mark.parametrize(("written", "spoken"), [*TIMES, *MONEY, *DATES, *NUMBERS, *WORDS, *MARKDOWN])
def test_english(written: str, spoken: str) -> None:
    assert speakable(written) == spoken
    assert speakable(spoken) == spoken


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("de", "**Wir** haben 24 Räume.", "Wir haben vierundzwanzig Räume."),
        ("de-AT", "24", "vierundzwanzig"),
        ("de_DE", "um 9:30 Uhr, 3,5 km, 5 €, 12.3.24, 50%", "um 9:30 Uhr, 3,5 km, 5 €, 12.3.24, 50%"),
        ("fr", "# Le 42\n- et 7", "Le quarante-deux. et sept"),
        ("es", "¿Tiene 2?", "¿Tiene dos?"),
        ("xx", "no such language, 42", "no such language, 42"),
        ("", "42", "42"),
        ("en-US", "42", "forty two"),
        ("en_GB", "42", "forty two"),
        ("EN", "42", "forty two"),
    ],
)
def test_other_languages(language: str, written: str, spoken: str) -> None:
    assert speakable(written, language) == spoken
    assert speakable(spoken, language) == spoken


def test_what_the_agents_say_stays_as_it_is() -> None:
    for text in (
        "We are open Monday to Friday from eight to six, and Saturday from nine to one.",
        "I have nine two eight four. Is that correct?",
        "Thank you, Mary King. What is your phone number?",
        "Yes, on Saturday we're open from nine o'clock!",
    ):
        assert speakable(text) == text


TOKENS = st.one_of(
    st.sampled_from("0123456789.,:/-+*#_~`$€%&@()[]<>|\\'\" \n!?=°½²×–—…^{}"),
    st.sampled_from(
        ["St.", "Dr.", "No.", "e.g.", "a.m.", "pm", "Mon", "Main", "March", "1990s", "1st", "km", "(s)", "w/"]
    ),
    st.sampled_from(["www.", "http://", ".com", "a@b.de", "&amp;", "&#35;", "```", "---", "x"]),
)
NEAR_MARKUP = st.lists(TOKENS, max_size=14).map("".join)


@given(st.text(max_size=40) | NEAR_MARKUP, st.sampled_from(["en", "de", "ja", "xx"]))
def test_it_never_raises_loses_all_or_changes_its_own_words(text: str, language: str) -> None:
    spoken = speakable(text, language)
    assert speakable(spoken, language) == spoken
    assert any(map(str.isalnum, spoken)) or not any(map(str.isalnum, text))
    assert not set(spoken) & set('*_`#<>[]{}|\\"\n\t~^')
    assert spoken == " ".join(spoken.split())


@given(st.text(max_size=40) | NEAR_MARKUP)
def test_english_has_neither_digits_nor_symbols_left(text: str) -> None:
    spoken = speakable(text)
    assert not any(character.isdigit() for character in spoken)
    assert not set(spoken) & set(string.punctuation) - set(".,;:!?'-")


@given(st.integers(0, 10**24))
def test_any_number(number: int) -> None:
    spoken = speakable(f"It is {number}.")
    assert spoken.startswith("It is ")
    assert spoken.endswith(".")
    assert spoken.removeprefix("It is ").removesuffix(".").replace(" ", "").isalpha()
