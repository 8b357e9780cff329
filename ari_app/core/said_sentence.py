"""Whether an English sentence sounds finished: by its last words, then by what kind of sentence it is. Pure.

Works on words in lower case without punctuation. The lists hold what callers say on the telephone; a phrase that stands
in none of them is neither finished nor open.
"""

import re


def _any(*patterns: str) -> str:
    return f"(?:{'|'.join(patterns)})"


def _ends(*patterns: str) -> re.Pattern[str]:
    """One of `patterns` at the end, from a word's beginning on."""
    return re.compile(rf"\b{_any(*patterns)}$")


_LATEST_WORDS = 30
"""So many decide: nobody remembers more of a sentence, and the work stays bounded."""
_ANYBODY = r"\b(?:i|you|we|they|he|she|it|that|this|there)\b"
_ANSWER_VERB = "(?:am|do|did|have|can|could|will|would|is|was|are|does|don't|didn't|haven't|can't|won't|isn't|aren't)"
_THANKS = "(?:thank you(?: very much| so much)?|thanks(?: a lot)?)"
_HELLO = _any("hello", "hi", "hey", "good (?:morning|afternoon|evening)")
_HOUR = r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d{1,2}(?::\d\d)?)"

# -- what leaves a sentence open at its end

_OPEN_WORDS = frozenset(
    " ".join(
        (
            "um uh er erm uhm hmm hm mm",
            "and but or nor because cause cos if whether unless while since although than as so",
            "a an the my your our their its whose every",
            "of from with without between into onto during against per via past towards toward except regarding",
            "to for at on in by about after until till around near",
            "i we he she they i'm i'd i'll i've we're we'd we'll we've he's she's they're you're you'd you'll you've",
            "it'll it's that's there's here's what's who's where's",
            "am is are was were be been being has had does did can could will would shall should may might must",
            "gonna wanna very quite just also maybe perhaps currently almost approximately called named",
            "mister mr mrs miss ms dr",
            "want need like have get book make take give send find buy use bring put tell say said wanted got",
            "speak talk",
        )
    ).split()
)
_IN_ITS_PLACE = _ends(
    rf"(?:who|what(?! (?:time|day))|where|which|how|whatever|whichever)\b.*(?:{_ANYBODY}|you've|i've)(?: \w+)?"
    r" (?:for|with|from|about|like|need|want|have|say|get|take|be|tell|use|do|said|got|wanted)",  # what is it about
    rf"(?:who|what|where|which|how)\b.*{_ANYBODY} (?:am|is|are|was|were)",  # do you know where it is
    rf"(?:who|where|which \w+)\b.*{_ANYBODY}.* to",  # who am i speaking to
    r"(?:one|number|person|what|who|where)\b.*\w+ing (?:from|to|for|with|about|on|at|in)",  # the one i'm calling from
    "(?:is|are|was|were|does|do) (?:he|she|they)",
    "(?:if|as|when|whenever) (?:i|you|we|they) (?:can|could|would|will|may|want|like|need)",
    "(?:go|going|log|later|still) on",
    "(?:come|go|check|log|sign|drop|get|fill (?:it|that|them)) in",
    "(?:come|drop) by",
    "(?:think|hope|thought) so",
    *("(?:day|week|month|year) after", "me too", "what for", "(?:phone|address|guest) book"),
)
"""Ends in which such a word leaves nothing open."""
_OPEN_PHRASES = _ends(
    "(?:can|could|would|will) you (?:please )?(?:connect|transfer|show)(?: me)?",
    "(?:tell|give|send|ask|show|connect|transfer|put) (?:me|us|him|her|them)",
    "(?:do|did|can|could|would|will|should|have) (?:i|you|we)(?: please)?",
    "(?:the|my|your) (?:first|last|next|other)",
    *("let me", "at (?:half|quarter)", "(?<!your )(?<!which )(?<!an )extension", "(?<!the )(?<!my )(?<!a )doctor"),
    "(?<!in )(?<!next )(?<!last )(?<!this )(?<!of )"
    "(?:january|february|march|april|june|july|august|september|october|november|december)",
)
_OPEN_BEGINNINGS = re.compile(r"well|so|oh|but|(?:\w+ )?i (?:think|guess|mean|believe)")
"""Open where nothing follows."""
_ASKS_TO_WAIT = re.compile(
    _any(
        "wait|hold on|hang on",
        r"let me (?:see|think|look|check)(?: \w+){0,3}",
        "(?:(?:wait|hold on|hang on) )?(?:just )?(?:a|one) (?:second|sec|moment|minute)",
    )
    + "(?: please)?"
)

# -- what is whole

_LEADING = re.compile(
    rf"(?:(?:um|uh|er|erm|there|yes|yeah|no|okay|ok|so|well|oh|please|sorry|excuse me|actually|but|and|{_HELLO}) )+"
)
"""What may stand before a sentence."""
_WHOLE = re.compile(
    "(?:"
    + _any(
        *("yes(?: please)?", "no", "yeah", "yep", "yup", "nope", "not yet", "not really", "not at all", "of course"),
        *("correct", "exactly", "absolutely", "sounds good", "works for me", "nothing(?: else)?", "never mind"),
        "that(?:'s| is) (?:right|correct|it|all|fine|wrong|everything|great|perfect|good|not right|okay)",
        "that(?:'ll| will| would) be (?:all|great|fine|it|good)",
        rf"(?:yes|no|nope|yeah|yep) {_ANYBODY} {_ANSWER_VERB}",
        "(?:i )?don't (?:know|think so)",
        "i (?:think|hope) so|i think (?:it is|that's right)|i'm (?:good|fine|all set|not sure)|i am not sure",
        *(_THANKS, "(?:good)?bye(?: now)?", "see you(?: then| later)?", "take care", "no problem"),
        r"have a (?:nice|good|great) \w+",
        *("stop", "(?:it's )?an? emergency", "it's urgent", "(?:the )?operator", "i need help", "(?:can you )?help me"),
        *("say that again", "i didn't (?:hear|catch) (?:you|that)"),
    )
    + "(?: |$))+"
)
"""Answers, thanks and farewells, alone or one after the other."""
_WHOLE_AS_ANSWER = re.compile(
    rf"almost|okay|ok|alright|all right|right|sure|great|fine|perfect|i see|(?:i|we|he|she|it|they) {_ANSWER_VERB}"
)
"""Otherwise often the start of something."""
_GREETING = re.compile(rf"{_HELLO}(?: there| again)?")
_POLITE = re.compile(rf" (?:please|{_THANKS}|sir|madam|ma'am)$")

# -- kinds of sentences

_QUESTION = re.compile(
    r"(?:what|where|when|who|which|how|why|whose|what's|where's|when's|who's|how's) \w+ \w+|"
    r"(?:are|is|was|do|does|did|can|could|will|would|have|has|may|should|shall|isn't|aren't|don't|won't) "
    rf"(?:{_ANYBODY}|anyone|anybody|someone|somebody|the|your|my|doctor) \w+"
)
_REQUEST = re.compile(
    r"\b(?:i'd like|i would like|i want|i need|i'm looking|i'm calling|i have an? (?:question|problem)|please \w+|"
    r"(?:can|could|may|would) (?:i|you|we|somebody|someone)|(?:transfer|connect|put|give|tell) me)\b"
)
_NAMED = re.compile(r"\b(?:name is|name's|this is) (?!an?\b|the\b|my\b|not\b|about\b|for\b)(?P<name>[\w' -]+)$")
_OPEN_QUESTION = re.compile(r"\b(?:help|do for you|anything else|something else)\b")
"""Asked so, callers say sentences, and a few words are the beginning of one."""
_GOES_ON = _ends(
    *(
        "appointments?",
        "anything",
        "something",
        "some(?:one|body)",
        "question",
        "problem",
        "message",
        "booking",
        "table",
    ),
    *("opened|open", "closed|close", "available", "free", "come", "visit", "move", "change", "start", "see", "cancel"),
    *("reschedule", "call", "pay", "ask", "before", "check", "leave"),
)
"""After these, callers often name a day, a matter or a person."""
_DAY = _ends("(?:mon|tues|wednes|thurs|fri|satur|sun)day", "today", "tomorrow", "week", r"\w{2,}th|first|second|third")
_TIME = _ends(
    rf"(?:at|past|to|until|till|by|around|before|after|for) {_HOUR}(?: (?:thirty|fifteen|forty five|twenty|ten))?",
    rf"(?:{_HOUR}|thirty|fifteen|five|o'clock) [ap] ?m",
    *("o'clock", "noon", "midnight", r"\d{1,2}:\d\d", "in the (?:morning|afternoon|evening)"),
)
_BOOKING = re.compile(r"\b(?:book|appointment|come|move|change|make|schedule|reschedule|table|reserve|cancel|see)\b")


def sentence_ended(words: list[str], asked: str) -> bool | None:
    """Whether `words` are a finished sentence; None: perhaps. `asked`: what the agent said, in lower case."""
    said = " ".join(words[-_LATEST_WORDS:])
    core = said[leading.end() :] if (leading := _LEADING.match(said)) else said
    open_question = _OPEN_QUESTION.search(asked)
    question = asked if asked.endswith("?") and not open_question else ""
    if _WHOLE.fullmatch(said) or _WHOLE.fullmatch(core) or (question and _WHOLE_AS_ANSWER.fullmatch(core)):
        return True
    if _ASKS_TO_WAIT.fullmatch(core):
        return False
    if polite := _POLITE.search(core):
        rest = core[: polite.start()]
        dangling = rest.endswith(" to") and not _IN_ITS_PLACE.search(rest)
        return not (dangling or _OPEN_PHRASES.search(core))
    if _trails_off(core):
        return False
    if _GREETING.fullmatch(said):
        return False if open_question else None  # the request follows
    if (named := _NAMED.search(core)) or (re.search(r"\bname\b", asked) and not _QUESTION.match(core)):
        whole_name = " " in (named["name"] if named else core)
        return True if whole_name and "name" in asked else None  # the last name may follow, or the matter
    return _by_kind(core, said, question)


def is_time(words: list[str]) -> bool:
    """Whether `words` end in a time of the day."""
    return bool(_TIME.search(" ".join(words[-_LATEST_WORDS:])))


def is_greeting(words: list[str]) -> bool:
    """Whether `words` are nothing but a greeting."""
    return bool(_GREETING.fullmatch(" ".join(words)))


def _trails_off(core: str) -> bool:
    if _TIME.search(core):
        return False
    last_is_open = core.rpartition(" ")[2] in _OPEN_WORDS and not _IN_ITS_PLACE.search(core)
    return last_is_open or bool(_OPEN_PHRASES.search(core) or _OPEN_BEGINNINGS.fullmatch(core))


def _by_kind(core: str, said: str, question: str) -> bool | None:
    """A question, a request or an answer is finished, if it does not lack what such a sentence mostly has."""
    if _TIME.search(core):
        return True
    if day := _DAY.search(core):
        if re.search(r"\b(?:day|date) and (?:what )?time\b", question):
            return False
        if re.search(r"\b(?:time|when)\b", question):
            return None
    if (day and _BOOKING.search(core)) or _GOES_ON.search(core):
        return None
    answer = question and core.count(" ") < 4
    return True if answer or _QUESTION.match(core) or _REQUEST.search(said) else None
