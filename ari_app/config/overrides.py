"""Settings given beside the file, as ``section.key=value``: laid over the parsed document before it is checked."""

from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from ari_app.errors import ConfigError

_NULL = "tag:yaml.org,2002:null"
_NO_LINE = -1
"""Where the overrides stand in the file; marks count from 0, messages from 1, and 0 is no line."""


@dataclass(frozen=True, slots=True)
class Override:
    """One setting that is to be another than in the file."""

    key: str
    """Dotted, as in messages: ``turn.endpoint_ms``, ``agents.receptionist.greeting``."""
    value: str
    """What would stand behind the colon in the file."""


def lay_over(document: yaml.Node | None, overrides: Sequence[Override]) -> yaml.Node | None:
    """The document with the overrides in it; one that is no section at all stays as it is, for the check to say so.

    Raises ConfigError for a value that is no YAML.
    """
    for override in overrides:
        value = _value(override)
        document = document or _section(value)
        if isinstance(document, yaml.MappingNode):
            _put(document, override.key.split("."), value)
    return document


def _put(section: yaml.MappingNode, path: Sequence[str], value: yaml.Node) -> None:
    name, *rest = path
    pair = next((pair for pair in section.value if pair[0].value == name), None)
    if rest and pair is not None and isinstance(pair[1], yaml.MappingNode):
        _put(pair[1], rest, value)
        return
    for inner in reversed(rest):
        value = _section(value, (_name(inner, value), value))
    section.value = [other for other in section.value if other is not pair]
    section.value.append((_name(name, value), value))


def _value(override: Override) -> yaml.Node:
    loader = yaml.SafeLoader(override.value)
    loader.line = _NO_LINE
    try:
        node: yaml.Node | None = loader.get_single_node()
    except yaml.YAMLError as error:
        raise ConfigError(
            "the value is not valid YAML", "quote texts that hold : # [ ] { } or *", key=override.key
        ) from error
    finally:
        loader.dispose()
    nowhere = yaml.Mark("", 0, _NO_LINE, 0, None, 0)
    return node or yaml.ScalarNode(_NULL, "", nowhere, nowhere)


def _name(name: str, like: yaml.Node) -> yaml.Node:
    return yaml.ScalarNode("tag:yaml.org,2002:str", name, like.start_mark, like.end_mark)


def _section(like: yaml.Node, *pairs: tuple[yaml.Node, yaml.Node]) -> yaml.MappingNode:
    return yaml.MappingNode("tag:yaml.org,2002:map", list(pairs), like.start_mark, like.end_mark)
