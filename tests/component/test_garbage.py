"""What calls leave behind does not pile up, though the garbage collector leaves alone what was there before them."""

import gc
import os
import weakref
from collections import deque
from pathlib import Path

import pytest

from ari_app import garbage
from tests.component.call.office import Office, office_test


class Call:
    """In a cycle with as many objects as a call's session has."""

    def __init__(self):
        self.parts = [[self] for _ in range(800)]


@pytest.fixture
def collector():
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_calls_that_are_over_do_not_pile_up(collector):
    many_that_stay = [[] for _ in range(300_000)]
    garbage.freeze()
    live = deque(maxlen=20)  # for long enough to be taken for something that stays
    live.append(Call())
    first = weakref.ref(live[0])
    for _ in range(80):
        live.append(Call())
    assert first() is None
    assert len(many_that_stay) == 300_000


def test_what_was_freed_is_given_back(collector):
    """Small pieces of which the last is kept: the heap's end is still in use."""
    pieces = [bytearray(60_000) for _ in range(2000)]
    kept, full = pieces[-1], resident_bytes()
    del pieces
    garbage.give_back()
    assert resident_bytes() < full - 100_000_000
    assert len(kept) == 60_000


@office_test
async def test_when_the_last_call_is_over_there_is_time_to_tidy_up():
    idle = []
    async with Office([], []).open() as office:
        office.stasis._when_idle = lambda: idle.append(office.stasis.live_calls)
        office.ari.arrive()
        office.ari.arrive("2.2")
        await office.until(lambda: len(office.media.wires) == 2)
        office.ari.leave("2.2")
        await office.until(lambda: office.stasis.live_calls == 1)
        assert idle == []
        office.ari.leave()
        await office.idle()
    assert idle == [0]


def resident_bytes():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
