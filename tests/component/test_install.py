"""install.sh with a stand-in for Python that does what venv and pip leave behind, and fails or waits when asked to.

The real thing, compiler and network included, is what `./install.sh test` itself has just done.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ari_app.settings import PROJECT_ROOT

PYTHON = r"""#!/usr/bin/env bash
if [[ -n $FAKE_PAUSES && "$*" == *$FAKE_PAUSES* ]]; then
  echo $$ >"$FAKE/paused.new"
  mv "$FAKE/paused.new" "$FAKE/paused"
  exec sleep 1000
fi
case $* in
  "-c import platform"*) echo "there $0" && exit ;;
  "-c "*) exit ;;
esac
echo "$*" >>"$FAKE/calls"
[[ -z $FAKE_FAILS || "$*" != *$FAKE_FAILS* ]] || { echo "$FAKE_SAYS"; exit 1; }
case $* in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp "$0" "$3/bin/offhook" ;;
  *" wheel "*)
    while [[ $1 != --wheel-dir ]]; do shift; done
    mkdir "$2" && touch "$2/llama.whl"
    echo "$CMAKE_ARGS" >"$FAKE/cmake_args"
    ;;
esac
"""
TOOLS = {
    "python3": PYTHON,
    **dict.fromkeys(("cc", "c++", "make"), "#!/bin/sh\n"),
    "apt-get": '#!/bin/sh\necho "apt-get $*" >>"$FAKE/calls"\n',
    "uname": "#!/bin/sh\necho x86_64\n",
    "lscpu": '#!/bin/sh\necho "Flags: fpu sse4_2 avx avx2 bmi2 fma f16c $FAKE_PROCESSOR"\n',
    "sudo": '#!/bin/sh\n[ "$1" = -v ] || { shift; exec "$@"; }\n',
}


@dataclass
class Checkout:
    """A copy of what install.sh reads, and the stand-ins it finds."""

    root: Path
    environment: dict[str, str]

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.root / "install.sh", *arguments],
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Exit status, and what was said on stderr."""
        process = self.start(*arguments, **environment)
        said = process.communicate(timeout=60)[1]
        return process.returncode, said

    def calls(self) -> list[str]:
        """What Python was asked to do since the last time, by its short name."""
        path = self.root.parent / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        kinds = {
            "-m venv": "venv",
            " wheel ": "wheel",
            "--force-reinstall": "llama",
            "[dev]": "dev",
            "[cuda]": "cuda",
            "[dev,cuda]": "dev with cuda",
            "--editable": "run",
        }
        return [next((kind for mark, kind in kinds.items() if mark in line), line) for line in lines]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root = tmp_path / "a checkout"
    tools = tmp_path / "tools"
    root.mkdir()
    tools.mkdir()
    for name in ("install.sh", "pyproject.toml"):
        shutil.copy(PROJECT_ROOT / name, root)
    for name, text in TOOLS.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "FAKE": str(tmp_path),
        "OFFHOOK_CACHE": str(tmp_path / "cache"),
    }
    return Checkout(root, environment | {"FAKE_FAILS": "", "FAKE_SAYS": "", "FAKE_PAUSES": "", "FAKE_PROCESSOR": ""})


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_a_second_run_does_nothing(checkout: Checkout) -> None:
    assert checkout.run("setup")[0] == 0
    assert checkout.calls() == ["venv", "wheel", "llama", "run", "--version"]
    assert checkout.run("setup") == (0, "")
    assert checkout.calls() == []
    assert not (checkout.root.parent / "cache/setup.tmp").exists()


def test_what_tests_need_is_added_and_stays(checkout: Checkout) -> None:
    checkout.run("setup")
    checkout.calls()
    assert checkout.run("setup", "--dev")[0] == 0
    assert checkout.calls() == ["llama", "dev", "--version"]
    assert checkout.run("setup") == (0, "")
    (checkout.root / "pyproject.toml").write_text((PROJECT_ROOT / "pyproject.toml").read_text() + "\n")
    assert checkout.run("setup")[0] == 0
    assert checkout.calls() == ["llama", "dev", "--version"]


def test_other_build_options_are_another_build(checkout: Checkout) -> None:
    checkout.run("setup")
    checkout.calls()
    assert checkout.run("setup", CMAKE_ARGS="-DGGML_CUDA=on")[0] == 0
    assert checkout.calls() == ["wheel", "llama", "run", "--version"]
    assert checkout.run("setup")[0] == 0
    assert checkout.calls() == ["llama", "run", "--version"]


AVX512 = "avx512f avx512cd avx512vl avx512dq avx512bw"


@pytest.mark.parametrize(
    ("processor", "expected"),
    [
        ("", {"AVX2=ON", "AVX_VNNI=OFF", "AVX512=OFF", "AVX512_VNNI=OFF"}),
        ("avx_vnni", {"AVX2=ON", "AVX_VNNI=ON", "AVX512=OFF"}),
        (AVX512, {"AVX512=ON", "AVX512_VBMI=OFF", "AVX512_VNNI=OFF", "AVX512_BF16=OFF"}),
        ("avx512f avx512cd", {"AVX512=OFF"}),
        (f"{AVX512} avx512vbmi avx512_vnni", {"AVX512=ON", "AVX512_VBMI=ON", "AVX512_VNNI=ON", "AVX512_BF16=OFF"}),
        (f"{AVX512} avx512_bf16 amx_tile amx_int8", {"AVX512=ON", "AVX512_BF16=ON"}),
    ],
)
def test_llama_cpp_is_built_for_this_processor(checkout: Checkout, processor: str, expected: set[str]) -> None:
    assert checkout.run("setup", FAKE_PROCESSOR=processor)[0] == 0
    options = (checkout.root.parent / "cmake_args").read_text()
    assert {f"-DGGML_{option}" for option in expected} | {"-DGGML_NATIVE=OFF"} <= set(options.split())
    assert "AMX" not in options


def test_another_processor_is_another_build(checkout: Checkout) -> None:
    checkout.run("setup", FAKE_PROCESSOR=AVX512)
    checkout.calls()
    assert checkout.run("setup")[0] == 0
    assert checkout.calls() == ["wheel", "llama", "run", "--version"]
    assert checkout.run("setup", FAKE_PROCESSOR=AVX512)[0] == 0
    assert checkout.calls() == ["llama", "run", "--version"]


def add_gpus(checkout: Checkout, *kinds: str) -> None:
    tools = checkout.root.parent / "tools"
    (tools / "nvcc").write_text("#!/bin/sh\n")
    (tools / "nvidia-smi").write_text("#!/bin/sh\nprintf '%s\\n' " + " ".join(kinds) + "\n")
    for name in ("nvcc", "nvidia-smi"):
        (tools / name).chmod(0o755)


def test_cuda_is_built_for_the_gpus_here_and_stays_until_it_is_not_wanted(checkout: Checkout) -> None:
    add_gpus(checkout, "9.0", "8.6", "9.0")
    assert checkout.run("--cuda", "setup")[0] == 0
    assert checkout.calls() == ["venv", "wheel", "llama", "cuda", "--version"]
    options = (checkout.root.parent / "cmake_args").read_text().split()
    assert {"-DGGML_CUDA=ON", "-DCMAKE_CUDA_ARCHITECTURES=86;90"} <= set(options)
    assert checkout.run("setup") == (0, "")
    assert checkout.run("setup", "--dev")[0] == 0
    assert checkout.calls() == ["llama", "dev with cuda", "--version"]
    assert checkout.run("--cpu", "setup")[0] == 0
    assert checkout.calls() == ["wheel", "llama", "dev", "--version"]
    assert checkout.run("setup") == (0, "")


def test_cuda_without_its_tools_says_what_is_missing(checkout: Checkout) -> None:
    status, said = checkout.run("--cuda", "setup", CUDACXX="/nowhere/nvcc")
    assert status == 1
    assert "there is no CUDA compiler" in said
    add_gpus(checkout)
    (checkout.root.parent / "tools/nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    status, said = checkout.run("--cuda", "setup")
    assert status == 1
    assert "nvidia-smi finds no GPU" in said
    assert checkout.calls() == []


def test_a_checkout_that_was_moved_is_set_up_again(checkout: Checkout) -> None:
    checkout.run("setup")
    checkout.calls()
    checkout.root = checkout.root.rename(checkout.root.parent / "elsewhere")
    assert checkout.run("setup")[0] == 0
    assert checkout.calls() == ["venv", "llama", "run", "--version"]


def test_verbs_hand_their_arguments_on(checkout: Checkout) -> None:
    checkout.run("setup", "--dev")
    checkout.calls()
    assert checkout.run("demo", "--text", "two words")[0] == 0
    assert checkout.run("test", "-k", "name")[0] == 0
    assert checkout.calls() == ["demo --text two words", "-m pytest -k name"]
    assert checkout.run("test", FAKE_FAILS="pytest")[0] == 1


@pytest.mark.parametrize(
    ("output", "why", "remedy"),
    [
        ("error: [Errno 28] No space left on device", "the disk is full", "free some space"),
        ("Failed to establish a new connection: NewConnectionError", "a package was not reached", "check the network"),
        ("c++: fatal error: Killed signal terminated program cc1plus", "out of memory", "add swap"),
        ("CMake Error: CMAKE_CXX_COMPILER not set", "no working C++ compiler", "build-essential"),
        ("something never seen", "failed with status 1", "setup.log"),
    ],
)
def test_a_step_that_fails_says_why_and_the_next_run_goes_on(
    checkout: Checkout, output: str, why: str, remedy: str
) -> None:
    status, said = checkout.run("setup", FAKE_FAILS=" wheel ", FAKE_SAYS=output)
    assert status == 1
    assert output in said
    assert not (checkout.root.parent / "cache/setup.tmp").exists()  # a build leaves much
    complaint, advice = said.splitlines()[-2:]
    assert why in complaint
    assert remedy in advice
    assert checkout.run("setup")[0] == 0
    assert checkout.run("setup") == (0, "")


def test_nothing_is_half_installed(checkout: Checkout) -> None:
    assert checkout.run("demo", FAKE_FAILS="--editable")[0] == 1
    assert checkout.calls() == ["venv", "wheel", "llama", "run"]
    assert checkout.run("demo", FAKE_FAILS="--version")[0] == 1
    assert checkout.calls() == ["venv", "llama", "run", "--version"]
    assert checkout.run("demo")[0] == 0
    assert checkout.calls() == ["venv", "llama", "run", "--version", "demo"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_ends_what_it_started_and_goes_on_later(checkout: Checkout, number: signal.Signals) -> None:
    process = checkout.start("setup", FAKE_PAUSES=" wheel ")
    paused = checkout.root.parent / "paused"
    wait_for(paused.exists)
    process.send_signal(number)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "the same command again" in said
    wait_for(lambda: not Path(f"/proc/{int(paused.read_text())}").exists())
    assert checkout.run("setup")[0] == 0


def test_two_at_once_build_one_wheel(checkout: Checkout) -> None:
    processes = [checkout.start("setup") for _ in range(2)]
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert checkout.calls() == ["venv", "wheel", "llama", "run", "--version"]
    assert sum("another set-up is running" in text for text in said) == 1


def test_an_environment_of_somebody_else_is_left_alone(checkout: Checkout) -> None:
    (checkout.root / ".venv").mkdir()
    (checkout.root / ".venv/theirs").touch()
    status, said = checkout.run("setup")
    assert status == 1
    assert "was not made by install.sh" in said
    assert checkout.calls() == []
    assert (checkout.root / ".venv/theirs").exists()


def test_a_python_that_is_none_is_named(checkout: Checkout) -> None:
    status, said = checkout.run("setup", OFFHOOK_PYTHON="/nowhere/python3")
    assert status == 1
    assert "OFFHOOK_PYTHON=/nowhere/python3" in said


def test_a_cache_that_cannot_be_is_named(checkout: Checkout) -> None:
    (checkout.root / "file").touch()
    status, said = checkout.run("setup", OFFHOOK_CACHE=str(checkout.root / "file" / "cache"))
    assert status == 1
    assert "set OFFHOOK_CACHE" in said


def test_missing_packages_come_from_apt(checkout: Checkout) -> None:
    (checkout.root.parent / "tools/c++").write_text("#!/bin/sh\nexit 1\n")
    assert checkout.run("setup")[0] == 0
    calls = checkout.calls()
    assert calls[0].endswith(" update")
    assert calls[1].endswith(" install --yes --no-install-recommends build-essential")


@pytest.mark.parametrize("arguments", [(), ("unknown",), ("setup", "--prod"), ("setup", "--dev", "more"), ("--cpu",)])
def test_what_it_does_not_know_it_explains(checkout: Checkout, arguments: tuple[str, ...]) -> None:
    status, said = checkout.run(*arguments)
    assert status == 2
    assert said.startswith("usage: ./install.sh [--cuda|--cpu] VERB")
    assert checkout.calls() == []
