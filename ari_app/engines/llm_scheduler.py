"""Which conversation computes when: one thread that owns the context and serves all of them in one batch a step.

::

    step      1          2          3          4          5
    seq 1     p p p p    p p n      n          n          n          p  prompt tokens that are not in the memory yet
    seq 2     n          n          n          n          .          n  the next token of a reply
    seq 3                           p p p p    p p n      n

llm_plan.py says how much of whom comes next, llm_memory.py what is already there; here the two meet the context.
"""

import codecs
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ari_app.engines.base import Urgency
from ari_app.engines.cores import yield_to_media
from ari_app.engines.llama import LlamaContext, LlamaModel, Outcome, Part, Sampler
from ari_app.engines.llm_memory import WORTH_SHARING, Memory, Prompt, Slot, common
from ari_app.engines.llm_plan import MIN_PIECE, Wish, plan
from ari_app.errors import EngineError

log = logging.getLogger(__name__)

FIRST_SPEED = 100.0
"""Prompt tokens a second that are assumed before any were computed."""


@dataclass(slots=True)
class SchedulerStats:
    """What the language model has done since it began."""

    batches: int = 0
    """Steps that were computed."""
    sequences_computed: int = 0
    """Sequences in them, all together: divided by the batches, how many replies share a step."""
    prompt_tokens: int = 0
    """Prompt tokens that were computed."""
    cached_tokens: int = 0
    """Prompt tokens that were in the memory already."""
    reply_tokens: int = 0
    """Tokens that were sampled."""
    waiting: int = 0
    """Jobs that wait for a slot now, or for another that computes what they need."""
    jobs: int = 0
    """Jobs that were begun."""
    wait_seconds: float = 0.0
    """How long they waited for their first step, all together."""
    failed: int = 0
    """Jobs that ended with an error."""


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
    urgency: Urgency = Urgency.FIRST_CLAUSE
    """May be changed at any time, from any thread; counts from the next step on."""
    cancelled: bool = False
    shares: bool = False
    """It waited for a beginning that another computed; then it waits until that is whole."""
    slot: Slot | None = None
    """Where it is computed; None while it waits."""
    pending: list[int] = field(default_factory=list)
    """Tokens to compute next: the rest of the prompt, then always the one that was sampled."""
    generated: int = 0
    cut: bool = False
    """It ended because it reached `max_tokens`."""
    came_at: float = field(default_factory=time.monotonic)
    computed_at: float | None = None
    """When it was in a step last."""
    sampler: Sampler | None = None
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("ignore"))

    @property
    def in_prompt(self) -> bool:
        """Whether its prompt is still being computed, or again, because the memory was lost."""
        return not self.generated or len(self.pending) > 1


class Scheduler:
    """Continuous batching over the sequences of one context. Public methods may be called from any thread."""

    def __init__(self, model: LlamaModel, context: LlamaContext, conversations: int) -> None:
        """The context has the sequences that llm_memory needs for so many conversations."""
        self.stats = SchedulerStats()
        self._model = model
        self._context = context
        self._memory = Memory(model, context, conversations)
        # Bounded by its writers: a conversation has one reply at a time, and there are no more than sequences.
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._waiting: list[Job] = []
        self._running: list[Job] = []
        self._batch: tuple[Job, ...] = ()  # what is being computed at this moment
        self._speed = FIRST_SPEED
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="offhook-llm", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Begin a reply. Its owner must have ended or cancelled the one before."""
        if self._stopping:
            job.emit(EngineError("llm: is closed"))
            return
        self._commands.put(lambda: self._waiting.append(job))
        batch = self._batch
        others = [other for other in batch if other.owner is not job.owner]  # what it has read, its reply needs too
        if others and min(other.urgency for other in batch) is Urgency.BACKGROUND > job.urgency:
            self._context.abort()

    def cancel(self, job: Job) -> None:
        """End a reply within a step; what it computed stays in the owner's memory."""
        job.cancelled = True
        if self._batch == (job,) and job.urgency is not Urgency.BACKGROUND:
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
        for job in list(self._running):
            self._end(job, EngineError(reason))
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
        for job in [job for job in self._running if job.cancelled]:
            self._end(job, None)

    def _admit(self) -> None:
        """Give waiting jobs their slots, unless what they need is just being computed for another."""
        still_waiting = []
        for job in sorted(self._waiting, key=lambda job: job.urgency):
            slot = self._memory.slot_for(job.owner)
            if slot is None or self._is_coming(job):
                still_waiting.append(job)
            else:
                self._begin(job, slot)
        self._waiting = still_waiting
        self.stats.waiting = len(still_waiting)

    def _is_coming(self, job: Job) -> bool:
        """Whether another, as urgent, is computing what this job's prompt begins with."""
        if not self._model.shares_prefixes:
            return False
        others = (other for other in self._running if other.in_prompt and other.urgency <= job.urgency)
        coming = max((common(other.prompt.tokens, job.prompt.tokens) for other in others), default=0)
        if coming < WORTH_SHARING:
            return False
        job.shares |= coming >= self._memory.known(job.prompt) + WORTH_SHARING
        return job.shares and coming > self._memory.known(job.prompt)

    def _begin(self, job: Job, slot: Slot) -> None:
        known = self._memory.take(slot, job.owner, job.prompt, to_reply=job.max_tokens > 0)
        if known >= job.prompt.shared:
            self._memory.keep(slot, job.prompt.shared)
        job.slot, job.pending = slot, job.prompt.tokens[known:]
        job.sampler = Sampler(job.temperature)
        self._running.append(job)
        self.stats.jobs += 1
        self.stats.cached_tokens += known
        if not job.pending:
            self._end(job, None)

    def _step(self) -> bool:
        """Compute one batch and hand out what came of it; False when there was nothing to do."""
        now = time.monotonic()
        jobs = [job for job in self._running if not job.behind()]
        wishes = [
            Wish(job.urgency, len(job.pending), job.in_prompt, now - (job.computed_at or job.came_at)) for job in jobs
        ]
        batch = [(job, count) for job, count in zip(jobs, plan(wishes, self._speed), strict=True) if count]
        if not batch:
            return False
        parts = [self._part(job, count) for job, count in batch]
        self._batch = tuple(job for job, _ in batch)
        outcome = self._context.decode(parts)
        self._batch = ()
        if outcome is Outcome.DONE:
            self._count(batch, now)
            row = -1
            for (job, _), part in zip(batch, parts, strict=True):
                row += len(part.tokens)
                self._advance(job, part, row)
        else:
            self._recover(outcome, [job for job, _ in batch])
        return True

    @staticmethod
    def _part(job: Job, count: int) -> Part:
        assert job.slot is not None  # noqa: S101  (it runs; for the type checker)
        whole = count == len(job.pending)
        return Part(job.slot.sequence, len(job.slot.tokens), job.pending[:count], wants_next=whole)

    def _count(self, batch: list[tuple[Job, int]], began: float) -> None:
        """Keep the books of a step, and how fast prompts are computed."""
        now = time.monotonic()
        self.stats.batches += 1
        self.stats.sequences_computed += len(batch)
        for job, _ in batch:
            if job.computed_at is None:
                self.stats.wait_seconds += began - job.came_at
            job.computed_at = now
        tokens = sum(count for job, count in batch if job.in_prompt)
        self.stats.prompt_tokens += tokens
        if tokens >= MIN_PIECE and now > began:
            self._speed += (tokens / (now - began) - self._speed) / 2

    def _advance(self, job: Job, part: Part, row: int) -> None:
        """A part is computed: remember it, and take the next token if the prompt is complete."""
        assert job.slot is not None  # noqa: S101  (it was in the batch)
        assert job.sampler is not None  # noqa: S101
        before = len(job.slot.tokens)
        job.slot.tokens += part.tokens
        del job.pending[: len(part.tokens)]
        if before < job.prompt.shared <= len(job.slot.tokens):
            self._memory.keep(job.slot, job.prompt.shared)
        if not part.wants_next or job.cancelled:
            return
        if not job.max_tokens:
            self._end(job, None)
            return
        token = self._context.sample(job.sampler, row)
        if self._model.ends_generation(token):
            self._end(job, None)
            return
        job.generated += 1
        self.stats.reply_tokens += 1
        job.pending = [token]
        piece = job.decoder.decode(self._model.piece(token))
        if piece:
            job.emit(piece)
        if job.generated >= job.max_tokens:
            job.cut = True
            self._end(job, None)

    def _recover(self, outcome: Outcome, batch: list[Job]) -> None:
        """Put the memory back to what the slots know, and mend what can be mended."""
        for job in batch:
            assert job.slot is not None  # noqa: S101  (it was in the batch)
            before = list(job.slot.tokens)
            self._memory.truncate(job.slot, len(before), force=True)
            job.pending = before[len(job.slot.tokens) :] + job.pending
        if outcome is Outcome.NO_ROOM and not self._memory.make_room():
            least = max(batch, key=lambda job: (job.urgency, job.came_at))
            self._fail(least, EngineError("llm: the context is full", "raise llm.context_tokens or take fewer calls"))
        elif outcome is Outcome.FAILED:
            for job in batch:
                self._fail(job, EngineError("llm: llama.cpp could not compute a batch"))

    def _end(self, job: Job, result: EngineError | None) -> None:
        self._running.remove(job)
        if job.slot:
            job.slot.busy = False
        if job.sampler:
            job.sampler.close()
        self.stats.failed += result is not None
        job.emit(result)

    def _fail(self, job: Job, error: EngineError) -> None:
        assert job.slot is not None  # noqa: S101  (it was in the batch)
        log.warning("a reply failed", extra={"sequence": job.slot.sequence, "reason": error.message})
        self._memory.truncate(job.slot, 0)
        self._end(job, error)

    def _release(self, owner: object) -> None:
        for job in [job for job in self._running if job.owner is owner]:
            self._end(job, None)
        self._memory.release(owner)
