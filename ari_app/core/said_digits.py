"""How much of a number a caller has said: phone numbers, account numbers and dates of birth come in groups. Pure.

::

    "my number is five five five … oh one four … two two eight six"
                              3          6               10  digits so far
                           goes on     goes on          whole
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGITS = {word: str(value) for value, word in enumerate(_UNITS)} | {"oh": "0", "o": "0", "nought": "0"}
_TEENS = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen"),
    *("fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ROUND = {"hundred": "00", "thousand": "000"}
_TIMES = {"double": 2, "triple": 3, "treble": 3}
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_MONTH = re.compile(rf"\b(?:{_MONTHS})\b")
_DAY_OR_MONTH = re.compile(rf"{_MONTHS}|\w+th|first|second|third")
_NOT_A_DIGIT = re.compile(r"\b(?:have|the|this|that|which|any|another|no|last|next|other|new|old|same|just) one$")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of number: how many digits it can have."""

    named: re.Pattern[str]
    """What the agent or the caller calls it."""
    whole: frozenset[int]
    """With so many it is over; with more as well."""
    perhaps: frozenset[int]
    """With so many it may be over. With any other count it goes on."""


def _kind(named: str, whole: set[int], perhaps: Sequence[int] = ()) -> _Kind:
    return _Kind(re.compile(rf"\b(?:{named})\b"), frozenset(whole), frozenset(perhaps))


_KINDS = (
    _kind("last four|four digits?|year", {4}),
    _kind("(?:credit|debit|bank)? ?card", {15, 16}),
    _kind("zip|postal", {5, 9}),
    _kind("extension|room", {4}, (2, 3)),
    _kind("pin|code|passcode", {6}, (4, 5)),
    _kind("account|policy|member|membership|reference|order|patient|invoice|booking|case", {16}, range(4, 16)),
)
_BIRTH = re.compile(r"\b(?:born|birth|birthday|birthdate)\b")
_PHONE = _kind("", {10, 11}, (4, 5, 7, 8, 9))
"""What a number is taken for when nothing else is known. Three and six are parts of 3-3-4; four may be all of it."""
_PHONE_WITH_PREFIX = _kind("", {11, 12}, (10,))
"""A phone number that begins with the 0 of a long-distance call."""


def number_ended(words: Sequence[str], asked: str) -> bool | None:
    """Whether the number that ends `words` is over; None: perhaps.

    `asked` names its kind: the agent's question and the caller's own words. All in lower case.
    """
    digits = said_digits(words)
    if _BIRTH.search(asked):
        year_after_month = _MONTH.search(" ".join(words)) and len(digits) >= 4
        return bool(year_after_month) or len(digits) >= 8 or words[-1].count("/") == 2
    kind = next((kind for kind in _KINDS if kind.named.search(asked)), None)
    if kind is None:
        kind = _PHONE_WITH_PREFIX if digits.startswith("0") else _PHONE
    if len(digits) in kind.whole or len(digits) > max(kind.whole):
        return True
    return None if len(digits) in kind.perhaps else False


def goes_on_to_year(words: Sequence[str], asked: str) -> bool:
    """Whether `words` are a date of birth up to its day or month."""
    return bool(_BIRTH.search(asked) and _DAY_OR_MONTH.fullmatch(words[-1]))


def said_digits(words: Sequence[str]) -> str:
    """The digits of the number that ends `words`, spoken or typed; empty where they end otherwise.

    Their count is right, and the first digit; "twenty five" gives "20".
    """
    if _NOT_A_DIGIT.search(" ".join(words)):
        return ""
    digits = ""
    for index in range(len(words) - 1, -1, -1):
        word, before = words[index], words[index - 1] if index else ""
        if word in _TIMES or (word == "and" and before in _ROUND and digits):
            continue
        value = _digits_of(word, before)
        if value is None:
            break
        digits = value * _TIMES.get(before, 1) + digits
    return digits


def _digits_of(word: str, before: str) -> str | None:
    """What `word` adds to a number; None where it is no part of one."""
    if word in _DIGITS:
        return "" if before in _TENS and _DIGITS[word] != "0" else _DIGITS[word]
    if word in _TEENS:
        return str(10 + _TEENS.index(word))
    if word in _TENS:
        return f"{2 + _TENS.index(word)}0"
    if word[0].isdigit() and ":" not in word:
        return re.sub(r"\D", "", word)
    return _ROUND.get(word)
