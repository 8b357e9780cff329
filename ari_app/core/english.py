"""Digits and abbreviations in English text → words: dates, times, prices, phone numbers, streets. Pure.

A chain of small rules from the particular (a date) to the plain (a number). Each takes digits or dots away, so none
meets its own result again.
"""

import re
from collections.abc import Callable
from re import Match

from ari_app.core import numerals

_TAG = re.compile(r"en\b", re.IGNORECASE)
_NUMBER = r"\d{1,3}(?:,\d{3})+(?!\d)|\d+"
_MONTH = rf"(?:{'|'.join(numerals.MONTHS)}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
_YEAR = r"(?:,?\s+(?P<year>(?:19|20)\d\d)\b)?"
_HALF = r"\s?(?P<half>[ap])(?:\.\s?m\.|\.?m\b)"
_DASH = r"\s?[-–—]\s?"
_DAYS = {day[:3]: day for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")}
_DAY = r"(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)(?:day|nesday|sday|urday)?\b\.?"
_UNITS = {
    "km/h": "kilometers per hour",
    "mph": "miles per hour",
    "km": "kilometers",
    "cm": "centimeters",
    "mm": "millimeters",
    "kg": "kilograms",
    "mg": "milligrams",
    "ml": "milliliters",
    "lbs": "pounds",
    "lb": "pounds",
    "oz": "ounces",
    "ft": "feet",
    "mins": "minutes",
    "min": "minutes",
    "hrs": "hours",
    "hr": "hours",
    "sec": "seconds",
    "GB": "gigabytes",
    "MB": "megabytes",
    "°C": "degrees Celsius",
    "°F": "degrees Fahrenheit",
    "°": "degrees",
}
_ABBREVIATIONS = {
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Ms",
    "Prof": "Professor",
    "Rev": "Reverend",
    "Ave": "Avenue",
    "Rd": "Road",
    "Blvd": "Boulevard",
    "Apt": "apartment",
    "Jr": "Junior",
    "Sr": "Senior",
    "Inc": "Incorporated",
    "Ltd": "Limited",
    "e.g": "for example",
    "i.e": "that is",
    "etc": "et cetera",
    "vs": "versus",
    "approx": "approximately",
    "appt": "appointment",
    "dept": "department",
    "ext": "extension",
    "tel": "telephone",
}


def is_english(language: str) -> bool:
    """Whether a language code means English: ``en``, ``en-GB``, ``en_US``."""
    return bool(_TAG.match(language.replace("_", "-")))


def in_words(text: str) -> str:
    """English text without digits and without abbreviations that a voice would stumble over. ASCII digits only."""
    for pattern, say in _RULES:
        text = pattern.sub(lambda match, say=say: _spaced(match[0], say(match)), text)  # type: ignore[misc]
    return text


def _spaced(before: str, after: str) -> str:
    return before if after == before else f" {after} "


def _full_stop(match: Match[str]) -> str:
    """The dot of an abbreviation also ends the sentence when nothing, or a capital, follows."""
    return "." if match[0][-1] == "." and re.match(r"\s*$|\s+[A-Z]", match.string[match.end() :]) else ""


def _abbreviation(match: Match[str]) -> str:
    word = next(
        word for word in (match["word"], match["word"].lower(), match["word"].title()) if word in _ABBREVIATIONS
    )
    title = word in ("Mr", "Mrs", "Ms", "Prof", "Rev", "vs", "e.g", "i.e")  # something always follows
    return _ABBREVIATIONS[word] + ("" if title else _full_stop(match))


def _saint(match: Match[str]) -> str:
    """``St.`` before a name is Saint, after one Street; ``Dr.`` is Doctor or Drive."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    after_name = bool(re.search(r"(?<![.!?])\s[A-Z][\w']*\s*$", before))  # and not the first word of a sentence
    before_name = bool(re.match(r"\s*[A-Z]", after))
    if match["word"] == "Dr":
        return "Drive" + _full_stop(match) if after_name and not before_name else "Doctor"
    return "Saint" if before_name and not after_name else "Street" + _full_stop(match)


def _days(match: Match[str]) -> str:
    return f"{_DAYS[match['first'][:3]]} to {_DAYS[match['last'][:3]]}"


def _numeric_date(match: Match[str]) -> str:
    """Month/day, as Americans write it; the other way round when only that makes sense."""
    month, day, of_year = int(match["month"]), int(match["day"]), match["year"] or ""
    if month > 12 >= day:
        month, day = day, month
    if 1 <= month <= 12 and 1 <= day <= 31:
        return numerals.date(month, day, of_year if len(of_year) != 2 else f"20{of_year}")
    return match[0].replace("/", " slash ").replace("-", " dash ")


def _month_day(match: Match[str]) -> str:
    month = _month_number(match["month"])
    return numerals.date(month, int(match["day"]), match["year"] or "") if int(match["day"]) <= 31 else match[0]


def _day_month(match: Match[str]) -> str:
    words = f"the {numerals.ordinal(match['day'])} of {numerals.MONTHS[_month_number(match['month']) - 1]}"
    return f"{words}, {numerals.year(match['year'])}" if match["year"] else words


def _month_number(name: str) -> int:
    return next(number for number, month in enumerate(numerals.MONTHS, 1) if month.startswith(name[:3]))


def _fraction(match: Match[str]) -> str:
    over, name = (
        match["over"],
        {"2": "half", "3": "third", "4": "quarter"}[match["under"]] + "s" * (match["over"] > "1"),
    )
    if not match["whole"]:
        return f"{numerals.cardinal(over)} {name}"
    return f"{numerals.bare(match['whole'])} and {'a' if over == '1' else numerals.cardinal(over)} {name}"


def _phone(match: Match[str]) -> str:
    """Groups of digits, if they look like a phone number; else the text as it was."""
    text = match[0]
    groups = re.findall(r"\d+", text)
    grouped = (
        len(groups) > (2 if "." in text else 1)
        and len(groups[-1]) >= 3
        and all(len(group) >= 2 for group in groups[1:])
        and (len(groups[0]) >= 2 or groups[0] == "1")
        and not re.fullmatch(r"(?:19|20)\d\d", groups[0])  # years
    )
    if not 7 <= sum(map(len, groups)) <= numerals.MOST_DIGITS or not (grouped or text[0] == "+" or "(" in text):
        return text
    return ("plus " if text[0] == "+" else "") + _groups(match)


def _groups(match: Match[str]) -> str:
    return ", ".join(numerals.one_by_one(group) for group in re.findall(r"\d+", match[0]))


def _clock(match: Match[str]) -> str:
    hour, minute, half = int(match["hour"]), int(match["minute"]), (match["half"] or "").lower()
    return numerals.clock(hour, minute, half) + _full_stop(match) if hour <= 24 else match[0]


def _hour(match: Match[str]) -> str:
    hour = int(match["hour"])
    return numerals.clock(hour, 0, match["half"].lower()) + _full_stop(match) if 1 <= hour <= 12 else match[0]


def _price(match: Match[str]) -> str:
    return numerals.price(match["sign"], match["whole"], match["decimals"] or "", match["scale"] or "")


def _unit(match: Match[str]) -> str:
    words = _UNITS[match["unit"]]
    if match["number"] == "1":
        words = "foot" if words == "feet" else re.sub(r"s\b", "", words, count=1)
    return f"{match['number']} {words}"


def _rule(pattern: str, say: Callable[[Match[str]], str], flags: int = 0) -> tuple[re.Pattern[str], Callable[..., str]]:
    return re.compile(pattern, re.ASCII | flags), say


_RULES = (
    _rule(rf"\b(?P<word>{'|'.join(map(re.escape, _ABBREVIATIONS))})\.", _abbreviation, re.IGNORECASE),
    _rule(r"\b(?P<word>St|Dr)\.", _saint),
    _rule(r"\b[Nn](?:o|r)\.\s?(?=\d)|#\s?(?=\d)", lambda _: "number"),
    _rule(rf"\b(?P<first>{_DAY}){_DASH}(?P<last>{_DAY})", _days),
    _rule(r"(?<![\d-])(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)(?![\d-])", _numeric_date),
    _rule(r"\b24/7\b", lambda _: "twenty four seven"),
    _rule(r"(?<![\d/.,])(?:(?P<whole>\d+) )?(?P<over>[123])/(?P<under>[234])(?<!2/2|3/3|2/4|3/2)(?![\d/])", _fraction),
    _rule(r"(?<![\d/])(?P<month>\d\d?)/(?P<day>\d\d?)(?:/(?P<year>\d{4}|\d\d))?(?![\d/])", _numeric_date),
    _rule(rf"\b(?P<month>{_MONTH})\s+(?P<day>\d\d?)(?:st|nd|rd|th)?(?![\d:]|[.,]\d|\s?[ap]\.?m\b){_YEAR}", _month_day),
    _rule(
        rf"(?:\b[Tt]he\s+)?(?<![\d:.,])(?P<day>[12]?\d|3[01])(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<month>{_MONTH})\b{_YEAR}",
        _day_month,
    ),
    _rule(r"(?<![\w.,:/$£€¥])[+(]*\d[\d(). -]*\d(?![\w:/%°]|[.,]\d)", _phone),
    _rule(r"(?<![\d.])\d+(?:-\d+){2,}(?![\d.])", _groups),
    _rule(r"\d+(?:\.\d+){2,}", lambda match: " dot ".join(map(numerals.cardinal, match[0].split(".")))),
    _rule(
        r"(?<!\d)'?(?P<century>1[1-9]|20)?(?P<tens>[2-9])0'?s\b",
        lambda match: numerals.decade(match["century"] or "", match["tens"]),
    ),
    _rule(rf"(?:(?<=\d)|(?<=\d[ap]m)|(?<=\d [ap]m)|(?<=[ap]\.m\.)){_DASH}(?=[$£€¥]?\d)", lambda _: "to", re.IGNORECASE),
    _rule(rf"(?<![\d:.,])(?P<hour>\d\d?):(?P<minute>[0-5]\d)(?:{_HALF}|(?![\d:]))", _clock, re.IGNORECASE),
    _rule(rf"(?<![\d:.,])(?P<hour>\d\d?){_HALF}", _hour, re.IGNORECASE),
    _rule(r"\b([ap])\.m\.", lambda match: f"{match[1]} m{_full_stop(match)}", re.IGNORECASE),
    _rule(r"(?<![\w)%])[-−](?=[$£€¥]?\.?\d)", lambda _: "minus"),
    _rule(
        rf"(?P<sign>[$£€¥])\s*(?P<whole>{_NUMBER})(?:\.(?P<decimals>\d+))?"
        r"(?:\s?(?P<scale>thousand|million|billion|trillion|[kKmMbB])\b)?",
        _price,
    ),
    _rule(
        rf"(?<![\d.,])(?P<whole>{_NUMBER})(?:[.,](?P<decimals>\d\d))?(?P<scale>)\s?(?P<sign>[€£])",
        _price,
    ),
    _rule(rf"(?P<number>(?:{_NUMBER})(?:\.\d+)?)\s?(?P<unit>{'|'.join(_UNITS)})(?![\w/])", _unit),
    _rule(rf"(?P<number>{_NUMBER})(?:st|nd|rd|th)\b", lambda match: numerals.ordinal(match["number"])),
    _rule(
        r"\b(?P<what>(?:extension|code|pin|account|dial|call|press|zip|room|suite|flight|reference)"
        r"(?: number| code| is)*:?\s+)(?P<digits>\d{3,})\b",
        lambda match: match["what"] + numerals.one_by_one(match["digits"]),
        re.IGNORECASE,
    ),
    _rule(
        rf"(?P<whole>{_NUMBER})\.(?P<decimals>\d+)", lambda match: numerals.decimal(match["whole"], match["decimals"])
    ),
    _rule(r"(?<!\w)\.(?P<decimals>\d+)", lambda match: f"point {numerals.one_by_one(match['decimals'])}"),
    _rule(r"(?<=\d)-(?=[A-Za-z])|(?<=[A-Za-z])-(?=\d)", lambda _: ""),
    _rule(r"\d{1,3}(?:,\d{3})+(?!\d)", lambda match: numerals.cardinal(match[0])),
    _rule(r"\d+", lambda match: numerals.bare(match[0])),
)
