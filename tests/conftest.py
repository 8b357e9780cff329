"""For all kinds of tests."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """For what sets up the program's logging, as its commands do: later tests find what they had."""
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:] = kept
    root.setLevel(level)
    for name in ("ari_app", "agi"):
        logging.getLogger(name).setLevel(logging.NOTSET)
