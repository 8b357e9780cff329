"""What models write for eyes → text for a voice: markdown, HTML entities, emojis and odd characters go. Pure.

Only the marks go: every word stays.
"""

import html
import re
import unicodedata

_KEPT_SYMBOLS = frozenset("°`^$£€¥+<=>|~×÷±")
_TYPOGRAPHIC = str.maketrans({"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "−": "-"})

_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[^\n`]*$", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:(?:[-*_=][ \t]*){3,}|[-:|][-:| \t]*--[-:| \t]*)$", re.MULTILINE)
_LINE_START = re.compile(r"^(?:[ \t]*(?:>|#{1,6}(?=\s)|[-*+•·‣–](?=\s)|\[[ xX]?\](?=\s)))+[ \t]*", re.MULTILINE)
_ITEM = re.compile(r"^(\d{1,2})[.)][ \t]+(?=\S)", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\(\s*<?([^()\s]*)>?[^()\n]*\)|!?\[([^\[\]\n]+)\]\[[^\[\]\n]*\]")
_AUTOLINK = re.compile(r"<((?:https?:|mailto:)[^<>\s]+|[^<>\s@]+@[^<>\s]+)>")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]*/?>")
_EMPHASIS = re.compile(r"(?<!\w)_+(?=\S)|(?<=\S)_+(?!\w)|\*{2,}|(?<=[^\s\"'])\*(?!\d)|(?<!\d)\*(?=[\w(])|~~|`+")


def plain_characters(text: str) -> str:
    """Only letters, marks, digits 0–9, punctuation and a few symbols that have a name."""
    while (unescaped := html.unescape(text)) != text:
        text = unescaped
    text = "".join(map(_plain, text.translate(_TYPOGRAPHIC)))
    return unicodedata.normalize("NFKC", text)


def without_markdown(text: str) -> str:
    """The words of a markdown text on one line; the end of a line ends the sentence."""
    text = _RULE.sub("", _FENCE.sub("", text))
    text = _ITEM.sub(r"\1, ", _LINE_START.sub("", text))
    text = _LINK.sub(lambda match: match[1] or match[3] or match[2] or "", text)
    text = _AUTOLINK.sub(r"\1", text)
    text = _EMPHASIS.sub("", _TAG.sub(" ", text))
    lines = [line.strip(" \t|") for line in text.splitlines()]
    lines = [line for line in lines if line]
    ended = [line if line[-1] in ".,;:!?…" else f"{line}." for line in lines[:-1]]
    return " ".join(ended + lines[-1:])


def _plain(character: str) -> str:
    """One character as something that can be said, a space where it parted words, or nothing."""
    if character in "\n\t" or character.isascii():
        return character if character.isprintable() or character in "\n\t" else " "
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category in ("No", "Nl"):
        return _number(character)
    if category[0] == "S" and character not in _KEPT_SYMBOLS:
        return " "
    if category in ("Zl", "Zp"):
        return "\n"
    if category[0] == "C" or category == "Me" or "\ufe00" <= character <= "\ufe0f":  # joiners, emoji's variants
        return ""
    return character


def _number(character: str) -> str:
    """½, ², ④, Ⅳ."""
    if unicodedata.decomposition(character).startswith("<fraction>"):
        return " " + unicodedata.normalize("NFKC", character).replace("⁄", "/")
    value = unicodedata.numeric(character, 0.0)
    return f" {int(value)} " if value == int(value) else " "
