"""How much silence ends a caller's turn. Pure.

::

    caller     my number is            I'd like a cleaning        tomorrow at nine
               ████████████            ██████████████████         ████████████████
    ends turn              ···········╎                  ···╎                     ··╎
                         endpoint_max_ms         endpoint_ms       endpoint_min_ms
                               OPEN                UNCLEAR               COMPLETE

    judge: silence      always endpoint_ms
    judge: text         as drawn
    judge: smart-turn   the acoustic model shortens what is UNCLEAR and lengthens what it finds unfinished; OPEN stays
"""

from ari_app.core.completeness import Ending, ending
from ari_app.settings import AgentSettings, TurnSettings, endpoints

_FINISHED = 0.5
"""Probability from which the acoustic judge says that the caller has finished: what the model was trained to."""


class EndOfTurn:
    """The policy of one agent."""

    def __init__(self, agent: AgentSettings, turn: TurnSettings) -> None:
        self._judge = turn.judge
        self._language = agent.language
        self._shortest, self._usual, self._longest = (ms / 1000 for ms in endpoints(agent, turn))

    def silence_seconds(self, text: str, complete: float | None, asked: str, *, sure: bool = True) -> float:
        """Silence in seconds, from the end of speech, after which the turn is over.

        `text` is what the caller has said in this turn, `complete` the acoustic judge's probability that it is all of
        it (None: not asked, or it failed), `asked` what the agent said before, `sure` whether the words are certain:
        models make up endings of sentences that were broken off.
        """
        if self._judge == "silence":
            return self._usual
        how = ending(text, asked, self._language)
        if how is Ending.OPEN:
            return self._longest
        if self._judge == "smart-turn" and complete is not None:
            return self._by_sound(complete, how)
        return self._shortest if how is Ending.COMPLETE and sure else self._usual

    def _by_sound(self, complete: float, how: Ending) -> float:
        if complete >= _FINISHED:
            return self._shortest
        if how is Ending.COMPLETE:
            return self._usual
        return self._longest - (self._longest - self._usual) * complete / _FINISHED
