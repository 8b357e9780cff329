"""Cuts an ONNX model in two at a node, so that the first half runs once and the second many times, on parts.

::

    before:  inputs ─ a ─ b ─┬─ SEAM ─ c ─ output       first:   inputs ─ a ─ b → handed over
                             └─ d ─────┘                second:  handed over → SEAM ─ c ─ output

The second half is the seam and all that depends on it; weights and other constants go to the half that uses them. Only
the outermost layer of the file is read, as protobuf's wire format (https://protobuf.dev/programming-guides/encoding),
and everything in it is copied as it stands: the package `onnx` would cost 40 MB of memory to do the same. Pure.
"""

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass

_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_VALUE_INFO = 1, 5, 11, 12, 13
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_KIND = 1, 2, 3, 4
_TENSOR_NAME, _VALUE_NAME = 8, 1
"""Field numbers of onnx.proto3."""
_FLOAT_TENSOR = bytes((0x12, 4, 0x0A, 2, 0x08, 1))
"""A ValueInfoProto's type: a tensor of float32, of any shape."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation of a graph."""

    name: str
    kind: str
    """Its operator: "Conv"."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    content: memoryview
    """As it stands in the file."""


@dataclass(frozen=True, slots=True)
class Halves:
    """A model in two."""

    first: bytes
    second: bytes
    seam: str
    """The value that the seam takes. All that is handed over are the second half's inputs, and outputs of the first;
    an output of the whole belongs to the half that makes it."""


def split(model: bytes, is_seam: Callable[[Node], bool]) -> Halves | None:
    """Cut a serialized model at its first node that `is_seam`; None when there is none, or what depends on it cannot be
    told from the rest. What is handed over is taken for float32. Raises ValueError when the bytes are no model."""
    outside, graphs = _sift(memoryview(model), _MODEL_GRAPH)
    if len(graphs) != 1:
        raise ValueError("a model has one graph")
    fields = list(_fields(graphs[0]))
    nodes = [_node(field.content) for field in fields if field.number == _GRAPH_NODE]
    seam = next(filter(is_seam, nodes), None)
    if seam is None:
        return None
    second = _dependents(nodes, seam)
    weights = {_name(f.content, _TENSOR_NAME): f.content for f in fields if f.number == _GRAPH_INITIALIZER}
    constants = _constants(nodes, weights)
    made = {output for node in second for output in node.outputs}
    taken = {name: None for node in second for name in node.inputs if name and name not in made}
    handed_over = [name for name in taken if name not in weights and name not in constants]
    outputs = {_name(f.content, _VALUE_NAME): f.content for f in fields if f.number == _GRAPH_OUTPUT}
    results = [content for name, content in outputs.items() if name in made]
    others = [content for name, content in outputs.items() if name not in made and name not in handed_over]
    inputs = [f.content for f in fields if f.number == _GRAPH_INPUT]
    if not results or any(_name(one, _VALUE_NAME) in handed_over for one in inputs):
        return None
    shapes = {_name(f.content, _VALUE_NAME): f.content for f in fields if f.number == _GRAPH_VALUE_INFO}
    seam_values = [shapes.get(name, _written(_VALUE_NAME, name.encode()) + _FLOAT_TENSOR) for name in handed_over]
    moved = {id(node) for node in second}
    first = [node for node in nodes if id(node) not in moved]
    second = [*_used_constants(nodes, constants, taken), *second]
    taken_by_first, taken_by_second = _taken(first), _taken(second)
    return Halves(
        # What no node of the graph itself takes is for a graph inside a node, and those are all in the first half.
        _model(
            outside,
            first,
            weights.keys() - (taken_by_second - taken_by_first),
            weights,
            inputs,
            [*seam_values, *others],
        ),
        _model(outside, second, weights.keys() & taken_by_second, weights, seam_values, results),
        seam.inputs[0],
    )


def _taken(nodes: Iterable[Node]) -> set[str]:
    return {name for node in nodes for name in node.inputs}


def _dependents(nodes: Iterable[Node], seam: Node) -> list[Node]:
    """The seam and what depends on it; a graph's nodes stand in an order in which they can be run."""
    made: set[str] = set()
    found = []
    for node in nodes:
        if node is seam or not made.isdisjoint(node.inputs):
            made.update(node.outputs)
            found.append(node)
    return found


def _constants(nodes: Iterable[Node], weights: Iterable[str]) -> set[str]:
    """What nodes make that depend on weights alone."""
    known = {"", *weights}
    made: set[str] = set()
    for node in nodes:
        if known.issuperset(node.inputs) and not node.kind.startswith("Random"):
            known.update(node.outputs)
            made.update(node.outputs)
    return made


def _used_constants(nodes: list[Node], constants: set[str], taken: Iterable[str]) -> list[Node]:
    """The nodes that make those of the constants that are `taken`, and what these need."""
    needed, found = set(taken), []
    for node in reversed(nodes):
        if not needed.isdisjoint(node.outputs) and constants.issuperset(node.outputs):
            needed.update(node.inputs)
            found.append(node)
    return found[::-1]


def _model(
    outside: Iterable[memoryview],
    nodes: Iterable[Node],
    used: Set[str],
    weights: dict[str, memoryview],
    inputs: Iterable[bytes | memoryview],
    outputs: Iterable[bytes | memoryview],
) -> bytes:
    graph = [_written(_GRAPH_NODE, node.content) for node in nodes]
    graph += [_written(_GRAPH_INITIALIZER, content) for name, content in weights.items() if name in used]
    graph += [_written(_GRAPH_INPUT, content) for content in inputs]
    graph += [_written(_GRAPH_OUTPUT, content) for content in outputs]
    graph.append(_written(2, b"half"))  # its name, which is required
    return b"".join((*outside, _written(_MODEL_GRAPH, b"".join(graph))))


# -- protobuf's wire format


@dataclass(frozen=True, slots=True)
class _Field:
    number: int
    content: memoryview
    """Of what has a length, without it."""
    whole: memoryview


def _fields(message: memoryview) -> Iterator[_Field]:
    at = 0
    while at < len(message):
        begin = at
        key, at = _varint(message, at)
        match key & 7:
            case 0:
                _, end = _varint(message, at)
            case 1:
                end = at + 8
            case 2:
                size, at = _varint(message, at)
                end = at + size
            case 5:
                end = at + 4
            case _:
                raise ValueError("no protobuf")
        if end > len(message):
            raise ValueError("a protobuf that was cut off")
        yield _Field(key >> 3, message[at:end], message[begin:end])
        at = end


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        value |= (message[at] & 0x7F) << shift
        at += 1
        if message[at - 1] < 0x80:
            return value, at
        shift += 7
    raise ValueError("a protobuf that was cut off")


def _written(number: int, content: bytes | memoryview) -> bytes:
    """A field that has a length."""
    head, size = bytearray((number << 3 | 2,)), len(content)
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + content


def _sift(message: memoryview, number: int) -> tuple[list[memoryview], list[memoryview]]:
    """All other fields whole, and the contents of those with this number."""
    fields = list(_fields(message))
    return [f.whole for f in fields if f.number != number], [f.content for f in fields if f.number == number]


def _texts(message: memoryview, number: int) -> tuple[str, ...]:
    return tuple(bytes(f.content).decode() for f in _fields(message) if f.number == number)


def _name(message: memoryview, number: int) -> str:
    return next(iter(_texts(message, number)), "")


def _node(content: memoryview) -> Node:
    return Node(
        _name(content, _NODE_NAME),
        _name(content, _NODE_KIND),
        _texts(content, _NODE_INPUT),
        _texts(content, _NODE_OUTPUT),
        content,
    )
