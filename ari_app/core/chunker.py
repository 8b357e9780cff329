"""Streamed text → clauses that can be spoken on their own: the first as early as possible, later ones longer. Pure.

A clause ends at the end of a sentence, or, when it is long enough, at a comma, before a conjunction, or at last at any
space. Numbers, times and abbreviations are never torn apart. Where a clause ends depends on the text alone, not on how
it came in pieces: a boundary counts once what follows it is known.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Limits:
    """Characters from which a clause may end: at a comma, before a conjunction, and must end anywhere."""

    comma: int
    conjunction: int
    anywhere: int


_LIMITS = (_Limits(12, 30, 60), _Limits(30, 50, 100), _Limits(60, 90, 160))
"""For the first clause, the second and all later ones. While one is spoken (15 characters a second) the next must be
written and synthesized, so they may only grow step by step."""
_WORD_LIMIT = 4
"""A text without spaces (Chinese, or gibberish) is cut at this multiple of `anywhere`."""

_BOUNDARY = re.compile(
    r"""(?P<sentence> (?<![.!?…]) [.!?…]+ ["'”’»)\]*_]* (?=\s) | [。！？]+ ["'”’」)]* | \n )
      | (?P<comma> [,;:] ["'”’»)\]*_]* (?=\s) | \s [–—-] (?=\s) | — | [，；：、] )
      | (?P<conjunction> \s (?= (?:and|but|because|so|which|while|when|if|where) \s ) )""",
    re.VERBOSE,
)
_LOOK_AHEAD = 16
"""Characters beyond `anywhere` that must be known before it is enforced: the longest conjunction with its spaces."""
_NEVER_LAST = re.compile(
    r"dr|mrs?|ms|mx|prof|rev|st|nr|e\.g|i\.e|vs|approx|ext|tel|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
)
"""Abbreviations that something always follows."""
_MAY_BE_LAST = re.compile(
    r"[ap]\.?m|etc|inc|ltd|corp?|jr|sr|ave|rd|blvd|ap?pt|dept|min|max|(?:[^\W\d_]\.)+[^\W\d_]", re.IGNORECASE
)
"""Abbreviations that also end sentences: the next word's capital decides."""


class ClauseChunker:
    """One reply's chunker: feed pieces as they come, then `end`."""

    def __init__(self) -> None:
        self._text = ""  # not yet part of a clause; bounded by `anywhere` × _WORD_LIMIT and the last piece
        self._count = 0

    def feed(self, piece: str) -> list[str]:
        """Take the next piece of the reply; the clauses that are complete now, without the space around them."""
        self._text += piece
        return self._clauses(final=False)

    def end(self) -> list[str]:
        """Nothing follows for now: the clauses that were still open. More may be fed afterwards."""
        clauses = self._clauses(final=True)
        rest, self._text = self._text.strip(), ""
        return [*clauses, rest] if rest else clauses

    def _clauses(self, *, final: bool) -> list[str]:
        clauses = []
        self._text = self._text.lstrip()
        while end := _clause_end(self._text, _LIMITS[min(self._count, len(_LIMITS) - 1)], final=final):
            clauses.append(self._text[:end].strip())
            self._text = self._text[end:].lstrip()
            self._count += 1
        return clauses


def _clause_end(text: str, limits: _Limits, *, final: bool) -> int:
    """Where the first clause of `text` ends; 0 when that cannot be said yet."""
    for boundary in _BOUNDARY.finditer(text):
        end = boundary.end()
        if end > limits.anywhere:
            break
        following = text[end:].lstrip()
        if not following and not final:
            return 0
        if not any(character.isalnum() for character in text[:end]):
            continue
        match boundary.lastgroup:
            case "sentence":
                good = boundary[0] == "\n" or _ends_sentence(text[:end], following)
            case "comma":
                good = end >= limits.comma and not (_digit_at_end(text[:end]) and following[:1].isdigit())
            case _:
                good = end >= limits.conjunction and _may_part(text, boundary.start())
        if good:
            return end
    if len(text.rstrip()) <= limits.anywhere + (0 if final else _LOOK_AHEAD):
        return 0
    return _forced_end(text, limits.anywhere)


def _ends_sentence(text: str, following: str) -> bool:
    """Whether the full stop, or ! or ?, at the end of `text` is the end of a sentence."""
    stripped = text.rstrip("\"'”’»)]*_」")
    if not stripped.endswith(".") or stripped.endswith(".."):
        return True
    before, _, word = stripped[:-1].replace("\n", " ").rpartition(" ")
    word = word.lstrip("\"'“‘«([*_").lower()
    if word == "no":  # number, or the answer
        return not following[:1].isdigit()
    if len(word) == 1 and word.isalpha():  # J. Smith, but: so am I.
        return word == "i"
    if word.isdigit() and not before.strip():  # "1. First" is an item of a list
        return False
    if _MAY_BE_LAST.fullmatch(word) and not _NEVER_LAST.fullmatch(word):
        return following[:1].isupper()
    return not _NEVER_LAST.fullmatch(word)


def _forced_end(text: str, limit: int) -> int:
    """Too long: the last space that parts nothing, else any space, else in the middle of an endless word."""
    spaces = [at for at in range(1, limit + 1) if text[at : at + 1].isspace() and any(map(str.isalnum, text[:at]))]
    good = [at for at in spaces if _may_part(text, at)]
    if good or spaces:
        return (good or spaces)[-1]
    longest = limit * _WORD_LIMIT
    later = next((at for at in range(limit, min(len(text), longest)) if text[at].isspace()), 0)
    return later or (longest if len(text) > longest else 0)


def _may_part(text: str, at: int) -> bool:
    """Whether the space at `at` stands between two words, neither a number nor an abbreviation's continuation."""
    before, after = text[:at].rstrip(), text[at:].lstrip()
    if _digit_at_end(before) or not after or after[0].isdigit() or before[-1:] in "$€£#+":
        return False
    word = before.replace("\n", " ").rpartition(" ")[2]
    return not word.endswith(".") or _ends_sentence(before, "")


def _digit_at_end(text: str) -> bool:
    return text.rstrip(",;: –—-")[-1:].isdigit()
