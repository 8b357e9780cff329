"""What the dialplan asks for: the arguments of Stasis() and the OFFHOOK_* variables of the channel. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ari_app.core.facts import parse_facts
from ari_app.settings import AgentSettings

INPUTS = ("OFFHOOK_AGENT", "OFFHOOK_FACTS", "OFFHOOK_LANGUAGE", "OFFHOOK_GREETING", "OFFHOOK_MAX_SECONDS")
"""The variables that are read when a call arrives."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """One call's wishes, before the configured agent is looked up."""

    agent: str
    """Name of the agent; empty when the dialplan named none."""
    facts: dict[str, str] = field(default_factory=dict)
    """What is known of the call: OFFHOOK_FACTS, then the ``name=value`` arguments of Stasis()."""
    language: str = ""
    greeting: str = ""
    max_seconds: int | None = None

    def adapt(self, agent: AgentSettings) -> AgentSettings:
        """The agent as this call wants it."""
        return replace(
            agent,
            language=self.language or agent.language,
            greeting=self.greeting or agent.greeting,
            max_seconds=self.max_seconds or agent.max_seconds,
        )


def read_request(args: Sequence[str], variables: Mapping[str, str]) -> CallRequest:
    """Put arguments and variables together; the agent's name comes from the first argument or OFFHOOK_AGENT.

    A number that is none is ignored: the call matters more than its limit.
    """
    facts = parse_facts(variables.get("OFFHOOK_FACTS", ""))
    for argument in args[1:]:
        facts.update(parse_facts(argument))
    seconds = variables.get("OFFHOOK_MAX_SECONDS", "").strip()
    return CallRequest(
        agent=(args[0] if args else "").strip() or variables.get("OFFHOOK_AGENT", "").strip(),
        facts=facts,
        language=variables.get("OFFHOOK_LANGUAGE", "").strip(),
        greeting=variables.get("OFFHOOK_GREETING", "").strip(),
        max_seconds=int(seconds) if re.fullmatch("0*[1-9][0-9]{0,5}", seconds, re.ASCII) else None,
    )
