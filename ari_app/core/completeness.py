"""Does what a caller has said so far sound finished, or does it trail off? Pure.

::

    "tomorrow at nine"                   COMPLETE
    "i'd like to book an appointment"    UNCLEAR    finished, but callers go on from there: "… for Tuesday"
    "i'd like to"                        OPEN       something has to follow

Whisper puts a full stop behind everything, so a full stop proves nothing. COMPLETE shortens the silence that ends the
turn, and being cut off is worse than waiting: what is not plainly finished is UNCLEAR. Answers and questions give the
turn away, requests mostly do; a plain statement may be the first sentence of a story. Only English grammar is known;
in other languages punctuation and digits tell.
"""

import re
from collections.abc import Sequence
from enum import Enum, auto

from ari_app.core.said_digits import goes_on_to_year, number_ended, said_digits


class Ending(Enum):
    """How an utterance ends."""

    COMPLETE = auto()
    OPEN = auto()
    UNCLEAR = auto()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# -- words that leave a sentence open when they are its last

_OPEN_LAST = _words(
    "um uh er erm uhm hmm hm mm "  # fillers
    "and but or nor because cause cos if whether unless while since although than as so "  # conjunctions
    "a an the my your our their its whose every "  # articles, possessives
    "of from with without between into onto during against per via past towards toward except regarding "
    "to for at on in by about after until till around near "  # prepositions
    "i we he she they i'm i'd i'll i've we're we'd we'll we've he's she's they're you're you'd you'll you've it'll "
    "it's that's there's here's what's who's where's "  # subjects
    "am is are was were be been being has had does did can could will would shall should may might must "
    "gonna wanna very quite just also maybe perhaps currently almost approximately called named "
    "mister mr mrs miss ms dr "
    "want need like have get book make take give send find buy use bring put tell say said wanted got speak talk"
)
_ANSWER_VERBS = "am|do|did|have|can|could|will|would|is|was|are|does|don't|didn't|haven't|can't|won't|isn't|aren't"
_NOT_OPEN = re.compile(
    # "who am i speaking to", "what is it about", "what would you like"
    r"\b(?:who|what(?! (?:time|day))|where|which|how|whatever|whichever|that's what)\b.*"
    r"\b(?:i|you|we|they|he|she|it|that|this|you've|i've)(?: \w+)?"
    r" (?:for|with|from|about|like|need|want|have|say|get|take|be|tell|use|do|said|got|wanted)$|"
    r"\b(?:who|what|where|which|how)\b.*\b(?:i|you|we|they|he|she|it|that|this) (?:am|is|are|was|were)$|"
    r"\b(?:who|where|which \w+)\b.*\b(?:i|you|we|they|it|this)\b.* to$|\b(?:is|are|was|were|does|do) (?:he|she|they)$|"
    r"^what for$|\b(?:one|number|person|place|what|who|where)\b.*\w+ing (?:from|to|for|with|about|on|at|in)$|"
    r"\b(?:go|going|log|later|still) on$|\b(?:come|go|check|log|sign|drop|get|fill (?:it|that|them)) in$|"
    r"\b(?:come|drop) by$|\b(?:day|week|month|year) (?:before|after)$|\b(?:think|hope|thought) so$|"
    r"\b(?:if|as|when|whenever) (?:i|you|we|they) (?:can|could|would|will|may|want|like|need)$|\bme too$|"
    r"\b(?:phone|address|guest) book$"
)
"""Ends in which such a word is in its place."""
_OPEN_PHRASE = re.compile(
    r"(?:\b(?:can|could|would|will) you (?:please )?(?:connect|transfer|show)(?: me)?|\blet me|"
    r"\b(?:tell|give|send|ask|show|connect|transfer|put) (?:me|us|him|her|them)|"
    r"^(?:\w+ )?i (?:think|guess|mean|believe)|\b(?:do|did|can|could|would|will|should|have) (?:i|you|we)(?: please)?|"
    r"\b(?:the|my|your) (?:first|last|next|other)|\bat (?:half|quarter)|(?<!the )(?<!my )(?<!a )\bdoctor|"
    r"^(?:well|so|oh|but)|(?<!your )(?<!which )(?<!an )\bextension|"
    r"(?<!in )(?<!next )(?<!last )(?<!this )(?<!of )"
    r"\b(?:january|february|march|april|june|july|august|september|october|november|december))$"
)
"""Ends that the last word alone would not show."""

_ASKS_TO_WAIT = re.compile(
    r"(?:wait|hold on|hang on|let me (?:see|think|look|check)(?: \w+){0,3}|"
    r"(?:(?:wait|hold on|hang on) )?(?:just )?(?:a|one) (?:second|sec|moment|minute))(?: please)?"
)

# -- what is whole

_LEADING = re.compile(
    r"(?:(?:um|uh|er|erm|hello|hi|hey|there|yes|yeah|no|okay|ok|so|well|oh|please|sorry|excuse me|actually|but|and|"
    r"good (?:morning|afternoon|evening)) )+(?=\w)"
)
_WHOLE = re.compile(
    r"(?:(?:yes|no|yeah|yep|yup|nope|yes please|not yet|not really|not at all|correct|exactly|absolutely|of course|"
    r"that(?:'s| is) (?:right|correct|it|all|fine|wrong|everything|great|perfect|good|not right|okay)|"
    r"that(?:'ll| will| would) be (?:all|great|fine|it|good)|(?:i )?don't (?:know|think so)|i(?:'m| am) not sure|"
    rf"(?:yes|no|nope|yeah|yep) (?:i|we|you|it|that|he|she|they|this|there) (?:{_ANSWER_VERBS})|"
    r"i (?:think|hope) so|i think (?:it is|that's right)|i'm (?:good|fine|all set)|"
    r"sounds good|works for me|nothing(?: else)?|never mind|no problem|"
    r"(?:good)?bye(?: bye| now)?|see you(?: then| later)?|take care|have a (?:nice|good|great) \w+|"
    r"thank you(?: very much| so much)?|thanks(?: a lot)?|stop|an? emergency|it's an? emergency|it's urgent|"
    r"(?:the )?operator|i need help|(?:can you )?help me|say that again|i didn't (?:hear|catch) (?:you|that)) ?)+"
)
"""Answers, thanks and farewells: whole in themselves, alone or one after the other."""
_GREETING = re.compile(r"(?:hello|hi|hey|good morning|good afternoon|good evening)(?: there| again)?")
_ACKNOWLEDGED = re.compile(
    rf"(?:almost|okay|ok|alright|all right|right|sure|great|fine|perfect|i see|"
    rf"(?:i|we|they|he|she|it) (?:{_ANSWER_VERBS}))"
)
"""Whole as an answer; otherwise often the start of something."""
_POLITE = re.compile(r" (?:please|thank you(?: very much| so much)?|thanks(?: a lot)?|sir|madam|ma'am)$")
_QUESTION = re.compile(
    r"(?:what|where|when|who|which|how|why|whose|what's|where's|when's|who's|how's) \w+ \w+|"
    r"(?:are|is|was|do|does|did|can|could|will|would|have|has|may|should|shall|isn't|aren't|don't|won't) "
    r"(?:i|you|we|they|he|she|it|there|this|that|anyone|anybody|someone|somebody|the|your|my|doctor) \w+"
)
_REQUEST = re.compile(
    r"\b(?:i'd like|i would like|i want|i need|i'm looking|i'm calling|i have an? (?:question|problem)|"
    r"(?:can|could|may|would) (?:i|you|we|somebody|someone)|please \w+|transfer me|connect me|put me|give me|tell me)\b"
)
_OPEN_QUESTION = re.compile(r"\b(?:help|do for you|anything else|something else)\b")
"""Asked so, callers say sentences, and a few words are the beginning of one."""
_GOES_ON = re.compile(
    r"\b(?:appointments?|anything|something|some(?:one|body)|open|opened|close|closed|available|free|come|visit|move|"
    r"change|start|see|cancel|reschedule|call|pay|ask|before|check|leave|question|problem|message|booking|table)$"
)
"""After these callers often name a day, a matter or a person."""
_DAY = re.compile(r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|today|tomorrow|week|\w{2,}th|first|second|third)$")
_BOOKING = re.compile(r"\b(?:book|appointment|come|move|change|make|schedule|reschedule|table|reserve|cancel|see)\b")
_HOUR = r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d{1,2}(?::\d\d)?)"
_TIME = re.compile(
    rf"(?:\b(?:at|past|to|until|till|by|around|before|after|for) {_HOUR}(?: (?:thirty|fifteen|forty five|twenty|ten))?|"
    rf"\b(?:{_HOUR}|thirty|fifteen|five|o'clock) [ap] ?m|\bo'clock|\b(?:noon|midnight)|\d:\d\d|"
    r"\bin the (?:morning|afternoon|evening))$"
)
_NAMED = re.compile(r"\b(?:name is|name's|this is) (?!an?\b|the\b|my\b|not\b|about\b|for\b)(?P<name>[\w' -]+)$")


def ending(text: str, asked: str = "", language: str = "en") -> Ending:
    """How `text`, a transcript so far, ends. `asked` is what the agent said last, in the same `language`."""
    text, asked = (part.strip().lower().replace("’", "'") for part in (text, asked))
    words = _split(text)
    if re.search(r"(?:\.\.|…|[-–—,:;])$", text):
        return Ending.OPEN
    if not words:
        return Ending.UNCLEAR
    english = language.partition("-")[0].lower() == "en"
    if (number := _number(words, " ".join(_split(asked)))) is not None:
        return number
    if english and text.endswith("?") and _GREETING.fullmatch(" ".join(words)):
        return Ending.COMPLETE  # "hello?" wants to know whether somebody is there
    if english and (grammar := _grammar(" ".join(words), asked)) is not Ending.UNCLEAR:
        return grammar
    return Ending.COMPLETE if text.endswith("?") else Ending.UNCLEAR


def _split(text: str) -> list[str]:
    text = re.sub(r"\b([ap])\.\s?m\b\.?", r"\1m", text)  # 9 a.m.
    return re.findall(r"\d+(?:[:./]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)*", text)


def _number(words: Sequence[str], asked: str) -> Ending | None:
    """By digits or letters that may still be coming; None where the utterance does not end in any."""
    if spelt := _spelt(words, asked):
        return Ending.COMPLETE if len(spelt) > 1 and spelt in words else Ending.OPEN  # "king k i n g"
    digits, said = said_digits(words), " ".join(words)
    context = f"{asked} {said}"
    wanted = re.search(r"\b(?:number|digits?|code|pin|birth|born|extension|account|zip)\b", context)
    amount = re.search(r"\b(?:time|when|hour|how (?:many|much|long|old)|which day|what day)\b", asked)
    if not digits and not goes_on_to_year(words, context):
        return None
    if _TIME.search(said) or (not wanted and (amount or len(digits) < 3 or words[-1].endswith("ty"))):
        return None
    ended = number_ended(words, context)
    return Ending.UNCLEAR if ended is None else Ending.COMPLETE if ended else Ending.OPEN


def _spelt(words: Sequence[str], asked: str) -> str:
    """The letters that end the utterance, at least two, or one where the agent asked for spelling."""
    letters = ""
    for word in reversed(words):
        if len(word) != 1 or not word.isalpha():
            break
        letters = word + letters
    if letters in ("am", "pm") or (len(letters) == 1 and "spell" not in asked):
        return ""
    return letters


def _grammar(said: str, asked: str) -> Ending:
    """English: by the last words, then by what kind of sentence it is."""
    asking = asked.endswith("?")
    core = _LEADING.sub("", said, count=1) if _LEADING.match(said) else said
    if _WHOLE.fullmatch(said) or _WHOLE.fullmatch(core) or (asking and _ACKNOWLEDGED.fullmatch(core)):
        return Ending.COMPLETE
    if _ASKS_TO_WAIT.fullmatch(core):
        return Ending.OPEN
    if _POLITE.search(core):
        rest = _POLITE.sub("", core)
        dangling = rest.endswith(" to") and not _NOT_OPEN.search(rest)
        return Ending.OPEN if dangling or _OPEN_PHRASE.search(core) else Ending.COMPLETE
    last = core.rpartition(" ")[2]
    if not _TIME.search(core) and ((last in _OPEN_LAST and not _NOT_OPEN.search(core)) or _OPEN_PHRASE.search(core)):
        return Ending.OPEN
    if _GREETING.fullmatch(said):
        return Ending.OPEN if _OPEN_QUESTION.search(asked) else Ending.UNCLEAR  # the request follows
    if _NAMED.search(core) or (re.search(r"\bname\b", asked) and not _QUESTION.match(core)):
        name = _NAMED.search(core)
        whole_name = " " in (name["name"] if name else core) and "name" in asked
        return Ending.COMPLETE if whole_name else Ending.UNCLEAR  # a last name may follow
    return _by_kind(core, said, asked if asking else "")


def _by_kind(core: str, said: str, question: str) -> Ending:
    """A question, a request or an answer is complete, if it does not lack what such a sentence mostly has."""
    day = _DAY.search(core)
    if _TIME.search(core):
        return Ending.COMPLETE
    if day and re.search(r"\b(?:day|date) and (?:what )?time\b", question):
        return Ending.OPEN
    if (day and (_BOOKING.search(core) or re.search(r"\b(?:time|when)\b", question))) or _GOES_ON.search(core):
        return Ending.UNCLEAR
    if _QUESTION.match(core) or _REQUEST.search(said):
        return Ending.COMPLETE
    answer = question and core.count(" ") < 4 and not _OPEN_QUESTION.search(question)
    return Ending.COMPLETE if answer else Ending.UNCLEAR
