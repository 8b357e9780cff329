"""A YAML document as frozen dataclasses: types, bounds and choices checked, every mistake with its key and line.

Knows nothing of Offhook's own settings: names, types and defaults come from the dataclass, ``low`` and ``high`` from a
field's metadata. Values of text fields are never repeated in a message, since they may be passwords.
"""

import difflib
import math
import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml

from ari_app.config.overrides import Override, lay_over
from ari_app.errors import ConfigError

T = TypeVar("T")

_BAD = object()
"""Stands for a value that was wrong: its field keeps the default, so that the rest can still be checked."""
_TAG = "tag:yaml.org,2002:"
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_Metadata = types.MappingProxyType[Any, Any]
_NO_METADATA: _Metadata = types.MappingProxyType({})


class TreeReader:
    """Reads one document. `errors` collects the mistakes, `lines` the line of every dotted key that is in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: list[str] = []
        self.errors: list[ConfigError] = []
        self.lines: dict[str, int] = {}

    def read(self, text: str, kind: type[T], overrides: Sequence[Override] = ()) -> T | None:
        """The document as `kind`, with defaults wherever it is wrong; None when it is no YAML at all.

        What `overrides` bring in is checked like the rest.
        """
        self._known = list(_dotted(kind))
        try:
            node = lay_over(yaml.compose(text, yaml.SafeLoader), overrides)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._syntax(error.problem or error.context or "", mark.line + 1 if mark else 0)
        except yaml.reader.ReaderError as error:
            self._syntax("a control character", text.count("\n", 0, error.position) + 1)
        except RecursionError:
            self._syntax("nested too deeply", 0)
        except ConfigError as error:
            self.errors.append(error)
        else:
            return self._section(node, kind, "") if node else kind()
        return None

    def _syntax(self, problem: str, line: int) -> None:
        remedy = "indent with spaces, not tabs" if "\\t" in problem else "quote texts that hold : # [ ] { } or *"
        self.errors.append(ConfigError(f"is not valid YAML: {problem}", remedy, line=line))

    def _mistake(self, node: yaml.Node, key: str, message: str, remedy: str = "") -> Any:
        line = self.lines.get(key) or node.start_mark.line + 1  # the key's line: a section's value begins below it
        self.errors.append(ConfigError(message, remedy, key=key, line=line))
        return _BAD

    def _value(self, node: yaml.Node, kind: Any, key: str, metadata: _Metadata) -> Any:
        """One value as `kind`, or _BAD after its mistakes were noted."""
        if is_dataclass(kind):
            return self._section(node, kind, key)
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is types.UnionType:  # X | None
            inner = next(argument for argument in arguments if argument is not type(None))
            return None if _is_null(node) else self._value(node, inner, key, metadata)
        if origin is dict:
            return self._table(node, arguments[1], key)
        if origin is tuple:
            return self._list(node, arguments[0], key)
        if not isinstance(node, yaml.ScalarNode) or _is_null(node):
            hint = 'write "" for an empty text, or leave the key out' if _is_null(node) else ""
            return self._mistake(node, key, f"must be {_wanted(kind)}, not {_described(node)}", hint)
        if not node.tag.startswith(_TAG):
            return self._mistake(node, key, f"has the tag {node.tag}", "remove it: tags are not supported")
        if origin is Literal:
            return self._choice(node, arguments, key)
        if kind is str:  # `off`, 0123 and 12:30 are texts here, whatever YAML takes them for
            return node.value
        if kind is Path:
            return self._path(node, key)
        return self._number(node, kind, key, metadata)

    def _section(self, node: yaml.Node, kind: Any, key: str) -> Any:
        hints = get_type_hints(kind)
        known = {field.name: field for field in fields(kind)}
        if _is_null(node):  # a section of which every line is commented out
            return kind()
        values: dict[str, Any] = {}
        for name, below, value_node in self._items(node, key):
            if name in known:
                value = self._value(value_node, hints[name], below, known[name].metadata)
                if value is not _BAD:
                    values[name] = value
            else:
                self._unknown(value_node, below, name, known)
        return kind(**values)

    def _table(self, node: yaml.Node, kind: Any, key: str) -> Any:
        values = {} if _is_null(node) else self._items(node, key)
        read = ((name, self._value(child, kind, below, _NO_METADATA)) for name, below, child in values)
        return {name: value for name, value in read if value is not _BAD}

    def _items(self, node: yaml.Node, key: str) -> Iterator[tuple[str, str, yaml.Node]]:
        """Name, dotted key and value of each line of a mapping."""
        if not isinstance(node, yaml.MappingNode):
            self._mistake(node, key, f"must be a section of `name: value` lines, not {_described(node)}")
            return
        seen: dict[str, int] = {}
        for name_node, value in node.value:
            if not isinstance(name_node, yaml.ScalarNode) or not name_node.value:
                self._mistake(name_node, key, "has a key that is not a plain name")
                continue
            name, line = name_node.value, name_node.start_mark.line + 1
            below = f"{key}.{name}" if key else name
            if name in seen:
                twice = f"is given twice, first in line {seen[name]}"
                self.errors.append(ConfigError(twice, "keep one of them", key=below, line=line))
                continue
            seen[name] = line
            self.lines[below] = line
            yield name, below, value

    def _unknown(self, node: yaml.Node, key: str, name: str, known: Iterable[str]) -> None:
        elsewhere = [dotted for dotted in self._known if dotted.rpartition(".")[2] == name]
        close = difflib.get_close_matches(name, known, n=1) or elsewhere[:1]
        remedy = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
        self._mistake(node, key, "unknown key", remedy)

    def _list(self, node: yaml.Node, kind: Any, key: str) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            return self._mistake(node, key, f"must be a list, not {_described(node)}", "write each on a line with `- `")
        values = [
            self._value(child, kind, f"{key}[{index}]", _NO_METADATA) for index, child in enumerate(node.value, 1)
        ]
        return _BAD if any(value is _BAD for value in values) else tuple(values)

    def _choice(self, node: yaml.ScalarNode, choices: tuple[str, ...], key: str) -> Any:
        if node.value in choices:
            return node.value
        close = difflib.get_close_matches(node.value, choices, n=1)
        remedy = f"did you mean {close[0]}?" if close else ""
        return self._mistake(node, key, f"{node.value!r} is not one of {', '.join(choices)}", remedy)

    def _path(self, node: yaml.ScalarNode, key: str) -> Any:
        if not node.value:
            return self._mistake(node, key, "is empty", "give a path, or leave the key out")
        try:
            return self._folder / Path(node.value).expanduser()
        except RuntimeError:  # ~user, and there is no such user
            return self._mistake(node, key, f"{node.value}: no such user", "write the path from /")

    def _number(self, node: yaml.ScalarNode, kind: type, key: str, metadata: _Metadata) -> Any:
        """A bool, int or float within its bounds. Quoted ones are texts."""
        plain = node.style is None
        value: Any = _BOOLEANS.get(node.value.lower(), _BAD) if kind is bool and plain else _BAD
        if kind is not bool and plain and _is_number(node.value, kind):
            value = kind(node.value)
        if value is _BAD:
            return self._mistake(node, key, f"must be {_wanted(kind)}, not {_described(node)}")
        low, high = metadata.get("low", -math.inf), metadata.get("high", math.inf)
        if not low <= value <= high:
            return self._mistake(node, key, f"{node.value} is out of bounds", f"use a value from {low} to {high}")
        return value


def _dotted(kind: Any, prefix: str = "") -> Iterator[str]:
    """The dotted keys of the fixed sections."""
    hints = get_type_hints(kind)
    for field in fields(kind):
        yield prefix + field.name
        if is_dataclass(hints[field.name]):
            yield from _dotted(hints[field.name], f"{prefix}{field.name}.")


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == _TAG + "null"


def _is_number(text: str, kind: type) -> bool:
    """Decimal digits only: YAML would read 010 as 8 and 1:30 as 90."""
    try:
        return math.isfinite(kind(text)) and not (kind is int and text.lstrip("+-").startswith("0") and len(text) > 1)
    except (ValueError, OverflowError):
        return False


def _wanted(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    return {bool: "true or false", int: "a whole number", float: "a number", Path: "a path"}.get(kind, "a text")


def _described(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return "empty" if _is_null(node) else "a text" if len(node.value) > 40 or node.style else f"{node.value!r}"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a section"
