"""A graph in two halves computes what it computed whole."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from ari_app.engines.onnx_split import split

X = np.array([[1.0, -2.0, 3.0]], np.float32)


def weight(name, *values):
    return numpy_helper.from_array(np.array(values, np.float32), name)


def value(name):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)


def model(nodes, weights=(), outputs=("y",)):
    graph = helper.make_graph(nodes, "graph", [value("x")], [value(name) for name in outputs], list(weights))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return made.SerializeToString()


def node(kind, inputs, outputs, name="", **attributes):
    return helper.make_node(kind, inputs.split(), outputs.split(), name, **attributes)


def run(content, **feed):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    feed = {one.name: feed[one.name] for one in session.get_inputs()}
    return dict(zip(names, session.run(names, feed), strict=True))


def at(name):
    return lambda node: node.name == name


CHAIN = [node("Mul", "x two", "a"), node("Relu", "a", "b"), node("Add", "b two", "c", "seam"), node("Neg", "c", "y")]
BESIDE = [
    node("Mul", "x two", "a"),
    node("Neg", "a", "speaker"),
    node("Relu", "a", "b", "seam"),
    node("Exp", "a", "other"),  # of no use to the second half
    node("Add", "b speaker", "y"),
]
CONSTANTS = [
    node("Constant", "", "three", value=weight("", 3.0)),
    node("Identity", "three", "same"),
    node("Mul", "x same", "a"),
    node("Relu", "a", "b", "seam"),
    node("Add", "b same", "y"),
]


@pytest.mark.parametrize(
    ("nodes", "handed_over", "weights_of_second"),
    [(CHAIN, ["b"], ["two"]), (BESIDE, ["a", "speaker"], []), (CONSTANTS, ["a"], [])],
)
def test_the_halves_compute_what_the_whole_does(nodes, handed_over, weights_of_second):
    whole = model(nodes, [weight("two", 2.0), weight("unused", 9.0)])
    halves = split(whole, at("seam"))
    first = run(halves.first, x=X)
    assert sorted(first) == handed_over
    assert halves.seam == handed_over[0]
    assert np.array_equal(run(halves.second, **first)["y"], run(whole, x=X)["y"])
    assert [one.name for one in onnx.load_from_string(halves.second).graph.initializer] == weights_of_second


def test_a_weight_goes_where_it_is_used():
    nodes = [node("Mul", "x first", "a"), node("Add", "a second", "b", "seam"), node("Mul", "b both", "y")]
    nodes.insert(1, node("Mul", "x both", "else"))
    halves = split(model(nodes, [weight(name, 2.0) for name in ("first", "second", "both")]), at("seam"))
    names = [
        {one.name for one in onnx.load_from_string(half).graph.initializer} for half in (halves.first, halves.second)
    ]
    assert names == [{"first", "both"}, {"second", "both"}]


def test_what_a_graph_inside_a_node_takes_stays_with_it():
    inner = [helper.make_graph([node("Add", "x two", out)], out, [], [value(out)]) for out in ("yes", "no")]
    nodes = [
        node("ReduceSum", "x", "sum", keepdims=0),
        node("Cast", "sum", "which", to=TensorProto.BOOL),
        node("If", "which", "a", then_branch=inner[0], else_branch=inner[1]),
        node("Neg", "a", "b", "seam"),
        node("Relu", "b", "y"),
    ]
    whole = model(nodes, [weight("two", 2.0)])
    halves = split(whole, at("seam"))
    assert np.array_equal(run(halves.second, **run(halves.first, x=X))["y"], run(whole, x=X)["y"])


@pytest.mark.parametrize(
    ("nodes", "seam", "outputs"),
    [
        (CHAIN, "nowhere", ("y",)),
        ([node("Relu", "x", "y", "seam")], "seam", ("y",)),  # nothing before it
        ([node("Relu", "x", "y"), node("Neg", "x", "a"), node("Exp", "a", "b", "seam")], "seam", ("y",)),
    ],
)
def test_what_cannot_be_cut(nodes, seam, outputs):
    weights = [weight("two", 2.0)]
    assert split(model(nodes, weights, outputs), at(seam)) is None


def test_an_output_belongs_to_the_half_that_makes_it():
    nodes = [
        node("Mul", "x x", "a"),
        node("Relu", "a", "durations"),
        node("Neg", "a", "b", "seam"),
        node("Exp", "b", "y"),
    ]
    halves = split(model(nodes, outputs=("y", "durations")), at("seam"))
    first = run(halves.first, x=X)
    assert list(first) == ["a", "durations"]
    assert list(run(halves.second, **first)) == ["y"]


@pytest.mark.parametrize(
    "content", [b"", b"no model at all", b"\x3a\xff\xff\xff\xff\x0f", model(CHAIN, [weight("two", 2.0)])[:-9], b"\x0f"]
)
def test_what_is_no_model_is_told(content):
    with pytest.raises(ValueError, match=r"graph|protobuf|codec"):
        split(content, at("seam"))
