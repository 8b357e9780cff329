"""What the benchmark with engines of real size rests on: words found in audio, answers found for words, and a language
model that writes them."""

import numpy as np
import pytest
import soxr

from ari_app.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from ari_app.demo.conversation import PHONE_RATE
from ari_app.engines.base import SPEECH_RATE
from ari_app.engines.llama import Outcome, Part
from tests.bench.real_shapes.engines import ScriptedContext
from tests.bench.real_shapes.recognize import Recordings
from tests.bench.real_shapes.script import OTHERWISE, demo_script

SCRIPT = demo_script()
RECORDINGS = Recordings(SCRIPT.lines)
EOS = 0


def _heard(name: str, begin_s: float = 0.0, end_s: float = 99.0, before_s: float = 0.0, after_s: float = 0.0):
    """A part of a line with silence around it, as it comes through a telephone: µ-law, and a little noise."""
    pcm = SCRIPT.lines[name].pcm[int(begin_s * PHONE_RATE) : int(end_s * PHONE_RATE)]
    pcm = np.pad(pcm, (int(before_s * PHONE_RATE), int(after_s * PHONE_RATE)))
    pcm = np.frombuffer(ulaw_to_pcm(pcm_to_ulaw(pcm.tobytes())), np.int16)
    noise = np.random.default_rng(0).normal(0, 0.002, 2 * len(pcm))
    return (soxr.resample(pcm / 32768, PHONE_RATE, SPEECH_RATE) + noise).astype(np.float32)


@pytest.mark.parametrize("name", SCRIPT.lines)
def test_every_line_is_understood(name):
    assert RECORDINGS.words_in(_heard(name, before_s=0.21, after_s=0.5)) == SCRIPT.lines[name].words


@pytest.mark.parametrize("name", ["booking-2", "person-1", "message-3"])
def test_a_beginning_is_the_words_so_far(name):
    words, lengths = SCRIPT.lines[name].words, []
    for end_s in (0.8, 1.2, 1.6, 2.0):
        so_far = RECORDINGS.words_in(_heard(name, end_s=end_s, before_s=0.3))
        assert words.startswith(so_far)
        lengths.append(len(so_far))
    assert lengths == sorted(lengths)
    assert 0 < lengths[0] < lengths[-1] < len(words)


def test_an_end_is_the_words_from_there():
    words = RECORDINGS.words_in(_heard("booking-2", begin_s=2.0, after_s=0.4))
    assert words
    assert SCRIPT.lines["booking-2"].words.endswith(words)
    assert words != SCRIPT.lines["booking-2"].words


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(0, np.float32),
        np.zeros(SPEECH_RATE, np.float32),
        np.random.default_rng(1).normal(0, 0.1, SPEECH_RATE).astype(np.float32),
    ],
)
def test_nothing_and_noise_have_no_words(samples):
    assert RECORDINGS.words_in(samples) == ""


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("is there parking", "directions-2"),
        ("is there par", "directions-2"),
        ("yes that's right", "booking-5"),
        ("please call me back this is peter", "message-2"),  # one turn, in two utterances
    ],
)
def test_words_find_their_answer(words, line):
    assert SCRIPT.reply_to(words) == SCRIPT.replies[line]


def test_strange_words_have_an_answer():
    assert SCRIPT.reply_to("0815") == OTHERWISE


class _Letters:
    """A model whose tokens are characters; control tokens are numbers below 10."""

    eos = EOS

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        if special:
            text = text.replace("<|im_start|>", chr(1)).replace("<|im_end|>", chr(EOS))
        return [ord(character) for character in text]

    def piece(self, token: int) -> bytes:
        return chr(token).encode() if token >= 10 else b""


class _Context:
    def decode(self, parts) -> Outcome:
        return Outcome.DONE

    def copy(self, *_) -> None:
        pass

    def sample(self, *_) -> int:
        return ord("?")


def _prompt(words: str) -> list[int]:
    text = (
        f"<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nhello<|im_end|>\n<|im_start|>user\n{words}<|im_end|>"
    )
    return _Letters().tokenize(f"{text}\n<|im_start|>assistant\n", special=True)


def _write(context: ScriptedContext, sequence: int, held: int) -> str:
    written = ""
    while (token := context.sample(None, 0)) != EOS:
        written += chr(token)
        context.decode([Part(sequence, held, [token], wants_next=True)])
        held += 1
    return written


def test_the_model_writes_the_answer_and_ends():
    context = ScriptedContext(_Context(), _Letters(), SCRIPT)
    prompt = _prompt("is there parking")
    context.decode([Part(3, 0, prompt[:20], wants_next=False)])
    context.decode([Part(3, 20, prompt[20:], wants_next=True)])
    row = len(prompt) - 21
    first = context.sample(None, row)
    context.decode([Part(3, len(prompt), [first], wants_next=True)])
    assert chr(first) + _write(context, 3, len(prompt) + 1) == SCRIPT.replies["directions-2"]


def test_what_was_rolled_back_or_taken_over_counts():
    context = ScriptedContext(_Context(), _Letters(), SCRIPT)
    drafted, final = _prompt("is there"), _prompt("is there parking")
    context.decode([Part(0, 0, [*drafted, ord("N"), ord("o")], wants_next=True)])
    common = next(at for at, (one, other) in enumerate(zip(drafted, final, strict=False)) if one != other)
    context.copy(0, 1, 0, common)
    beside = Part(0, len(drafted), [ord("Y")], wants_next=True)
    context.decode([beside, Part(1, common, final[common:], wants_next=True)])
    reply = SCRIPT.replies["directions-2"]
    assert [chr(context.sample(None, row)) for row in (0, len(final) - common)] == [reply[1], reply[0]]
