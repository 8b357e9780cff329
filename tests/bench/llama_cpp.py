"""llama.cpp's own batched benchmark, as Debian builds it, unpacked privately: what our batches are measured against."""

import json
import subprocess
import tempfile
from pathlib import Path

from ari_app.demo.asterisk_install import default_cache_folder
from ari_app.demo.debian import Packages, own_loader, unpacked

PACKAGES = Packages("llama.cpp", "sid", ("llama.cpp-tools-extra",), ("openssl-provider-legacy",))
PROGRAM = "usr/bin/llama-batched-bench"


def batched_bench(
    model: Path, sequences: tuple[int, ...], prompt_tokens: int, reply_tokens: int, threads: int
) -> dict[int, float]:
    """Tokens a second of so many sequences together, each after a prompt. Raises RuntimeError.

    Debian's ggml chooses among builds for several processors the best one for this; it looks for them where it is run.
    """
    root = unpacked(PACKAGES, default_cache_folder() / "llama.cpp", _complete) / "root"
    builds = next(root.glob("usr/lib/*/ggml/backends*"))
    cells = max(sequences) * (prompt_tokens + reply_tokens)
    options = ["-m", str(model), "-t", str(threads), "-c", str(cells), "-b", "512", "-ub", "512", "-kvu"]
    options += ["-npp", str(prompt_tokens), "-ntg", str(reply_tokens), "-npl", ",".join(map(str, sequences))]
    lines = _run(root, [*options, "--output-format", "jsonl"], builds).splitlines()
    results = [json.loads(line) for line in lines if line.startswith("{")]
    return {result["pl"]: result["speed_tg"] for result in results}


def _complete(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as elsewhere:
        _run(folder / "root", ["--help"], Path(elsewhere))


def _run(root: Path, options: list[str], where: Path) -> str:
    loader = own_loader(root, *root.glob("usr/lib/*/llama"))
    if loader is None:
        raise RuntimeError(f"{root} has no libc")
    try:
        done = subprocess.run(
            [*loader, str(root / PROGRAM), *options], capture_output=True, check=True, timeout=300, text=True, cwd=where
        )
    except subprocess.SubprocessError as error:
        said = (getattr(error, "stderr", None) or "")[-300:]
        raise RuntimeError(f"{PROGRAM} does not run: {error} {said}") from error
    return done.stdout
