"""Voices and music for the benchmarks' callers: the demo voice, and what Debian packages, unpacked privately.

flite and espeak-ng come with their libraries as the host's own apt resolves them, into our cache, as
ari_app/demo/asterisk_install.py does it for Asterisk; nothing is installed. All of them are deterministic.
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ari_app.audio.wav import read_wav
from ari_app.demo.asterisk_install import default_cache_folder
from ari_app.demo.conversation import PHONE_RATE, to_phone
from ari_app.engines.tts import PiperTts
from ari_app.settings import TtsSettings

Pcm = NDArray[np.int16]
"""Mono at PHONE_RATE."""

PACKAGES = ("espeak-ng", "flite", "asterisk-moh-opsound-wav")
DEBIAN_VOICES = {
    "slt": ("flite", "-voice", "slt"),
    "rms": ("flite", "-voice", "rms"),
    "awb": ("flite", "-voice", "awb"),
    "kal": ("flite", "-voice", "kal16"),
    "british": ("espeak-ng", "-v", "en-gb", "-s", "155"),
    "annie": ("espeak-ng", "-v", "en-us+Annie", "-s", "145"),
}
"""What says a text, by the voice's name here."""
PHONEMES = {"mm-hm": {"flite": "pau m m hh m m pau", "espeak-ng": "[[m:h'm:]]"}}
"""What they would spell letter by letter, in their own phonemes."""


def debian_root() -> Path:
    """Where PACKAGES and their libraries are unpacked; fetched the first time. Raises RuntimeError."""
    folder = default_cache_folder() / "voices"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".voices-") as name:
        archives, root = Path(name) / "archives", Path(name) / "root"
        (archives / "partial").mkdir(parents=True)
        command = ["apt-get", "-qq", "-y", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="]
        command += ["-o", f"Dir::Cache::archives={archives}", "--no-install-recommends", "--reinstall"]
        try:
            _run([*command, "--download-only", "install", *PACKAGES])
            for package in sorted(archives.glob("*.deb")):
                _run(["dpkg-deb", "--extract", str(package), str(root)])
        except (OSError, subprocess.CalledProcessError) as error:
            raise RuntimeError(f"{', '.join(PACKAGES)} cannot be fetched: {error}; try: apt-get update") from error
        root.rename(folder)
    return folder


def debian_voice(voice: str, text: str) -> Pcm:
    """A text in one of DEBIAN_VOICES."""
    root = debian_root()
    program, *options = DEBIAN_VOICES[voice]
    libraries = sorted({file.parent for file in root.rglob("lib*.so*")})
    spoken = PHONEMES.get(text, {}).get(program, text)
    if program == "flite":
        options += ["-t" if spoken == text else "-p", spoken, "-o", "/dev/stdout"]
    else:
        options += [f"--path={next(root.glob('usr/lib/*/espeak-ng-data')).parent}", "--stdout", spoken]
    binary = root / "usr/bin" / program
    wav = _run([str(binary) if binary.exists() else shutil.which(program) or program, *options], libraries)
    return to_phone(*read_wav(wav))


def demo_voice(texts: Iterable[str], length_scale: float = 1.0) -> list[Pcm]:
    """Texts in the demo voice; over 1 speaks slower. Not from within an event loop."""

    async def speak() -> list[Pcm]:
        voice = PiperTts(TtsSettings(length_scale=length_scale))
        try:
            return [await voice.speak(text, PHONE_RATE) for text in texts]
        finally:
            await voice.close()

    return asyncio.run(speak())


def music() -> list[Pcm]:
    """The pieces of Debian's music on hold."""
    return [to_phone(*read_wav(file.read_bytes())) for file in sorted(debian_root().rglob("moh/*.wav"))]


def at_level(pcm: Pcm, peak_dbfs: float) -> Pcm:
    """The same sound with its peak at a level under full scale."""
    peak = max(1, int(np.abs(pcm.astype(int)).max(initial=1)))
    louder: Pcm = (pcm.astype(float) * (32767 * 10 ** (peak_dbfs / 20) / peak)).astype(np.int16)
    return louder


def _run(command: list[str], libraries: Iterable[Path] = ()) -> bytes:
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries))} if libraries else None
    done = subprocess.run(command, capture_output=True, check=True, timeout=120, env=environment)
    return done.stdout
