"""OFFHOOK_FACTS: what the dialplan knows about a call, as text and as a mapping. Pure.

Two forms are read: a JSON object, or ``name=value;name=value``. In the second, ``\\;`` is a semicolon inside a value
and ``\\\\`` a backslash.
"""

import json
import re
from collections.abc import Mapping

MAX_CHARACTERS = 8192
"""Longer facts are cut: they are prompt, and every token of it costs time in the call."""


def parse_facts(text: str) -> dict[str, str]:
    """Read facts; whatever has no name is kept under ``note``, so nothing the admin sends is lost."""
    text = text.strip()[:MAX_CHARACTERS]
    if text.startswith("{"):
        try:
            loaded = json.loads(text)
        except ValueError:
            loaded = None
        if isinstance(loaded, dict):
            return {str(name): _as_text(value) for name, value in loaded.items()}
    facts: dict[str, str] = {}
    for part in re.findall(r"((?:[^;\\]|\\.|\\$)+)", text, re.DOTALL):
        name, equals, value = part.partition("=")
        if not part.strip():
            continue
        if not equals:
            name, value = "note", part
        facts[name.strip() or "note"] = re.sub(r"\\([\\;])", r"\1", value.strip())
    return facts


def format_facts(facts: Mapping[str, str]) -> str:
    """Write facts in the ``name=value;…`` form that `parse_facts` reads."""
    return ";".join(f"{name}={_escape(value)}" for name, value in facts.items())


def _escape(value: str) -> str:
    return re.sub(r"([;\\])", r"\\\1", value)


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
