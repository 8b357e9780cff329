"""Words that say "go on": what a caller murmurs while the agent speaks, and that does not take the turn. Pure.

::

    agent    We are open Monday to Friday ──────── from eight to six.
    caller                          "uh-huh"
"""

import re

from ari_app.core.english import is_english

_MURMURS = {
    "mm",
    "hm",
    "hmm",
    "mhm",
    "mmhm",
    "mmhmm",
    "uhhuh",
    "ah",
    "aha",
    "oh",
    "ooh",
    "uh",
    "um",
    "er",
    "huh",
    "wow",
}
"""The same in every language, whatever the agent is saying; without hyphens."""
_AGREEING = {"okay", "ok", "yes", "yeah", "yep", "yup", "right", "sure", "fine", "good", "great", "cool", "alright"}
"""Backchannels too, but answers where the agent is asking."""
_PHRASES = {("i", "see"), ("got", "it"), ("all", "right"), ("of", "course"), ("that's", "right"), ("i", "understand")}
_AGREEING_PHRASES = {("got", "it"), ("all", "right"), ("of", "course"), ("that's", "right")}
_PARTS = {"mm", "hm", "hmm", "mhm", "uh", "huh", "ah", "ha"}
"""What transcripts write apart: "uh huh", "mm hmm", "ah ha"."""


def is_backchannel(text: str, language: str = "en", *, asking: bool = False, so_far: bool = False) -> bool:
    """Whether a transcript holds nothing but backchannels, in any combination; an empty one does.

    `asking`: the agent is asking something, so that "yes" and its like are answers. `so_far`: the
    speech goes on, so that "i" may become "i see". In another `language` than English
    only murmurs and "okay" are known.
    """
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower().replace("’", "'").replace("-", ""))
    english = is_english(language)
    single = set(_MURMURS | _PARTS)
    phrases: set[tuple[str, str]] = set()
    if not asking:
        single |= _AGREEING if english else {"okay", "ok"}
    if english:
        phrases = _PHRASES - _AGREEING_PHRASES if asking else _PHRASES
    index = 0
    while index < len(words):
        if words[index] in single:
            index += 1
        elif tuple(words[index : index + 2]) in phrases:
            index += 2
        elif so_far and index == len(words) - 1 and any(first == words[index] for first, _ in phrases):
            index += 1
        else:
            return False
    return True
