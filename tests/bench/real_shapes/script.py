"""Who says what on a benchmark call: the demonstration's callers, and a receptionist's answer to each of their lines.

The answers are such as a good model gives on the phone: a first clause of a few words, then what matters.
"""

from dataclasses import dataclass

from ari_app.demo.conversation import Line, wav_line
from ari_app.settings import DEMO_MODELS

REPLIES = {
    "booking-1": "Good morning! We are open Monday to Friday, from eight to six.",
    "booking-2": "Tuesday at half past three is free. May I have your name, please?",
    "booking-3": "Thank you, Mary. What is the best number to reach you?",
    "booking-4": "I have nine two eight four. Is that right?",
    "booking-5": "Perfect, your appointment is booked. Is there anything else?",
    "booking-6": "A cleaning is eighty dollars, and it takes half an hour.",
    "booking-7": "Thank you for calling, and have a nice day.",
    "billing-1": "I am sorry to hear that. Which invoice is it about?",
    "directions-1": "We are on Lake Street, right beside the library.",
    "directions-2": "Yes, there is free parking behind the building.",
    "directions-3": "Of course. We are on Lake Street, beside the library.",
    "directions-4": "You are welcome, and have a good day.",
    "person-1": "Doctor Jones is with a patient right now. May I take a message?",
    "saturday-1": "Yes, on Saturday we are open from nine to one.",
    "saturday-2": "We close at one o'clock on Saturday.",
    "saturday-3": "Yes, we take most insurance plans. Which one do you have?",
    "saturday-4": "You are welcome. See you on Saturday!",
    "message-1": "Certainly, I will pass that on. Who is calling, please?",
    "message-2": "Thank you, Peter. What number can we call you at?",
    "message-3": "That was four one seven five. Is that correct?",
    "message-4": "Very good, somebody will call you back this afternoon.",
    "message-5": "Goodbye, and thank you for calling.",
    "emergency-1": "Please hang up and dial nine one one at once.",
}
"""By the name of the caller's line."""
OTHERWISE = "I see. Could you tell me a little more about that?"
"""To words of nobody."""


@dataclass(frozen=True)
class Script:
    """The caller's lines with their words, and the answers to them."""

    lines: dict[str, Line]
    replies: dict[str, str]

    def reply_to(self, words: str) -> str:
        """The answer to a line, or to as much of it as was said: to the one whose beginning `words` end in."""

        def said(name: str) -> int:
            line = self.lines[name].words
            return max(length for length in range(len(line) + 1) if words.endswith(line[:length]))

        best = max(self.lines, key=said)
        return self.replies[best] if said(best) else OTHERWISE


def demo_script() -> Script:
    """The bundled callers and REPLIES."""
    return Script({name: wav_line(DEMO_MODELS / "callers" / f"{name}.wav") for name in REPLIES}, REPLIES)
