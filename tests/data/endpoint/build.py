"""The labelled set for end-of-turn judges: callers' turns with known pauses, in recorded and in synthesized voices.

``python -m tests.data.endpoint.build FOLDER`` writes each turn as a WAV and where its words lie as ``times.tsv``.

labels.tsv has a turn a line: its name, who says it, what the agent asked before, and what is said::

    five five five {400} oh one four      words, and a pause of 400 ms in which the caller has not finished
    (you have)[vm-youhave]                words as one of Asterisk's recorded prompts has them
    (please hold)[tt-allbusy:4.74-5.79]   the same, from a part of a prompt (seconds)

`people` are Asterisk's recorded English prompts: what was recorded in pieces to be joined (numbers, dates, letters,
beginnings like "the number I have is …") is joined, and whole sentences are stretched or cut in pauses that the speaker
made. `demo` is the bundled voice; it says each part as a clause of its own, with a comma where the caller goes on.
Everything went through G.711, and is the same in every build.
"""

import asyncio
import csv
import re
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ari_app.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from ari_app.demo.asterisk_install import find_or_fetch
from ari_app.engines.tts import PiperTts
from ari_app.settings import TtsSettings

Audio = NDArray[np.float32]
RATE = 8000
LABELS = Path(__file__).with_name("labels.tsv")
BEFORE_SECONDS, AFTER_SECONDS = 0.5, 2.0
"""Silence around a turn; longer than the longest end-of-turn silence behind it."""
GAP_SECONDS = 0.04
"""Between words that were recorded one by one and are said in one breath."""
FRAME_SECONDS, SPEECH_DB = 0.01, 32
"""What is this far below a recording's level is the silence at its edges."""
EDGE_SECONDS = 0.25
"""A detector that is early by less has heard a piece to its end."""
TOKEN = re.compile(
    r"\((?P<words>[^)]+)\)\[(?P<prompt>[\w/-]+?)(?::(?P<begin>[\d.]*)-(?P<end>[\d.]*))?\]|(?P<word>[\w']+)"
)

NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
NUMBERS += " seventeen eighteen nineteen"
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
DAYS = "sunday monday tuesday wednesday thursday friday saturday"
MONTHS = "january february march april may june july august september october november december"
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "tenth": 10, "twelfth": 12, "twentieth": 20}
PROMPTS = {
    **{word: f"digits/{value}" for value, word in enumerate(NUMBERS.split())},
    **{word: f"digits/{value}0" for value, word in enumerate(TENS.split(), start=2)},
    **{word: f"digits/day-{number}" for number, word in enumerate(DAYS.split())},
    **{word: f"digits/mon-{number}" for number, word in enumerate(MONTHS.split())},
    **{word: f"digits/h-{number}" for word, number in ORDINALS.items()},
    **{letter: f"letters/{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"},
    **{word: f"digits/{word}" for word in ("oh", "hundred", "at", "today", "tomorrow")},
    **{"and": "vm-and", "extension": "vm-extension", "goodbye": "goodbye"},
}
"""The prompt that says a word."""


@dataclass(frozen=True)
class Piece:
    """Some words and where they lie in the audio, in seconds."""

    words: str
    begin: float
    end: float


@dataclass(frozen=True)
class Turn:
    """One labelled turn of a caller."""

    name: str
    voice: str
    asked: str
    """What the agent said before."""
    pieces: tuple[Piece, ...]
    pauses: tuple[tuple[float, float], ...]
    """Where the caller pauses and then goes on."""
    samples: Audio
    """In -1…1 at RATE, as heard behind G.711, with silence around it."""

    @property
    def end(self) -> float:
        """When the caller has finished, in seconds."""
        return self.pieces[-1].end

    def words_until(self, at: float) -> str:
        """What the caller has said by `at`; well within a piece, as many of its words as of its length."""
        words: list[str] = []
        for piece in self.pieces:
            said = piece.words.split()
            part = (at - piece.begin) / (piece.end - piece.begin) if at < piece.end - EDGE_SECONDS else 1.0
            words += said[: round(len(said) * min(max(part, 0.0), 1.0))]
        return " ".join(words)


def build(sounds: Path) -> list[Turn]:
    """Every turn of labels.tsv; `sounds` is the folder of Asterisk's English prompts. Not from within an event loop."""
    with LABELS.open(newline="", encoding="utf-8") as file:
        labels = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    voice = PiperTts(TtsSettings())
    try:
        return asyncio.run(_build(labels, sounds, voice))
    finally:
        asyncio.run(voice.close())


async def _build(labels: list[dict[str, str]], sounds: Path, voice: PiperTts) -> list[Turn]:
    turns = []
    for label in labels:
        parts = re.split(r"\s*\{(\d+)\}\s*", label["said"])
        texts, pauses = parts[::2], [int(ms) / 1000 for ms in parts[1::2]]
        if label["voice"] == "people":
            spoken = [_from_prompts(text, sounds) for text in texts]
        else:
            spoken = [
                [(text, await _said(voice, text, goes_on=number < len(texts)))] for number, text in enumerate(texts, 1)
            ]
        turns.append(_joined(label, spoken, pauses))
    return turns


def _from_prompts(text: str, sounds: Path) -> list[tuple[str, Audio]]:
    found = []
    for token in TOKEN.finditer(text):
        words = token["words"] or token["word"]
        with wave.open(str(sounds / f"{token['prompt'] or PROMPTS[words]}.wav")) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        begin, end = float(token["begin"] or 0), float(token["end"] or len(samples) / RATE)
        found.append((words, _trimmed(samples[int(begin * RATE) : int(end * RATE)])))
    return found


async def _said(voice: PiperTts, text: str, *, goes_on: bool) -> Audio:
    question = text.partition(" ")[0] in ("what", "how", "where", "who", "when", "is", "are", "do", "can")
    stop = "," if goes_on else "?" if question else "."
    return _trimmed((await voice.speak(text + stop, RATE)).astype(np.float32) / 32768)


def _trimmed(samples: Audio) -> Audio:
    """Without the silence at the edges, to 10 ms."""
    size = int(FRAME_SECONDS * RATE)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    level = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-12)
    loud = np.flatnonzero(level > np.percentile(level[level > -60], 95) - SPEECH_DB)
    return samples[loud[0] * size : (loud[-1] + 1) * size]


def _joined(label: dict[str, str], parts: list[list[tuple[str, Audio]]], pauses: list[float]) -> Turn:
    audio, pieces, silences = [_silence(BEFORE_SECONDS)], [], []
    at = BEFORE_SECONDS
    for part, pause in zip(parts, [*pauses, AFTER_SECONDS], strict=True):
        for index, (words, samples) in enumerate(part):
            pieces.append(Piece(words, at, at + len(samples) / RATE))
            gap = pause if index == len(part) - 1 else GAP_SECONDS
            audio += [samples, _silence(gap)]
            at = pieces[-1].end + gap
        silences.append((pieces[-1].end, at))
    pcm = (np.clip(np.concatenate(audio), -1, 1) * 32767).astype(np.int16)
    heard = np.frombuffer(ulaw_to_pcm(pcm_to_ulaw(pcm.tobytes())), np.int16).astype(np.float32) / 32768
    return Turn(label["name"], label["voice"], label["asked"], tuple(pieces), tuple(silences[:-1]), heard)


def _silence(seconds: float) -> Audio:
    return np.zeros(round(seconds * RATE), np.float32)


def main(folder: Path) -> None:
    """Write the turns and their times, to listen to or for `offhook replay`."""
    sounds = find_or_fetch().sounds
    if sounds is None:
        sys.exit("the Asterisk here has no recorded prompts (asterisk-core-sounds-en-wav)")
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["name\tbegin\tend\twords"]
    for turn in build(sounds):
        with wave.open(str(folder / f"{turn.name}.wav"), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes((turn.samples * 32767).astype("<i2").tobytes())
        lines += [f"{turn.name}\t{piece.begin:.2f}\t{piece.end:.2f}\t{piece.words}" for piece in turn.pieces]
    (folder / "times.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
