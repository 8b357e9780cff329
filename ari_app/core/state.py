"""The states of a conversation, and how they follow each other. Pure data.

::

    IDLE ─MediaReady→ SPEAKING (greeting) ─SpeakingDone→ LISTENING ←──────────────────┐
                        ↑   ↑                               │ speech                  │
                        │   └─ Say: reprompt after silence ─┤                         │
         SpeakingStarted│                                   ↓     speech again        │
    THINKING ←── PAUSING (a reply is drafted) ⇄ CALLER_SPEAKING                       │
       │  ↑         │ end-of-turn silence, words unknown    ↑                         │
       │  └─Heard─ HEARING                                  │                         │
       └── the caller goes on (not yet answered) ───────────┤                         │
    SPEAKING ─speech of barge_in.min_speech_ms→ INTERRUPTED ┘ words                   │
       ↑───────── backchannel, noise ───────────────┘   SPEAKING ── SpeakingDone ─────┘

    anywhere ─failure, or silence for too long→ CLOSING (a last sentence) ─→ ENDED (Leave)
    anywhere ─CallerGone, LineFailed, ToneHeard, no person→ ENDED

In INTERRUPTED the agent is held: nothing is lost yet.
"""

from enum import Enum, auto


class State(Enum):
    """Where the conversation stands."""

    IDLE = auto()
    LISTENING = auto()
    CALLER_SPEAKING = auto()
    PAUSING = auto()
    HEARING = auto()
    THINKING = auto()
    SPEAKING = auto()
    INTERRUPTED = auto()
    CLOSING = auto()
    ENDED = auto()


AGENTS_TURN = frozenset({State.THINKING, State.SPEAKING})
"""The agent speaks, or is about to."""
WAITS_FOR_CALLER = AGENTS_TURN | {State.LISTENING}
"""Their deadline stands still while the caller has us on hold."""
