"""An .onnx and .onnx.json at the shapes of a Piper medium voice (VITS), drawn node by node.

::

    ids ─ text encoder ─┬─ duration predictor ─ frames a phoneme ─┐
                        └─ means ─────────────────────── expand ──┴─ + noise ─ flow ─ decoder ─ audio

Layers, widths and kernels are those of Piper's training recipe. Two things differ. The encoder's attention knows no
relative positions and the duration flows have no splines: both work on phonemes, of which there are a tenth as many
as frames, and cost nothing beside the decoder. And every phoneme lasts PHONEME_FRAMES, so that the length of what is
said is that of a real voice. Layers at which a part begins have the names of Piper's exports.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

SYMBOLS, WIDTH, RATE, HOP = 256, 192, 22_050, 256
ENCODER_LAYERS, HEADS, INNER = 6, 2, 768
DURATION_LAYERS, DURATION_FLOWS, SPLINE_WIDTH = 3, 3, 29
FLOWS, FLOW_LAYERS = 4, 4
RATES, RATE_KERNELS = (8, 8, 4), (16, 16, 8)
DECODER_WIDTH, RESIDUALS = 256, ((3, (1, 2)), (5, (2, 6)), (7, (3, 12)))
SPEAKER_WIDTH = 512
PAD = 0
"""The id that Piper puts between all phonemes."""
PHONEME_FRAMES, PAD_FRAMES = 3, 2
"""Together 58 ms: some 17 phonemes, or 15 characters, a second."""
LOUDNESS = 0.4
"""Of the output's weights: what is heard is noise, loud enough for a telephone."""


def make(path: Path, speakers: int = 1) -> None:
    """Write the voice and, beside it, its description."""
    graph = _Graph(speakers)
    encoded = _encoder(graph, "input")
    mean = graph.conv(encoded, WIDTH, 2 * WIDTH, 1)
    mean = graph.take(mean, 0, WIDTH)
    frames = graph.node("MatMul", mean, _path(graph, _durations(graph, "input", encoded)))
    noise = graph.node("Mul", graph.node("RandomNormalLike", frames), graph.take("scales", 0, 1, axis=0))
    latent = _flow(graph, graph.node("Add", frames, noise))
    audio = _decoder(graph, latent, _speaker(graph) if speakers > 1 else None)
    graph.node("Unsqueeze", audio, graph.constant([1], np.int64), name="output")
    onnx.save(graph.model(), path)
    path.with_name(path.name + ".json").write_text(json.dumps(_description(speakers)))


def _description(speakers: int) -> dict:
    return {
        "audio": {"sample_rate": RATE, "quality": "medium"},
        "espeak": {"voice": "en-us"},
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_type": "espeak",
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
        "num_symbols": SYMBOLS,
        "num_speakers": speakers,
        "speaker_id_map": {f"speaker {number}": number for number in range(speakers)} if speakers > 1 else {},
        "hop_length": HOP,
    }


class _Graph:
    """Nodes and weights; sequences are [1, channels, time]."""

    def __init__(self, speakers: int) -> None:
        self.speakers = speakers
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(0)

    def node(self, kind: str, *inputs: str, name: str = "", **attributes) -> str:
        name = name or f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values, dtype=np.float32, name: str = "") -> str:
        name = name or f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def random(self, *shape: int, scale: float, name: str = "") -> str:
        return self.constant(self._random.standard_normal(shape) * scale, name=name)

    def take(self, source: str, begin: int, end: int, axis: int = 1) -> str:
        return self.node("Slice", source, *(self.constant([n], np.int64) for n in (begin, end, axis)))

    def conv(
        self, source: str, inputs: int, outputs: int, kernel: int, dilation: int = 1, groups: int = 1, name: str = ""
    ) -> str:
        """`name` is the layer's."""
        fan_in = inputs // groups * kernel
        weight = self.random(
            outputs, inputs // groups, kernel, scale=fan_in**-0.5, name=f"{name}.weight" if name else ""
        )
        pad = (kernel - 1) * dilation // 2
        bias = self.constant(np.zeros(outputs))
        return self.node("Conv", source, weight, bias, dilations=[dilation], pads=[pad, pad], group=groups)

    def norm(self, source: str) -> str:
        """Layer normalization over the channels."""
        turned = self.node("Transpose", source, perm=[0, 2, 1])
        scale, bias = self.constant(np.ones(WIDTH)), self.constant(np.zeros(WIDTH))
        return self.node("Transpose", self.node("LayerNormalization", turned, scale, bias), perm=[0, 2, 1])

    def gelu(self, source: str) -> str:
        erf = self.node("Erf", self.node("Mul", source, self.constant(2**-0.5)))
        half = self.node("Mul", source, self.constant(0.5))
        return self.node("Mul", half, self.node("Add", erf, self.constant(1.0)))

    def model(self) -> onnx.ModelProto:
        inputs = [
            helper.make_tensor_value_info("input", TensorProto.INT64, [1, "phonemes"]),
            helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
            helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
        ]
        if self.speakers > 1:
            inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
        output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, "time"])
        graph = helper.make_graph(self._nodes, "voice", inputs, [output], self._weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        return model


def _encoder(graph: _Graph, ids: str) -> str:
    table = graph.random(SYMBOLS, WIDTH, scale=1.0)
    x = graph.node("Transpose", graph.node("Gather", table, ids), perm=[0, 2, 1])
    for _ in range(ENCODER_LAYERS):
        x = graph.norm(graph.node("Add", x, _attention(graph, x)))
        inner = graph.node("Relu", graph.conv(x, WIDTH, INNER, 3))
        x = graph.norm(graph.node("Add", x, graph.conv(inner, INNER, WIDTH, 3)))
    return x


def _attention(graph: _Graph, x: str) -> str:
    by_head = graph.constant([1, HEADS, WIDTH // HEADS, -1], np.int64)
    q, k, v = (graph.node("Reshape", graph.conv(x, WIDTH, WIDTH, 1), by_head) for _ in range(3))
    scale = graph.constant((WIDTH // HEADS) ** -0.5)
    scores = graph.node("MatMul", graph.node("Transpose", graph.node("Mul", q, scale), perm=[0, 1, 3, 2]), k)
    weights = graph.node("Softmax", scores, axis=-1)
    mixed = graph.node("MatMul", v, graph.node("Transpose", weights, perm=[0, 1, 3, 2]))
    return graph.conv(graph.node("Reshape", mixed, graph.constant([1, WIDTH, -1], np.int64)), WIDTH, WIDTH, 1)


def _separable(graph: _Graph, x: str) -> str:
    """The duration predictor's stack of dilated depth-separable convolutions."""
    for layer in range(DURATION_LAYERS):
        y = graph.gelu(graph.norm(graph.conv(x, WIDTH, WIDTH, 3, dilation=3**layer, groups=WIDTH)))
        x = graph.node("Add", x, graph.gelu(graph.norm(graph.conv(y, WIDTH, WIDTH, 1))))
    return x


def _durations(graph: _Graph, ids: str, encoded: str) -> str:
    """Frames of each id, [1, ids]: what is computed sways it by less than would change a whole frame."""
    condition = graph.conv(_separable(graph, graph.conv(encoded, WIDTH, WIDTH, 1)), WIDTH, WIDTH, 1)
    z = graph.take(condition, 0, 1)
    for _ in range(DURATION_FLOWS):
        hidden = graph.node("Add", graph.conv(z, 1, WIDTH, 1), condition)
        z = graph.take(graph.conv(_separable(graph, hidden), WIDTH, SPLINE_WIDTH, 1), 0, 1)
    sway = graph.node("Mul", graph.node("Tanh", z), graph.constant(0.1))
    frames = graph.constant([[PAD_FRAMES if symbol == PAD else PHONEME_FRAMES] for symbol in range(SYMBOLS)])
    usual = graph.node("Transpose", graph.node("Gather", frames, ids), perm=[0, 2, 1])
    swayed = graph.node("Add", graph.node("Sub", usual, graph.constant(0.5)), sway)
    scaled = graph.node("Ceil", graph.node("Mul", swayed, graph.take("scales", 1, 2, axis=0)))
    return graph.node("Squeeze", scaled, graph.constant([1], np.int64))


def _path(graph: _Graph, durations: str) -> str:
    """Which id each frame belongs to, [1, ids, frames] of 0 and 1."""
    ends = graph.node("CumSum", durations, graph.constant(1, np.int64))
    total = graph.node("ReduceSum", durations, keepdims=0)
    frames = graph.node("Range", graph.constant(0.0), total, graph.constant(1.0))
    ends = graph.node("Unsqueeze", ends, graph.constant([2], np.int64))
    begins = graph.node("Sub", ends, graph.node("Unsqueeze", durations, graph.constant([2], np.int64)))
    begun = graph.node("Cast", graph.node("GreaterOrEqual", frames, begins), to=TensorProto.FLOAT)
    ended = graph.node("Cast", graph.node("GreaterOrEqual", frames, ends), to=TensorProto.FLOAT)
    return graph.node("Sub", begun, ended)


def _flow(graph: _Graph, z: str) -> str:
    half = WIDTH // 2
    backwards = graph.constant(np.arange(WIDTH)[::-1], np.int64)
    for number in reversed(range(FLOWS)):
        z = graph.node("Gather", z, backwards, axis=1)
        first, second = graph.take(z, 0, half), graph.take(z, half, WIDTH)
        before = graph.conv(first, half, WIDTH, 1, name=f"flow.flows.{2 * number}.pre")
        shift = graph.conv(_wavenet(graph, before), WIDTH, half, 1)
        z = graph.node("Concat", first, graph.node("Sub", second, shift), axis=1)
    return z


def _wavenet(graph: _Graph, x: str) -> str:
    skips = []
    for layer in range(FLOW_LAYERS):
        both = graph.conv(x, WIDTH, 2 * WIDTH, 5)
        gate = graph.node("Sigmoid", graph.take(both, WIDTH, 2 * WIDTH))
        gated = graph.node("Mul", graph.node("Tanh", graph.take(both, 0, WIDTH)), gate)
        if layer == FLOW_LAYERS - 1:
            skips.append(graph.conv(gated, WIDTH, WIDTH, 1))
        else:
            out = graph.conv(gated, WIDTH, 2 * WIDTH, 1)
            x = graph.node("Add", x, graph.take(out, 0, WIDTH))
            skips.append(graph.take(out, WIDTH, 2 * WIDTH))
    return graph.node("Sum", *skips)


def _speaker(graph: _Graph) -> str:
    """What the decoder is told of the speaker, [1, DECODER_WIDTH, 1]."""
    table = graph.random(graph.speakers, SPEAKER_WIDTH, scale=1.0)
    one = graph.node("Unsqueeze", graph.node("Gather", table, "sid"), graph.constant([2], np.int64))
    return graph.conv(one, SPEAKER_WIDTH, DECODER_WIDTH, 1, name="dec.cond")


def _decoder(graph: _Graph, latent: str, speaker: str | None) -> str:
    """HiFi-GAN: [1, WIDTH, frames] → [1, 1, samples]."""
    width = DECODER_WIDTH
    x = graph.conv(latent, WIDTH, width, 7, name="dec.conv_pre")
    if speaker:
        x = graph.node("Add", x, speaker)
    for rate, kernel in zip(RATES, RATE_KERNELS, strict=True):
        x = graph.node("LeakyRelu", x, alpha=0.1)
        weight = graph.random(width, width // 2, kernel, scale=(width * kernel / rate) ** -0.5)
        pad = (kernel - rate) // 2
        bias = graph.constant(np.zeros(width // 2))
        x = graph.node("ConvTranspose", x, weight, bias, strides=[rate], pads=[pad, pad])
        width //= 2
        branches = [_residual(graph, x, width, kernel, dilations) for kernel, dilations in RESIDUALS]
        x = graph.node("Mul", graph.node("Sum", *branches), graph.constant(1 / len(RESIDUALS)))
    x = graph.node("LeakyRelu", x, alpha=0.01)
    loud = graph.random(1, width, 7, scale=LOUDNESS * (7 * width) ** -0.5)
    return graph.node("Tanh", graph.node("Conv", x, loud, pads=[3, 3]))


def _residual(graph: _Graph, x: str, width: int, kernel: int, dilations: tuple[int, ...]) -> str:
    for dilation in dilations:
        x = graph.node("Add", x, graph.conv(graph.node("LeakyRelu", x, alpha=0.1), width, width, kernel, dilation))
    return x
