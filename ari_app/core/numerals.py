"""Values → words, as a friendly American says them on the phone; and plain numbers in other languages. Pure.

Words are without hyphens and without "and" inside numbers: twenty four, one hundred one.
"""

from num2words import num2words

MOST_DIGITS = 15
"""Longer numbers are read digit by digit: nobody can follow a quintillion."""
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_MONEY = {"$": ("dollar", "dollars"), "£": ("pound", "pounds"), "€": ("euro", "euros"), "¥": ("yen", "yen")}
_COINS = {"$": ("cent", "cents"), "£": ("penny", "pence"), "€": ("cent", "cents")}
_SCALES = {"k": "thousand", "m": "million", "b": "billion"}


def cardinal(digits: str) -> str:
    """``42`` → forty two; ``1,000`` → one thousand."""
    digits = digits.replace(",", "")
    return _plain(num2words(int(digits))) if len(digits) <= MOST_DIGITS else one_by_one(digits)


def ordinal(digits: str) -> str:
    """``21`` → twenty first."""
    digits = digits.replace(",", "")
    return _plain(num2words(int(digits), to="ordinal")) if len(digits) <= MOST_DIGITS else one_by_one(digits)


def year(digits: str) -> str:
    """``1999`` → nineteen ninety nine. Four digits."""
    return _plain(num2words(int(digits), to="year"))


def decade(century: str, tens: str) -> str:
    """``19``, ``9`` → nineteen nineties."""
    words = _plain(num2words(int(tens) * 10))
    return f"{cardinal(century)} {words[:-1]}ies" if century else f"{words[:-1]}ies"


def one_by_one(digits: str) -> str:
    """``555`` → five five five."""
    return " ".join(_DIGITS[int(digit)] for digit in digits)


def decimal(whole: str, decimals: str = "") -> str:
    """``3``, ``14`` → three point one four."""
    return cardinal(whole) + (f" point {one_by_one(decimals)}" if decimals else "")


def bare(digits: str) -> str:
    """A number of which nothing is known: a count, a year, or the digits of a code."""
    length = len(digits)
    if digits == "911" or length > 9 or (length > 1 and digits[0] == "0"):
        return one_by_one(digits)
    if length == 4 and "1100" <= digits <= "2099":
        return year(digits)
    if length <= 3 or digits.endswith("00") or digits.startswith("10"):
        return cardinal(digits)
    return one_by_one(digits)


def clock(hour: int, minute: int, half: str) -> str:
    """A time of day, 0 ≤ hour ≤ 24; `half` is ``a``, ``p`` or empty."""
    if not half and (hour > 12 or hour == 0):
        half = "p" if 12 < hour < 24 else "a"
        if hour % 24 == minute == 0:
            return "midnight"
    words = cardinal(str((hour - 1) % 12 + 1))
    if minute:
        words += f" {'oh ' if minute < 10 else ''}{cardinal(str(minute))}"
    elif not half:
        words += " o'clock"
    return f"{words} {half} m" if half else words


def price(sign: str, whole: str, decimals: str = "", scale: str = "") -> str:
    """``$``, ``3``, ``50`` → three dollars fifty; `scale` is ``million``, ``m`` and the like."""
    unit, units = _MONEY[sign]
    if scale or sign not in _COINS or len(decimals) not in (0, 2):
        scale = scale and f" {_SCALES.get(scale.lower(), scale)}"
        return f"{decimal(whole, decimals)}{scale} {units}"
    amount = f"{cardinal(whole)} {unit if whole == '1' else units}"
    if decimals in ("", "00"):
        return amount
    coins = f"{cardinal(decimals)} {_COINS[sign][decimals != '01']}"
    if whole == "0":
        return coins
    return f"{amount} and {coins}" if decimals < "10" else f"{amount} {cardinal(decimals)}"


def date(month: int, day: int, of_year: str = "") -> str:
    """3, 12, ``2024`` → March twelfth, twenty twenty four. 1 ≤ month ≤ 12."""
    return f"{MONTHS[month - 1]} {ordinal(str(day))}" + (f", {year(of_year)}" if of_year else "")


def foreign(digits: str, language: str) -> str:
    """A whole number in another language; as it is when num2words does not know the language."""
    try:
        return str(num2words(int(digits), lang=language.replace("-", "_")))
    except (NotImplementedError, ArithmeticError, LookupError, ValueError, TypeError, AttributeError):
        return digits


def _plain(words: str) -> str:
    return str(words).replace("-", " ").replace(",", "").replace(" and ", " ")
