"""Where the tests and benchmarks have the smart-turn model from: the package pipecat-ai, which nothing else here needs.

Its wheel is fetched once, without what it depends on, and only the model is kept, in the cache folder.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from ari_app.demo.asterisk_install import default_cache_folder

WHEEL = "pipecat-ai==1.14.0"
MODEL = "smart-turn-v3.2-cpu.onnx"


def smart_turn_file() -> Path:
    """The cached model, fetched with pip the first time. Raises RuntimeError where that does not work."""
    cached = default_cache_folder() / "smart-turn" / MODEL
    if not cached.is_file():
        cached.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cached.parent) as folder:
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
            done = subprocess.run([*pip, "--dest", folder, WHEEL], capture_output=True, text=True)
            wheels = list(Path(folder).glob("*.whl"))
            if done.returncode != 0 or not wheels:
                raise RuntimeError(f"the smart-turn model cannot be fetched: pip download {WHEEL}: {done.stderr}")
            with zipfile.ZipFile(wheels[0]) as wheel:
                name = next(name for name in wheel.namelist() if name.endswith(f"/{MODEL}"))
                unpacked = Path(wheel.extract(name, folder))
            unpacked.rename(cached)  # at once: what is there is complete
    return cached
