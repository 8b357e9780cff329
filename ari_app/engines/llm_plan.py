"""What the next step of the language model computes. Pure.

A step takes as long as its tokens take, and everybody in it waits for all of it: beside a reply's next token, a long
prompt is a long silence. So a prompt comes in pieces, and who is less urgent rests, but not for ever::

    step                1          2          3          4          5
    first clause        p p p p    p p n      n          n
    rest of a reply     .          .          n          .          n     each token within PATIENCE
    reading along       .          .          .          .          p p p p

(p: tokens of a prompt, n: the next token of a reply, dots: rests.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ari_app.engines.base import Urgency

PATIENCE = {Urgency.FIRST_CLAUSE: 0.5, Urgency.REPLY: 0.15, Urgency.BACKGROUND: 1.0}
"""Seconds that a job rests for others at most. A reply that gets a token every 0.15 s is still twice as fast as speech;
a first clause rests only for others with shorter prompts."""
ALONE_SECONDS, SHARED_SECONDS = 0.25, 0.1
"""How long a piece of prompt may compute: larger ones are computed faster, in smaller ones nobody waits for long."""
MIN_PIECE, MAX_PIECE = 8, 448
"""Tokens in a piece; the largest leaves room in a batch for a token of every other sequence."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one job wants computed."""

    urgency: Urgency
    tokens: int
    """The rest of its prompt; 1 for a reply's next token."""
    in_prompt: bool
    waited: float
    """Seconds since it was last computed, or came."""

    @property
    def starves(self) -> bool:
        """Whether it has rested for long enough."""
        return self.waited >= PATIENCE[self.urgency]


def plan(wishes: Sequence[Wish], speed: float) -> list[int]:
    """How many tokens of each wish the next step computes, 0 for who rests; `speed` is in prompt tokens a second.

    Of prompts that are equally urgent, the shortest is first: all together they wait less, and a history of thousands
    of tokens delays nobody.
    """
    top = min((wish.urgency for wish in wishes), default=Urgency.FIRST_CLAUSE)
    due = [index for index, wish in enumerate(wishes) if wish.urgency is top or wish.starves]
    counts = [0] * len(wishes)
    for index in due:
        if not wishes[index].in_prompt:
            counts[index] = 1
    alone = len(wishes) == 1 and top is not Urgency.BACKGROUND
    room = int(speed * (ALONE_SECONDS if alone else SHARED_SECONDS)) - sum(counts)
    room = min(max(room, MIN_PIECE), MAX_PIECE)
    prompts = [index for index in due if wishes[index].in_prompt]
    for index in sorted(prompts, key=lambda index: _order(wishes[index])):
        counts[index] = min(wishes[index].tokens, room)
        room -= counts[index]
    return counts


def _order(wish: Wish) -> tuple[bool, Urgency, int, float]:
    return not wish.starves, wish.urgency, wish.tokens, -wish.waited
