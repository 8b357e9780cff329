"""The scheduler's rules, with a context that computes nothing and remembers everything."""

import queue
import threading
import time

import pytest

from ari_app.engines.base import Urgency
from ari_app.engines.llama import Outcome
from ari_app.engines.llm_memory import SHELF, Prompt
from ari_app.engines.llm_plan import SHARED_SECONDS
from ari_app.engines.llm_scheduler import FIRST_SPEED, Job, Scheduler
from ari_app.errors import EngineError

END = 0


class FakeModel:
    """Its tokens are numbers; a token's text is the number. It counts on from the last one and ends at a hundred."""

    def __init__(self, shares_prefixes=True):
        self.shares_prefixes = shares_prefixes

    def piece(self, token):
        return f"{token} ".encode()

    def ends_generation(self, token):
        return token == END


class FakeContext:
    """What each sequence holds, and what each batch was. `outcomes` are taken before a batch counts as done."""

    def __init__(self, forgets_parts=True):
        self.held = {}
        self.batches = []
        self.outcomes = queue.SimpleQueue()
        self.forgets_parts = forgets_parts
        self.entered, self.go = threading.Event(), threading.Event()
        self.go.set()
        self.aborted = 0

    def decode(self, parts):
        self.entered.set()
        self.go.wait(10)
        self.batches.append(parts)
        outcome = self.outcomes.get() if not self.outcomes.empty() else Outcome.DONE
        for part in parts:
            held = self.held.setdefault(part.sequence, [])
            assert part.position == len(held), "a gap, or tokens that are there already"
            held += part.tokens  # an aborted batch may leave all of it behind
        self.rows = [held_by for part in parts for held_by in [part.sequence] * len(part.tokens)]
        return outcome

    def sample(self, sampler, row):
        following = self.held[self.rows[row]][-1] + 1
        return END if following % 100 == 0 else following

    def truncate(self, sequence, length):
        held = self.held.setdefault(sequence, [])
        if not self.forgets_parts and length > 0:
            return False
        del held[length:]
        return True

    def copy(self, source, target, begin, end):
        assert len(self.held.setdefault(target, [])) == begin
        self.held[target] += self.held[source][begin:end]

    def abort(self):
        self.aborted += 1


class Reply:
    """A job of one owner, and what came of it."""

    def __init__(self, owner, tokens, shared=0, max_tokens=50, urgency=Urgency.FIRST_CLAUSE):
        self.pieces = queue.SimpleQueue()
        self.job = Job(owner, Prompt(list(tokens), shared), max_tokens, 0.0, self.pieces.put, urgency=urgency)

    def text(self):
        said = ""
        while isinstance(piece := self.pieces.get(timeout=10), str):
            said += piece
        if piece is not None:
            raise piece
        return said.split()


@pytest.fixture
def make():
    made = []

    def scheduler(sequences=4, context=None, model=None):
        context = context or FakeContext()
        made.append(Scheduler(model or FakeModel(), context, sequences))
        return made[-1], context

    yield scheduler
    for one in made:
        one.stop()


def run(scheduler, context, *replies):
    """Submit all before the first batch is computed."""
    gate = threading.Event()
    scheduler._commands.put(lambda: gate.wait(10))
    for reply in replies:
        scheduler.submit(reply.job)
    gate.set()


def test_a_reply_counts_on_to_its_end(make):
    scheduler, context = make()
    reply = Reply("a", [5, 6, 95])
    run(scheduler, context, reply)
    assert reply.text() == ["96", "97", "98", "99"]
    assert [len(parts[0].tokens) for parts in context.batches] == [3, 1, 1, 1, 1]
    assert (scheduler.stats.prompt_tokens, scheduler.stats.reply_tokens) == (3, 4)


def test_long_prompts_come_in_pieces_beside_a_reply(make):
    scheduler, context = make()
    talking, reading = Reply("b", [101], max_tokens=90), Reply("c", [*[2] * 99, 290], max_tokens=3)
    run(scheduler, context, talking, reading)
    assert reading.text() == ["291", "292", "293"]
    assert len(talking.text()) == 90
    pieces = [part.tokens for parts in context.batches for part in parts if 2 in part.tokens]
    assert sum(map(len, pieces)) == 100
    assert len(pieces[0]) <= FIRST_SPEED * SHARED_SECONDS  # how fast this box is, is not known yet
    assert len(context.batches[0]) == 2  # a batch mixes them


def test_who_reads_along_makes_way_for_a_reply_at_once(make):
    scheduler, context = make()
    context.go.clear()
    reading = Reply("a", [*[1] * 40, 98], max_tokens=0, urgency=Urgency.BACKGROUND)
    run(scheduler, context, reading)
    context.entered.wait(10)
    reply = Reply("b", [3, 298])
    scheduler.submit(reply.job)
    assert context.aborted == 1
    context.outcomes.put(Outcome.ABORTED)
    context.go.set()
    assert reply.text() == ["299"]
    assert reading.text() == []
    order = [[part.sequence for part in parts] for parts in context.batches]
    first = order.index([1])
    assert order[:first] == [[0]]  # what was aborted
    assert order[first + 1 :].count([0]) >= 1  # and is computed later


def test_what_a_conversation_has_read_is_not_thrown_away_when_its_own_reply_comes(make):
    scheduler, context = make()
    context.go.clear()
    reading = Reply("a", [1, 2, 98], max_tokens=0, urgency=Urgency.BACKGROUND)
    run(scheduler, context, reading)
    context.entered.wait(10)
    scheduler.cancel(reading.job)
    reply = Reply("a", [1, 2, 98])
    scheduler.submit(reply.job)
    assert context.aborted == 0
    context.go.set()
    assert reply.text() == ["99"]
    assert scheduler.stats.prompt_tokens == 3 + 1


def test_the_statistics(make):
    scheduler, context = make()
    system = list(range(101, 151))
    replies = [Reply(owner, [*system, last], shared=50) for owner, last in (("a", 97), ("b", 297))]
    run(scheduler, context, *replies)
    for reply in replies:
        reply.text()
    stats = scheduler.stats
    assert (stats.jobs, stats.waiting, stats.reply_tokens) == (2, 0, 4)
    assert (stats.prompt_tokens, stats.cached_tokens) == (52, 50)
    assert stats.batches == len(context.batches)
    assert stats.sequences_computed == sum(map(len, context.batches))
    assert stats.wait_seconds > 0


def test_the_next_turn_computes_what_is_new(make):
    scheduler, context = make()
    first = Reply("a", [*range(1, 40), 95])
    run(scheduler, context, first)
    first.text()
    before = scheduler.stats.prompt_tokens
    second = Reply("a", [*range(1, 40), 95, 96, 97, 98, 99, 7, 197])
    run(scheduler, context, second)
    assert second.text() == ["198", "199"]
    assert scheduler.stats.prompt_tokens - before == 2


def test_the_same_prompt_again_computes_its_last_token(make):
    scheduler, context = make()
    for spent in (30, 31):
        reply = Reply("a", [*range(1, 30), 98])
        run(scheduler, context, reply)
        assert reply.text() == ["99"]
        assert scheduler.stats.prompt_tokens == spent


def test_what_begins_together_with_the_same_prefix_computes_it_once(make):
    scheduler, context = make()
    system = list(range(101, 151))
    replies = [Reply(owner, [*system, last], shared=50) for owner, last in (("a", 97), ("b", 297), ("c", 397))]
    run(scheduler, context, *replies)
    assert [reply.text() for reply in replies] == [["98", "99"], ["298", "299"], ["398", "399"]]
    assert scheduler.stats.prompt_tokens == 50 + 3


def test_what_is_shared_outlives_its_call(make):
    scheduler, context = make(sequences=1)
    first = Reply("a", [*range(1, 41), 66, 98], shared=40)
    run(scheduler, context, first)
    first.text()
    scheduler.release("a")
    second = Reply("b", [*range(1, 41), 66, 98], shared=40)
    run(scheduler, context, second)
    assert second.text() == ["99"]
    assert scheduler.stats.prompt_tokens == 42 + 2


@pytest.mark.parametrize("forgets_parts", [True, False])
def test_an_aborted_batch_is_computed_again_from_what_is_known(forgets_parts, make):
    scheduler, context = make(context=FakeContext(forgets_parts), model=FakeModel(shares_prefixes=forgets_parts))
    for outcome in (Outcome.DONE, Outcome.ABORTED, Outcome.DONE, Outcome.ABORTED):
        context.outcomes.put(outcome)
    replies = [Reply("a", [1, 2, 95]), Reply("b", [3, 4, 295])]
    run(scheduler, context, *replies)
    assert [reply.text() for reply in replies] == [["96", "97", "98", "99"], ["296", "297", "298", "299"]]
    assert len(context.batches) == 7  # five, and two once more


def test_cancelling_the_only_reply_aborts_its_batch_and_keeps_what_was_computed(make):
    scheduler, context = make()
    context.go.clear()
    reply = Reply("a", [1, 2, 3, 10])
    run(scheduler, context, reply)
    context.entered.wait(10)
    scheduler.cancel(reply.job)
    assert context.aborted == 1
    context.go.set()
    assert reply.text() == []
    after = Reply("a", [1, 2, 3, 98])
    run(scheduler, context, after)
    assert after.text() == ["99"]
    assert scheduler.stats.prompt_tokens == 4 + 1


def test_without_room_idle_slots_are_emptied_first(make):
    scheduler, context = make(sequences=2)
    idle = Reply("a", [1, 98])
    run(scheduler, context, idle)
    idle.text()
    context.outcomes.put(Outcome.NO_ROOM)
    reply = Reply("b", [3, 298])
    run(scheduler, context, reply)
    assert reply.text() == ["299"]
    again = Reply("a", [1, 98])
    run(scheduler, context, again)
    assert again.text() == ["99"]


def test_without_room_at_all_the_newest_reply_fails_and_the_others_go_on(make):
    scheduler, context = make()
    for outcome in (Outcome.DONE, Outcome.NO_ROOM):
        context.outcomes.put(outcome)
    older, newest = Reply("a", [1, 95]), Reply("b", [3, 295])
    run(scheduler, context, older, newest)
    assert older.text() == ["96", "97", "98", "99"]
    with pytest.raises(EngineError, match="the context is full"):
        newest.text()
    again = Reply("b", [3, 298])
    run(scheduler, context, again)
    assert again.text() == ["299"]


def test_a_batch_that_cannot_be_computed_fails_its_replies_only(make):
    scheduler, context = make()
    context.outcomes.put(Outcome.FAILED)
    failing = Reply("a", [1, 95])
    run(scheduler, context, failing)
    with pytest.raises(EngineError, match="could not compute"):
        failing.text()
    after = Reply("a", [1, 98])
    run(scheduler, context, after)
    assert after.text() == ["99"]
    assert scheduler.stats.failed == 1


def test_without_room_who_nobody_waits_for_fails_first(make):
    scheduler, context = make()
    for outcome in (Outcome.DONE, Outcome.NO_ROOM):
        context.outcomes.put(outcome)
    reply, reading = Reply("a", [1, 95]), Reply("b", [3, 295], max_tokens=0, urgency=Urgency.BACKGROUND)
    reply.job.came_at = reading.job.came_at = time.monotonic() - 3600  # both starve: they share every step
    run(scheduler, context, reading, reply)
    assert reply.text() == ["96", "97", "98", "99"]


@pytest.mark.parametrize("agents", [1, 3, SHELF])
def test_each_agents_prompt_is_computed_once_however_many_call_and_wherever_it_was(agents, make):
    scheduler, context = make(sequences=16)
    prompts = [[1000 * agent + token for token in range(1, 61)] for agent in range(1, agents + 1)]
    for _ in range(3):  # all sequences are taken by one agent's calls, then by another's
        for prompt in prompts:
            replies = [Reply(object(), [*prompt, 100 * call + 198], shared=60) for call in range(16)]
            run(scheduler, context, *replies)
            assert [reply.text() for reply in replies] == [[str(100 * call + 199)] for call in range(16)]
            for reply in replies:
                scheduler.release(reply.job.owner)
    assert scheduler.stats.prompt_tokens == agents * (60 + 3 * 16)


def test_the_prompt_that_was_used_longest_ago_is_forgotten_first(make):
    scheduler, context = make()
    prompts = [[1000 * agent + token for token in range(1, 61)] for agent in range(1, SHELF + 2)]
    for prompt in (*prompts[:SHELF], prompts[0], prompts[SHELF]):
        reply = Reply("a", [*prompt, 198], shared=60)
        run(scheduler, context, reply)
        reply.text()
        scheduler.release("a")
    for prompt, known in ((prompts[0], True), (prompts[SHELF], True), (prompts[1], False)):
        before = scheduler.stats.prompt_tokens
        reply = Reply("a", [*prompt, 198], shared=60)
        run(scheduler, context, reply)
        reply.text()
        scheduler.release("a")
        assert scheduler.stats.prompt_tokens - before == (1 if known else 61)


def test_a_reply_of_a_new_conversation_waits_for_a_slot(make):
    scheduler, context = make(sequences=1)
    first, second = Reply("a", [1, 90]), Reply("b", [1, 298])
    run(scheduler, context, first, second)
    assert len(first.text()) == 9
    scheduler.release("a")
    assert second.text() == ["299"]


def test_a_thread_that_dies_tells_who_waits(make, caplog):
    scheduler, context = make()
    context.sample = lambda sampler, row: 1 // 0
    reply = Reply("a", [1, 95])
    run(scheduler, context, reply)
    with pytest.raises(EngineError, match="its thread failed: ZeroDivisionError"):
        reply.text()
    scheduler._thread.join(10)
    later = Reply("a", [1, 95])
    scheduler.submit(later.job)
    with pytest.raises(EngineError, match="is closed"):
        later.text()
    assert "the language model's thread failed" in caplog.text


def test_stop_ends_running_and_waiting_replies(make):
    scheduler, context = make(sequences=1)
    context.go.clear()
    running, waiting = Reply("a", [1, 2]), Reply("b", [3, 4])
    run(scheduler, context, running, waiting)
    stopping = threading.Thread(target=scheduler.stop)
    stopping.start()
    context.go.set()
    stopping.join(10)
    for reply in (running, waiting):
        with pytest.raises(EngineError, match="is closed"):
            reply.text()
