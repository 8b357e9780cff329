"""Text as a model writes it → text as a voice should say it: no markdown, no symbols, digits and times as words. Pure.

English gets all of it; in other languages markup goes and whole numbers become words, the rest is the voice's own.
"""

import re
from re import Match

from ari_app.core import english, numerals
from ari_app.core.markup import plain_characters, without_markdown

_PASSES = 6
"""Taking a mark away can bring an abbreviation to light; after very few passes nothing changes any more."""

_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(
    r"(?:https?://|www\.)[^\s<>\"|]+"
    r"|(?<![\w@.-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:com|org|net|edu|gov|info|io|co|uk|de|us|ca|eu)\b(?:/[^\s<>\"|]*)?",
    re.IGNORECASE | re.ASCII,
)
_IN_ADDRESSES = {".": "dot", "/": "slash", "-": "dash", "_": "underscore", ":": "colon", "@": "at", "+": "plus"}
_WORDS = (
    (re.compile(r"\bw/o\b"), "without"),
    (re.compile(r"\bw/(?=\s)"), "with"),
    (re.compile(r"\band/or\b", re.IGNORECASE), "and or"),
    (re.compile(r"(?<=\d)\s*[*×]\s*(?=\d)"), "times"),
    (re.compile(r"(?<=\d)\s*÷\s*(?=\d)"), "divided by"),
    (re.compile(r"(?<=\d)\s*<\s*(?=\d)"), "less than"),
    (re.compile(r"(?<=\d)\s*>\s*(?=\d)"), "greater than"),
    (re.compile(r"~\s*(?=[$£€]?\d)"), "about"),
    (re.compile(r"±"), "plus or minus"),
    (re.compile(r"(?<!\S)\*(?=[\s.,;:!?)]|$)|(?<=[\"'])\*(?=[\"'])"), "star"),
    (re.compile(r"(?<![\w#])#(?![\w#])"), "pound"),
)
"""Symbols that depend on what stands beside them; said before the digits are gone."""
_NAMES = {"&": "and", "@": "at", "%": "percent", "+": "plus", "=": "equals", "°": "degrees", "/": "slash"}
_ASIDES = re.compile(r"[()|—]|\s[–-]+(?=\s)|(?<=\s)[–-]+\s")
_SILENT = re.compile(r"[*_~^`\"#<>{}\[\]\\]|(?<!\w)'|'(?!\w)")
_PUNCTUATION = re.compile(r"\s*[.,;:!?…](?:\s*[.,;:!?…])*")


def speakable(text: str, language: str = "en") -> str:
    """What a voice should say for `text`; the same again for what it returned. Never raises.

    Empty only when there is no letter and no digit in `text`.
    """
    spoken = _settled(text, language)
    if not _has_words(spoken) and _has_words(text):  # all of it looked like markup
        spoken = _settled(re.sub(r"[\W_]+", " ", text), language)
    return spoken


def _settled(text: str, language: str) -> str:
    for _ in range(_PASSES):
        before, text = text, _spoken(text, language)
        if text == before:
            break
    return text


def _spoken(text: str, language: str) -> str:
    text = without_markdown(plain_characters(text))
    if english.is_english(language):
        text = _URL.sub(_address, _EMAIL.sub(_address, text))
        for pattern, words in _WORDS:
            text = pattern.sub(f" {words} ", text)
        text = english.in_words(text)
        for symbol, name in _NAMES.items():
            text = text.replace(symbol, f" {name} ")
        text = re.sub(r"[$£€¥×÷]", " ", text).replace("–", "-")  # those that had a meaning are said
    else:
        text = re.sub(
            rf"(?<![\w.,:/+-])\d{{1,{numerals.MOST_DIGITS}}}(?![\w/]|\s?[%°$€£]|[.,:-]\d)",
            lambda match: numerals.foreign(match[0], language),
            text,
        )
    return _tidied(text)


def _address(match: Match[str]) -> str:
    """A URL's host and path, or an e-mail address, spelt out."""
    address = match[0].rstrip(".,;:!?)]}'")
    rest = match[0][len(address) :]
    if "@" not in address:
        address = re.split(r"[?#]", re.sub(r"^(?:https?://)?(?:www\.)?", "", address, flags=re.IGNORECASE))[0]
    spelt = re.sub(r"%[0-9A-Fa-f]{2}", " ", address.rstrip("/"))
    return " " + re.sub(r"[./_:@+-]", lambda sign: f" {_IN_ADDRESSES[sign[0]]} ", spelt) + rest


def _tidied(text: str) -> str:
    """Asides between commas, no signs that are not said, one mark where there were many, single spaces."""
    text = _ASIDES.sub(", ", re.sub(r"[\s()|—]+$", "", text.replace("(s)", "s")))
    text = " ".join(_SILENT.sub(" ", text).split())
    text = _PUNCTUATION.sub(_strongest, text)
    return text.lstrip(" .,;:!?…-")


def _strongest(match: Match[str]) -> str:
    """Of several marks the one that says most."""
    return next(mark for mark in "?!.…;:," if mark in match[0])


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)
