"""Which sequence computes what: one thread that owns the context and serves all conversations in one batch a step.

::

    step      1          2          3          4          5
    seq 1     p p p p    p p n      n          n          n          p  prompt tokens that are not in the memory yet
    seq 2     n          n          n          n          .          n  the next token of a reply
    seq 3                           p p p p    p p n      n

A slot is a sequence of the context and the tokens that are in its memory. It is only a cache: a reply computes what its
prompt does not share with its own slot or any other (every call begins with the same system prompt), a slot that is not
at work is emptied when the memory runs out, and after a call its slot keeps the system prompt for the next one.
"""

import codecs
import itertools
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ari_app.engines.cores import yield_to_media
from ari_app.engines.llama import LlamaContext, LlamaModel, Outcome, Part, Sampler
from ari_app.errors import EngineError

log = logging.getLogger(__name__)

PREFILL_ALONE, PREFILL_BESIDE = 256, 32
"""Prompt tokens in one step: large chunks compute faster, small ones let the replies beside them flow."""
WORTH_SHARING = 16
"""Tokens from which another sequence's prefix is worth taking over, or waiting for."""


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
    shared: int = 0
    """How many of the owner's tokens the next owner can use."""
    job: "Job | None" = None
    used: int = 0
    """When it was used last, as a running number."""


@dataclass(eq=False)
class Job:
    """One reply, or, with 0 as `max_tokens`, only its prompt. `emit` gets pieces of text, then None, or an EngineError;
    called on the scheduler's thread."""

    owner: object
    prompt: Prompt
    max_tokens: int
    temperature: float
    emit: Callable[[str | EngineError | None], None]
    behind: Callable[[], bool] = lambda: False
    """Whether its reader has not taken what was emitted: then nothing more is computed for it, and the cores are the
    voice's. Asked on the scheduler's thread; `wake` says that the answer may have changed."""
    cancelled: bool = False
    pending: list[int] = field(default_factory=list)
    """Tokens to compute next: the rest of the prompt, then always the one that was sampled."""
    generated: int = 0
    cut: bool = False
    """It ended because it reached `max_tokens`."""
    sampler: Sampler | None = None
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("ignore"))

    @property
    def in_prompt(self) -> bool:
        """Whether its prompt is still being computed."""
        return not self.generated


class Scheduler:
    """Continuous batching over the slots of one context. Public methods may be called from any thread."""

    def __init__(self, model: LlamaModel, context: LlamaContext, sequences: int) -> None:
        self._model = model
        self._context = context
        self._slots = [Slot(sequence) for sequence in range(sequences)]
        # Bounded by its writers: a conversation has one reply at a time, and there are no more than sequences.
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._waiting: list[Job] = []
        self._clock = itertools.count(1)
        self._alone: Job | None = None
        self._stopping = False
        self.prompt_tokens = 0
        """Prompt tokens computed so far."""
        self.reply_tokens = 0
        """Reply tokens sampled so far."""
        self._thread = threading.Thread(target=self._run, name="offhook-llm", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Begin a reply. Its owner must have ended or cancelled the one before."""
        if self._stopping:
            job.emit(EngineError("llm: is closed"))
            return
        self._commands.put(lambda: self._waiting.append(job))

    def cancel(self, job: Job) -> None:
        """End a reply within a step; what it computed stays in the owner's memory."""
        job.cancelled = True
        if self._alone is job:
            self._context.abort()
        self._commands.put(lambda: None)

    def wake(self) -> None:
        """A reader has taken what was emitted for it."""
        self._commands.put(lambda: None)

    def release(self, owner: object) -> None:
        """Free the owner's slot."""
        self._commands.put(lambda: self._release(owner))

    def stop(self) -> None:
        """End the thread; replies that still run get an EngineError."""
        self._stopping = True
        self._context.abort()
        self._commands.put(lambda: None)
        self._thread.join()

    # Below, everything runs on the scheduler's own thread.

    def _run(self) -> None:
        yield_to_media()
        reason = "llm: is closed"
        try:
            self._serve()
        except Exception as error:  # the outermost edge of this thread: who waits for it must hear of it
            log.exception("the language model's thread failed")
            reason = f"llm: its thread failed: {error!r}"
        self._stopping = True
        while not self._commands.empty():
            self._commands.get()()
        for slot in self._slots:
            self._end(slot, EngineError(reason))
        for job in self._waiting:
            job.emit(EngineError(reason))

    def _serve(self) -> None:
        busy = False
        while not self._stopping:
            while not busy or not self._commands.empty():
                self._commands.get()()
                busy = True
            self._drop_cancelled()
            self._admit()
            busy = self._step()

    def _drop_cancelled(self) -> None:
        for job in self._waiting:
            if job.cancelled:
                job.emit(None)  # whoever waits for it may be another than who cancelled it
        self._waiting = [job for job in self._waiting if not job.cancelled]
        for slot in self._slots:
            if slot.job and slot.job.cancelled:
                self._end(slot, None)

    def _admit(self) -> None:
        """Give waiting replies their slots, unless what they need is just being computed for another."""
        still_waiting = []
        for job in self._waiting:
            slot = self._slot_for(job)
            source = max(self._slots, key=lambda other: _common(other.tokens, job.prompt.tokens))
            ready = _common(source.tokens, job.prompt.tokens)
            if slot is None or self._coming(job) >= ready + WORTH_SHARING:
                still_waiting.append(job)
            else:
                self._begin(job, slot, source)
        self._waiting = still_waiting

    def _slot_for(self, job: Job) -> Slot | None:
        own = next((slot for slot in self._slots if slot.owner is job.owner), None)
        if own is not None:
            return own if own.job is None else None
        free = [slot for slot in self._slots if slot.owner is None]
        lost = {slot.sequence: len(slot.tokens) - _common(slot.tokens, job.prompt.tokens) for slot in free}
        # Rather an empty slot than another agent's prompt: what is common can be shared from any.
        return min(free, key=lambda slot: (lost[slot.sequence], -len(slot.tokens), slot.used), default=None)

    def _coming(self, job: Job) -> int:
        """Tokens of the job's prompt that another reply is computing now."""
        if not self._model.shares_prefixes:
            return 0
        busy = (slot.job for slot in self._slots if slot.job and slot.job.in_prompt)
        return max((_common(other.prompt.tokens, job.prompt.tokens) for other in busy), default=0)

    def _begin(self, job: Job, slot: Slot, source: Slot) -> None:
        prompt = list(job.prompt.tokens)
        last = len(prompt) - 1  # the last token is always computed: its logits are needed
        known = min(_common(slot.tokens, prompt), last)
        self._truncate(slot, known)
        known = len(slot.tokens)
        shared = min(_common(source.tokens, prompt), last)
        if self._model.shares_prefixes and shared >= known + WORTH_SHARING:
            self._context.copy(source.sequence, slot.sequence, known, shared)
            slot.tokens = prompt[:shared]
        slot.owner, slot.job, slot.used = job.owner, job, next(self._clock)
        slot.shared = job.prompt.shared
        job.sampler = Sampler(job.temperature)
        job.pending = prompt[len(slot.tokens) :]

    def _step(self) -> bool:
        """Compute one batch and hand out what came of it; False when there was nothing to do."""
        busy = [slot for slot in self._slots if slot.job and not slot.job.behind()]
        if not busy:
            return False
        batch = self._plan(busy)
        self._alone = batch[0][0].job if len(batch) == 1 else None
        outcome = self._context.decode([part for _, part in batch])
        self._alone = None
        if outcome is Outcome.DONE:
            row = -1
            for slot, part in batch:
                row += len(part.tokens)
                self._advance(slot, part, row)
        else:
            self._recover(outcome, [slot for slot, _ in batch])
        return True

    def _recover(self, outcome: Outcome, batch: list[Slot]) -> None:
        """Put the memory back to what the slots know, and mend what can be mended."""
        for slot in batch:
            before = list(slot.tokens)
            self._truncate(slot, len(before), force=True)
            if slot.job:
                slot.job.pending = before[len(slot.tokens) :] + slot.job.pending
        if outcome is Outcome.NO_ROOM and not self._make_room():
            newest = max(batch, key=lambda slot: slot.used)
            self._fail(newest, EngineError("llm: the context is full", "raise llm.context_tokens or take fewer calls"))
        elif outcome is Outcome.FAILED:
            for slot in batch:
                self._fail(slot, EngineError("llm: llama.cpp could not compute a batch"))

    def _plan(self, busy: list[Slot]) -> list[tuple[Slot, Part]]:
        replying = any(slot.job and not slot.job.in_prompt for slot in busy)
        room = PREFILL_BESIDE if replying else PREFILL_ALONE
        batch = []
        for slot in sorted(busy, key=lambda slot: slot.used):
            assert slot.job is not None  # noqa: S101  (busy means that; for the type checker)
            tokens = slot.job.pending[: room if slot.job.in_prompt else 1]
            if slot.job.in_prompt:
                room -= len(tokens)
            if tokens:
                whole = len(tokens) == len(slot.job.pending)
                batch.append((slot, Part(slot.sequence, len(slot.tokens), tokens, wants_next=whole)))
        return batch

    def _advance(self, slot: Slot, part: Part, row: int) -> None:
        """A part is computed: remember it, and take the next token if the prompt is complete."""
        job = slot.job
        assert job is not None  # noqa: S101  (it was in the batch)
        assert job.sampler is not None  # noqa: S101
        slot.tokens += part.tokens
        del job.pending[: len(part.tokens)]
        if job.in_prompt:
            self.prompt_tokens += len(part.tokens)
        if not part.wants_next or job.cancelled:
            return
        if not job.max_tokens:
            self._end(slot, None)
            return
        token = self._context.sample(job.sampler, row)
        if self._model.ends_generation(token):
            self._end(slot, None)
            return
        job.generated += 1
        self.reply_tokens += 1
        job.pending = [token]
        piece = job.decoder.decode(self._model.piece(token))
        if piece:
            job.emit(piece)
        if job.generated >= job.max_tokens:
            job.cut = True
            self._end(slot, None)

    def _end(self, slot: Slot, result: EngineError | None) -> None:
        if slot.job is None:
            return
        job, slot.job = slot.job, None
        if job.sampler:
            job.sampler.close()
        job.emit(result)

    def _fail(self, slot: Slot, error: EngineError) -> None:
        log.warning("a reply failed", extra={"sequence": slot.sequence, "reason": error.message})
        self._truncate(slot, 0)
        self._end(slot, error)

    def _make_room(self) -> bool:
        """Empty the slot that has been idle for longest, those without a conversation first; False without any."""
        idle = [slot for slot in self._slots if slot.tokens and not slot.job]
        if not idle:
            return False
        self._truncate(min(idle, key=lambda slot: (slot.owner is not None, slot.used)), 0)
        return True

    def _release(self, owner: object) -> None:
        for slot in self._slots:
            if slot.owner is owner:
                self._end(slot, None)
                self._truncate(slot, min(slot.shared, len(slot.tokens)))
                slot.owner = None

    def _truncate(self, slot: Slot, length: int, *, force: bool = False) -> None:
        """Forget a slot's tokens from `length` on; all of them, if the model cannot forget a part."""
        if length == len(slot.tokens) and not force:
            return
        if not self._context.truncate(slot.sequence, length):
            self._context.truncate(slot.sequence, 0)
            length = 0
        del slot.tokens[length:]


def _common(some: list[int], others: list[int]) -> int:
    """Length of the common beginning."""
    length = min(len(some), len(others))
    if some[:length] == others[:length]:
        return length
    return next(index for index in range(length) if some[index] != others[index])
