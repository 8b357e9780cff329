"""What is known of the caller's turn while it is being heard. Pure data."""

from dataclasses import dataclass


@dataclass(slots=True)
class CallerTurn:
    """One turn, from its first word on; the turn machine's memory of it."""

    onset: float = 0.0
    """When it began, in audio time."""
    end: float = 0.0
    """When the latest speech of it ended, in audio time."""
    interrupted: bool = False
    """It stopped the agent."""
    words: str | None = None
    """The transcript at the latest pause; None while it is not known."""
    silence_seconds: float = 0.0
    """How much silence ends the turn after these words."""
    drafts: int = 0
    """How often a reply to it was drafted."""

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.onset
