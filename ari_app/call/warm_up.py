"""What is computed before the first call, so that no caller waits for it: system prompts and fixed sentences."""

from ari_app.call.prompts import Prompts
from ari_app.call.tools import tool_specs
from ari_app.core.dialogue import Dialogue
from ari_app.engines.base import Llm
from ari_app.settings import Settings


async def prefill(settings: Settings, llm: Llm) -> None:
    """Have every agent's system prompt and greeting computed: its first call then waits no longer than others."""
    for agent in settings.agents.values():
        dialogue = Dialogue(agent.prompt)
        dialogue.agent_said(agent.greeting)
        dialogue.caller_said("hello")
        conversation = llm.conversation()
        try:
            async for _ in conversation.reply(dialogue.messages(), tool_specs(agent), max_tokens=1):
                pass
        finally:
            await conversation.close()


async def prepare(settings: Settings, prompts: Prompts, rate: int) -> None:
    """Synthesize every fixed sentence, so that none waits and an apology needs no engine."""
    for agent in settings.agents.values():
        phrases = agent.phrases
        for text in (
            agent.disclosure,
            agent.greeting,
            *phrases.fillers,
            *phrases.reprompts,
            phrases.not_understood,
            phrases.goodbye,
            phrases.time_is_up,
            phrases.apology,
            phrases.cannot_transfer,
        ):
            if text.strip():
                await prompts.prepare(text, agent.language, rate)
