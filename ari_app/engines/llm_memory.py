"""What is in the language model's memory: who has which sequence, and what is found there instead of computed.

::

    slots     a conversation each: system prompt and history, for as long as the call lasts
    shelf     system prompts, one copy of each, whoever is calling: what a new call begins with

All of it is only a cache, in cells that all sequences share: copies cost none, and when cells run out, what was used
longest ago is forgotten. Belongs to the scheduler's thread.
"""

import itertools
from bisect import bisect_left
from dataclasses import dataclass, field

from ari_app.engines.llama import LlamaContext, LlamaModel

WORTH_SHARING = 16
"""Tokens from which another sequence's prefix is worth taking over, or waiting for."""
ALIKE = 64
"""System prompts that differ in fewer tokens at their end, for instance in facts about the call, share a place."""
SHELF = 8
"""System prompts that are kept: as many agents are called often."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as tokens."""

    tokens: list[int]
    shared: int
    """Of them, how many at the beginning do not depend on the conversation (the system prompt)."""


@dataclass(eq=False)
class Slot:
    """A sequence of the context."""

    sequence: int
    tokens: list[int] = field(default_factory=list)
    """What is in its memory."""
    owner: object | None = None
    busy: bool = False
    """A job is at work on it."""
    used: int = 0
    """When it was used last, as a running number."""


def sequences_needed(model: LlamaModel, conversations: int) -> int:
    """Sequences that a context must have for so many conversations."""
    return conversations + (SHELF if model.shares_prefixes else 0)


class Memory:
    """The sequences of one context."""

    def __init__(self, model: LlamaModel, context: LlamaContext, conversations: int) -> None:
        self._context = context
        every = [Slot(sequence) for sequence in range(sequences_needed(model, conversations))]
        self._slots, self._shelf = every[:conversations], every[conversations:]
        self._clock = itertools.count(1)

    def slot_for(self, owner: object) -> Slot | None:
        """The owner's slot, or one for a new owner; None while none is free."""
        own = next((slot for slot in self._slots if slot.owner is owner), None)
        if own is None:
            own = next((slot for slot in self._slots if slot.owner is None), None)
        return own if own is None or not own.busy else None

    def known(self, prompt: Prompt) -> int:
        """How much of a prompt's beginning some sequence holds."""
        return max(common(slot.tokens, prompt.tokens) for slot in self._all())

    def take(self, slot: Slot, owner: object, prompt: Prompt, *, to_reply: bool) -> int:
        """Give a slot to its owner's next prompt; returns how many of its tokens are in the memory: not all `to_reply`,
        because only the last one's computation tells what follows."""
        tokens, last = prompt.tokens, len(prompt.tokens) - to_reply
        self.truncate(slot, min(common(slot.tokens, tokens), last))
        source = max(self._all(), key=lambda other: common(other.tokens, tokens))
        shared = min(common(source.tokens, tokens), last)
        if self._shelf and shared >= len(slot.tokens) + WORTH_SHARING:
            self._context.copy(source.sequence, slot.sequence, len(slot.tokens), shared)
            slot.tokens = tokens[:shared]
        slot.owner, slot.busy, slot.used = owner, True, next(self._clock)
        return len(slot.tokens)

    def keep(self, slot: Slot, shared: int) -> None:
        """Put the beginning of a slot on the shelf, in the place of what is most like it, or was used longest ago."""
        prefix = slot.tokens[:shared]
        if len(prefix) < WORTH_SHARING or not self._shelf:
            return
        place = max(self._shelf, key=lambda one: common(one.tokens, prefix))
        alike = common(place.tokens, prefix)
        if alike < len(prefix) // 2 or alike < len(prefix) - ALIKE:
            place = min(self._shelf, key=lambda one: one.used)
        if place.tokens != prefix:
            self.truncate(place, 0)
            self._context.copy(slot.sequence, place.sequence, 0, len(prefix))
            place.tokens = prefix
        place.used = next(self._clock)

    def make_room(self) -> bool:
        """Forget the sequence that was used longest ago and is not at work; False without any."""
        idle = [slot for slot in self._all() if slot.tokens and not slot.busy]
        if not idle:
            return False
        self.truncate(min(idle, key=lambda slot: slot.used), 0)
        return True

    def release(self, owner: object) -> None:
        """The owner's conversation is over."""
        for slot in self._slots:
            if slot.owner is owner:
                self.truncate(slot, 0)
                slot.owner = None

    def truncate(self, slot: Slot, length: int, *, force: bool = False) -> None:
        """Forget a slot's tokens from `length` on; all of them, if the model cannot forget a part."""
        if length == len(slot.tokens) and not force:
            return
        if not self._context.truncate(slot.sequence, length):
            self._context.truncate(slot.sequence, 0)
            length = 0
        del slot.tokens[length:]

    def _all(self) -> list[Slot]:
        return [*self._slots, *self._shelf]


def common(some: list[int], others: list[int]) -> int:
    """Length of the common beginning."""
    length = min(len(some), len(others))
    if some[:length] == others[:length]:
        return length
    return bisect_left(range(1, length + 1), True, key=lambda end: some[:end] != others[:end])
