"""`escalate`: what a menu knows of its caller, given to the agent that takes over.

::

    same => n,AGI(agi://127.0.0.1:4573/escalate,main/billing,${DIGITS},three invalid entries)
    same => n,Gosub(offhook,s,1(receptionist))

adds ``menu``, ``digits`` and ``reason`` to OFFHOOK_FACTS; facts that are there already are kept.
"""

from agi.call import AgiCall
from ari_app.core.facts import format_facts, parse_facts

FACTS = ("menu", "digits", "reason")
"""By the position of the argument."""


async def escalate(call: AgiCall) -> None:
    """Add the arguments that were given to OFFHOOK_FACTS. Raises CallEnded."""
    given = {name: value for number, name in enumerate(FACTS, 1) if (value := call.argument(number))}
    known = parse_facts(await call.variable("OFFHOOK_FACTS"))
    await call.set_variable("OFFHOOK_FACTS", format_facts(known | given))
