"""What calls leave behind does not pile up, though the garbage collector leaves alone what was there before them."""

import gc
import weakref
from collections import deque

import pytest

from ari_app import app


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
    app._freeze()
    live = deque(maxlen=20)  # for long enough to be taken for something that stays
    live.append(Call())
    first = weakref.ref(live[0])
    for _ in range(80):
        live.append(Call())
    assert first() is None
    assert len(many_that_stay) == 300_000
