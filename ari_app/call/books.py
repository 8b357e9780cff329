"""Where a call's turns go, and who looks at them on their way there."""

from collections.abc import Callable
from typing import Protocol

from ari_app.store.records import ToolRecord, TurnRecord


class Books(Protocol):
    """What a call needs of a `Store`."""

    def turn(self, record: TurnRecord) -> None:
        """A turn is over."""

    def tool_call(self, record: ToolRecord) -> None:
        """The model has called a tool."""


class WatchedBooks:
    """Others' books; `answered` is told how long each caller has waited, in ms."""

    def __init__(self, books: Books, answered: Callable[[float], None]) -> None:
        self._books = books
        self._answered = answered

    def turn(self, record: TurnRecord) -> None:
        """See Books."""
        self._books.turn(record)
        if record.gap_ms is not None:
            self._answered(record.gap_ms)

    def tool_call(self, record: ToolRecord) -> None:
        """See Books."""
        self._books.tool_call(record)
