"""The tools an agent may call, as the model sees them. What they do, the turn machine decides."""

from collections.abc import Mapping
from typing import Any

from ari_app.core.agent_turn import HANG_UP, TRANSFER
from ari_app.core.dialogue import ToolSpec
from ari_app.settings import AgentSettings


def tool_specs(agent: AgentSettings) -> tuple[ToolSpec, ...]:
    """`hang_up` always; `transfer` when the agent has destinations, and only to those."""
    hang_up = ToolSpec(
        HANG_UP,
        "End the call, after the caller has said goodbye and you have said goodbye.",
        {"type": "object", "properties": {}, "required": []},
    )
    if not agent.transfers:
        return (hang_up,)
    transfer = ToolSpec(
        TRANSFER,
        "Connect the caller to a person or department.",
        {
            "type": "object",
            "properties": {"to": {"type": "string", "enum": sorted(agent.transfers)}},
            "required": ["to"],
        },
    )
    return (transfer, hang_up)


def tool_result(agent: AgentSettings, name: str, arguments: Mapping[str, Any]) -> str:
    """What comes of a call of a tool, in words for the store."""
    if name == HANG_UP:
        return "accepted"
    if name == TRANSFER:
        to = str(arguments.get("to", ""))
        return f"accepted: {agent.transfers[to]}" if to in agent.transfers else "refused: no such destination"
    return "refused: no such tool"
