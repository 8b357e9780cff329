"""From messages and tools to the text that a model was trained on, by the chat template in its GGUF.

What a caller said must never act as template or as a control token. So the template is rendered with a placeholder for
every message's text, and the result comes back in pieces: scaffolding, in which control tokens count, and contents, in
which they are plain text. Templates differ in what they understand; each is tried once with small conversations, and
what it cannot express is said in a way that it can.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, NoReturn

from jinja2 import TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ari_app.core.dialogue import Message, ToolSpec
from ari_app.errors import ModelError

RING = Message("user", "(The phone rings.)")
"""Said for the caller where a template insists that the user speaks first."""
PLACEHOLDER = "@@offhook-{}@@"
"""Stands for a message's text while the template is rendered: ASCII, so that no filter of a template changes it."""
PLACEHOLDERS = re.compile(r"@@offhook-(\d+)@@")
HERMES = """# Tools

You may call one of these functions:
<tools>
{tools}
</tools>

To call one, write a JSON object with its name and arguments within <tool_call></tool_call> tags:
<tool_call>
{{"name": <name>, "arguments": <arguments>}}
</tool_call>"""
"""How tools are told to a model whose template knows none (the format of Nous Research's Hermes models)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of the prompt's text."""

    text: str
    role: str | None
    """Whose words these are, in which control tokens are plain text; None for the template's own."""


class ChatTemplate:
    """A model's chat template, and what it can express."""

    def __init__(self, source: str, bos: str = "", eos: str = "", now: Callable[[], datetime] = datetime.now) -> None:
        """Compile and try it; `now` is for templates that tell the date. Raises ModelError."""
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = lambda pattern: now().strftime(pattern)
        try:
            self._template = environment.from_string(source)
            variables = meta.find_undeclared_variables(environment.parse(source))
        except TemplateError as error:
            raise ModelError(
                f"the LLM's chat template is broken: {error}", "take another GGUF of this model"
            ) from error
        self._tokens = {"bos_token": bos, "eos_token": eos}
        # A template may also take the tools and not list them: its model knows its tools by heart.
        self._takes_tools = "tools" in variables
        self._takes_system = self._shows("system", "user")
        self._takes_tool_results = self._shows("user", "assistant", "tool")
        self._alternates = not (self._shows("assistant", "user") and self._shows("user", "user"))
        if not self._shows("user"):
            raise ModelError(
                "the LLM's chat template does not show the user's message", "take a chat or instruct model"
            )

    def pieces(self, messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> list[Piece]:
        """The prompt for the assistant's next message. Raises ModelError when the template refuses these messages."""
        adapted = self._adapt(messages, tools)
        try:
            return self._render(adapted, tools)
        except TemplateError as error:
            raise ModelError(f"the LLM's chat template refuses this conversation: {error}") from error

    def _render(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[Piece]:
        masked = [{"role": m.role, "content": PLACEHOLDER.format(i)} for i, m in enumerate(messages)]
        text = self._template.render(
            messages=masked,
            tools=[_as_function(tool) for tool in tools] if tools and self._takes_tools else None,
            add_generation_prompt=True,
            enable_thinking=False,  # a caller waits for every token
            **self._tokens,
        )
        parts = PLACEHOLDERS.split(text)  # scaffolding, number, scaffolding, number, …, scaffolding
        pieces = [
            Piece(messages[int(part)].content.strip(), messages[int(part)].role) if i % 2 else Piece(part, None)
            for i, part in enumerate(parts)
        ]
        return [piece for piece in pieces if piece.text]

    def _shows(self, *roles: Any) -> bool:
        """Whether the template takes messages of these roles, and shows each one's text."""
        messages = [Message(role, f"{role} {i}") for i, role in enumerate(roles)]
        try:
            shown = {piece.text for piece in self._render(messages, ()) if piece.role}
        except TemplateError:
            return False
        return shown == {message.content for message in messages}

    def _adapt(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[Message]:
        """The same conversation in terms of this template."""
        result = list(messages)
        if tools and not self._takes_tools:
            listed = "\n".join(_to_json(_as_function(tool)) for tool in tools)
            result = _with_system(result, HERMES.format(tools=listed))
        if not self._takes_tool_results:
            result = [
                Message("user", f"<tool_response>\n{m.content}\n</tool_response>") if m.role == "tool" else m
                for m in result
            ]
        if self._alternates:
            body = 1 if result and result[0].role == "system" else 0
            if len(result) > body and result[body].role == "assistant":
                result.insert(body, RING)
            result = _merge_neighbours(result)
        if not self._takes_system and len(result) > 1 and result[0].role == "system":
            result[:2] = [Message(result[1].role, f"{result[0].content}\n\n{result[1].content}")]
        return result


def _with_system(messages: list[Message], addition: str) -> list[Message]:
    if messages and messages[0].role == "system":
        return [Message("system", f"{messages[0].content}\n\n{addition}"), *messages[1:]]
    return [Message("system", addition), *messages]


def _merge_neighbours(messages: list[Message]) -> list[Message]:
    merged = messages[:1]
    for before, message in pairwise(messages):
        if message.role == before.role:
            merged[-1] = Message(message.role, f"{merged[-1].content}\n{message.content}")
        else:
            merged.append(message)
    return merged


def _as_function(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)
