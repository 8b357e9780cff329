"""The models of real shapes: made once, and kept in the cache folder."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ari_app.demo.asterisk_install import default_cache_folder

VERSION = "2"
"""To be raised whenever what is made changes."""
AGENT = ("tests.bench.real_shapes.agent",)
"""The program that an AgentProcess runs with them."""
LLM, STT, VOICE = "llm.gguf", "stt", "voice.onnx"


def sections(folder: Path) -> dict[str, dict[str, str]]:
    """The configuration of an agent with these models."""
    return {
        "llm": {"model": str(folder / LLM)},
        "stt": {"model": str(folder / STT)},
        "tts": {"model": str(folder / VOICE)},
    }


def find_or_make() -> Path:
    """The folder with the models; making them takes a minute, 3 GB of disk and 2 GB of memory, for a moment."""
    home = default_cache_folder() / "real-shapes"
    folder = home / VERSION
    if folder.is_dir():
        return folder
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    unfinished = Path(tempfile.mkdtemp(dir=home))
    print("making models of real shapes, once; this takes a minute", file=sys.stderr)
    done = subprocess.run(
        ["nice", sys.executable, "-m", __name__, str(unfinished)], stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"the models of real shapes could not be made: {done.stderr[-500:]}")
    unfinished.rename(folder)
    return folder


def _make(folder: Path) -> None:
    from tests.bench.real_shapes import llm_shape, vocabulary, voice_shape, whisper_shape
    from tests.bench.real_shapes.script import demo_script

    script = demo_script()
    said = (*(line.words for line in script.lines.values()), *script.replies.values())
    llm_shape.make(folder / LLM, vocabulary.learn(said, llm_shape.WORDS), os.cpu_count() or 1)
    whisper_shape.make(folder / STT, vocabulary.learn(said, whisper_shape.WORDS))
    voice_shape.make(folder / VOICE)


if __name__ == "__main__":
    _make(Path(sys.argv[1]))
