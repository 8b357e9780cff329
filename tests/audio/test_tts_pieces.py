"""A voice whose decoder runs piece by piece says what it says whole, and whoever needs audio soonest gets it first."""

import asyncio
import itertools
import json
import logging
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest

from ari_app.engines.tts import PiperTts
from ari_app.engines.tts_voice import Voice
from ari_app.settings import DEMO_MODELS, TtsSettings
from tests.bench.real_shapes import voice_shape

RATE = 8000
TEXT = "Thank you for calling. We are open from nine to five on every day of the week."


def without_noise(path):
    """The voice says a text always the same way."""
    description = path.with_name(path.name + ".json")
    settings = json.loads(description.read_text())
    settings["inference"] |= {"noise_scale": 0.0, "noise_w": 0.0}
    description.write_text(json.dumps(settings))
    return path


@pytest.fixture(scope="module", params=[1, 3], ids=["one speaker", "three speakers"])
def shape(request, tmp_path_factory):
    """A voice of random weights at the shapes of a medium one."""
    path = tmp_path_factory.mktemp("voice") / "voice.onnx"
    voice_shape.make(path, request.param)
    return without_noise(path)


@pytest.fixture
def unsplit(shape, tmp_path):
    """The same voice under names that show no decoder."""
    model = onnx.load(shape)
    for node in model.graph.node:
        node.input[:] = [name.replace("dec.conv_pre", "layer") for name in node.input]
    for weight in model.graph.initializer:
        weight.name = weight.name.replace("dec.conv_pre", "layer")
    onnx.save(model, tmp_path / "voice.onnx")
    shutil.copy(shape.with_name("voice.onnx.json"), tmp_path)
    return tmp_path / "voice.onnx"


def said(voice, text, *seconds):
    pieces = list(voice.say(text, itertools.chain(seconds, itertools.repeat(3600.0)), onnxruntime.RunOptions()))
    assert [is_last for _, is_last in pieces] == [False] * (len(pieces) - 1) + [True]
    return [audio for audio, _ in pieces]


def test_pieces_are_the_whole(shape, unsplit, caplog):
    caplog.set_level(logging.INFO)
    in_pieces = said(Voice(TtsSettings(model=shape)), TEXT, 0.2, 0.5, 0.1, 1.0, 0.3)
    assert caplog.messages == []
    whole = said(Voice(TtsSettings(model=unsplit)), TEXT)
    assert caplog.messages == ["the voice does not come in pieces, only whole"]
    assert len(whole) == 2  # sentences
    assert len(in_pieces) == 6
    assert len(in_pieces[0]) / voice_shape.RATE == pytest.approx(0.2, abs=0.012)
    whole, in_pieces = np.concatenate(whole), np.concatenate(in_pieces)
    assert np.abs(whole).max() > 0.3
    assert len(whole) == len(in_pieces)
    assert np.abs(whole - in_pieces).max() < 1e-3


def test_too_little_context_would_be_heard(shape):
    voice = Voice(TtsSettings(model=shape))
    [whole] = said(voice, "Good morning to you")
    assert 8 <= voice._decoder.decoder.reach <= 11  # the layers of this shape can reach 11
    assert 8 <= voice._decoder.flow.reach <= 32
    voice._decoder.decoder.reach = 4
    assert np.abs(np.concatenate(said(voice, "Good morning to you", 0.2)) - whole).max() > 0.01


def test_a_decoder_that_does_not_run_on_a_part_is_not_cut_off(shape, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    model = onnx.load(shape)
    tanh = next(node for node in model.graph.node if node.op_type == "Tanh" and node is model.graph.node[-2])
    mean = onnx.helper.make_node("GlobalAveragePool", list(tanh.output), ["mean"])
    less = onnx.helper.make_node("Sub", [tanh.output[0], "mean"], ["less"])
    model.graph.node[-1].input[0] = "less"  # now every sample depends on all of them
    model.graph.node.insert(len(model.graph.node) - 1, mean)
    model.graph.node.insert(len(model.graph.node) - 1, less)
    onnx.save(model, tmp_path / "voice.onnx")
    shutil.copy(shape.with_name("voice.onnx.json"), tmp_path)
    assert len(said(Voice(TtsSettings(model=tmp_path / "voice.onnx")), "Good morning to you", 0.1)) == 1
    assert [record.why for record in caplog.records] == ["every step depends on every frame"]


@pytest.fixture
async def real(shape):
    engine = PiperTts(TtsSettings(model=shape))
    yield engine
    await engine.close()


@pytest.fixture
def demo(tmp_path):
    return without_noise(shutil.copytree(DEMO_MODELS / "voice", tmp_path / "voice") / "demo-en.onnx")


async def streamed(engine, text, **options):
    return [pcm async for pcm in engine.stream(text, RATE, **options)]


async def test_what_streams_is_what_is_spoken(real):
    whole, pieces = await real.speak(TEXT, RATE), await streamed(real, TEXT)
    assert len(pieces) == 4
    assert len(pieces[0]) / RATE == pytest.approx(0.33, abs=0.04)
    assert [len(pcm) % (RATE // 50) for pcm in pieces[:-1]] == [0] * (len(pieces) - 1)
    joined = np.concatenate(pieces)
    assert len(joined) == len(whole)
    assert np.corrcoef(joined, whole)[0, 1] > 0.99999  # the gain has moved a little in between


async def test_a_voice_that_comes_whole_streams_too(demo):
    engine = PiperTts(TtsSettings(model=demo))
    try:
        whole, pieces = await engine.speak(TEXT, RATE), await streamed(engine, TEXT)
    finally:
        await engine.close()
    assert len(pieces) == 2
    assert len(np.concatenate(pieces)) == len(whole)
    assert np.corrcoef(np.concatenate(pieces), whole)[0, 1] > 0.99999


async def test_first_pieces_come_before_what_is_needed_later(real):
    order = []

    async def listen(name, text, **options):
        async for _ in real.stream(text, RATE, **options):
            order.append(name)  # noqa: PERF401 (as it comes)

    await asyncio.gather(
        listen("next", TEXT * 2, within_seconds=1.0),
        listen("first", TEXT),
        listen("other", "Good morning to you and everyone else."),
    )
    second = {name: [at for at, who in enumerate(order) if who == name][1] for name in ("next", "first")}
    assert order.index("other") < second["first"] < second["next"]


async def test_closed_after_a_piece_it_makes_no_more(real):
    stream = real.stream(TEXT, RATE)
    await anext(stream)
    await stream.aclose()
    jobs = real._worker.stats.jobs
    assert len(await streamed(real, "Yes.", within_seconds=1.0)) == 1
    assert real._worker.stats.jobs == jobs + 1


async def test_cancelled_within_a_piece_it_stops(real):
    ends, encode = [], real._voice._encode

    def watched(*inputs):
        try:
            encode(*inputs)
        except Exception as error:
            ends.append(str(error))
            raise

    real._voice._encode = watched
    task = asyncio.create_task(streamed(real, TEXT.replace(".", ",") * 20))  # one sentence: its encoder takes seconds
    while not real._worker.stats.jobs:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await real.close()
    assert ["terminate" in end for end in ends] == [True]
