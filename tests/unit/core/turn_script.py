"""What the turn machine's tables share: an agent, a player of (time, event, commands) rows, and how calls begin."""

from ari_app.core.commands import CallerSaid, Draft, Reply, Say, TakeTranscript
from ari_app.core.events import Heard, MediaReady, SpeakingDone, SpeakingStarted, SpeechStarted, SpeechStopped, Timer
from ari_app.core.turns import TurnMachine
from ari_app.settings import AgentSettings, BargeInSettings, Phrases, TurnSettings

PHRASES = Phrases(
    reprompts=("Still there?", "Hello?"),
    not_understood="Pardon?",
    goodbye="Bye.",
    time_is_up="Time is up.",
    apology="Sorry.",
    cannot_transfer="I cannot.",
    fillers=("Hm.", "Wait."),
)
AGENT = AgentSettings(greeting="Hello.", transfers={"billing": "internal,200,1"}, max_seconds=100, phrases=PHRASES)
PLAIN = TurnSettings(judge="silence", speculate=0, filler_ms=0)
"""Nothing is done before the end-of-turn silence is over."""
EARLY = TurnSettings(judge="text", endpoint_min_ms=240, endpoint_ms=400, endpoint_max_ms=1200, speculate=3, filler_ms=0)
"""Words are known and answers drafted in the pauses; silence ends a turn after 240, 400 or 1200 ms."""
BARGE_IN = BargeInSettings(min_speech_ms=100, hold_ms=200, max_hold_ms=1000, protect_ms=0)
"""Held 0.1 s after the onset, the words looked at 0.1 s later and then each 0.2 s, for 1 s at most."""


def machine(agent=AGENT, turn=PLAIN, barge_in=BARGE_IN):
    return TurnMachine(agent, turn, barge_in)


def go_on(under_test, script):
    """Run (time, event, expected commands) rows on a machine; returns it."""
    for row, (now, event, expected) in enumerate(script):
        assert under_test.handle(event, now) == expected, f"row {row}: {event} at {now}"
    return under_test


def play(script, **how):
    """Run rows on a new machine; returns it."""
    return go_on(machine(**how), script)


def said(text, endpoint_ms=400.0):
    """The caller's turn has ended."""
    return CallerSaid(text, "speech", endpoint_ms)


GREETED = [
    (0.0, MediaReady(), [Say(1, "Hello.", "greeting")]),
    (0.1, SpeakingStarted(1), []),
    (2.0, SpeakingDone(1, True), []),
]
ASKED = [
    *GREETED,
    (3.1, SpeechStarted(3.0), []),
    (4.1, SpeechStopped(4.0), []),
    (4.4, Timer(), [TakeTranscript(1)]),
    (4.45, Heard(1, "what are your hours"), [said("what are your hours"), Reply(2)]),
]
"""PLAIN: the machine thinks."""
ANSWERING = [*ASKED, (4.6, SpeakingStarted(2), [])]
"""PLAIN: the machine speaks."""

PAUSED = [*GREETED, (3.1, SpeechStarted(3.0), []), (4.06, SpeechStopped(4.0), [TakeTranscript(1)])]
"""EARLY: the caller has stopped at 4.0, and the words are awaited."""
DRAFTED = [*PAUSED, (4.1, Heard(1, "what are your hours"), [Draft(2, "what are your hours")])]
"""EARLY: a complete question, whose answer is drafted until 4.24."""
