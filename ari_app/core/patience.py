"""How long the agent asks again when no words come from the caller. Pure."""

from ari_app.settings import AgentSettings, TurnSettings


class Patience:
    """Counts reprompts and misunderstandings in a row."""

    def __init__(self, agent: AgentSettings, turn: TurnSettings) -> None:
        self._phrases = agent.phrases
        self._reprompts = turn.reprompts
        self._misses = 0

    def restored(self) -> None:
        """The caller said something."""
        self._misses = 0

    def reprompt(self) -> str:
        """What to ask after silence; each time something else."""
        phrases = self._phrases.reprompts
        return phrases[self._misses % len(phrases)] if phrases else self._phrases.not_understood

    def lost(self) -> bool:
        """One more miss; whether it was one too many."""
        self._misses += 1
        return self._misses > self._reprompts
