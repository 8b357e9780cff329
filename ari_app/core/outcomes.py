"""How a call leaves the agent when the line itself ends it. Pure."""

from ari_app.core.commands import Outcome, Status
from ari_app.core.events import CallerGone, LineFailed, ToneHeard


def end_of_line(event: CallerGone | LineFailed | ToneHeard) -> Outcome:
    """What the dialplan, or the store, shall hear of it."""
    match event:
        case CallerGone():
            return Outcome(Status.HANGUP, "caller_hung_up")
        case LineFailed(reason):
            return Outcome(Status.FAILED, reason)
        case ToneHeard(kind):
            return Outcome(Status.COMPLETED, "fax" if kind == "fax" else "line_tone")
