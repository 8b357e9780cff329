"""What fits into memory, told from files that look like the kernel's."""

from pathlib import Path

import pytest

from ari_app.engines.memory import check_room, free_bytes, llm_bytes, model_bytes, speech_bytes
from ari_app.errors import ModelError

MB = 1_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with 4 GB free; this process is in a control group inside another."""
    for folder in ("proc/self", "sys/fs/cgroup/outer/inner"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\nHugePages_Total: 0\n")
    (tmp_path / "proc/self/cgroup").write_text("0::/outer/inner\n")
    return tmp_path


def limit(root: Path, group: str, limit: str, used: int, *, file: int = 0, shmem: int = 0) -> None:
    folder = root / "sys/fs/cgroup" / group
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon {used}\nfile {file}\nshmem {shmem}\n")


def test_without_a_limit_it_is_the_machines(root: Path) -> None:
    assert free_bytes(root) == 4000000 * 1024
    limit(root, "outer/inner", "max", 100 * MB)
    assert free_bytes(root) == 4000000 * 1024


@pytest.mark.parametrize("group", ["outer/inner", "outer"])
def test_the_narrowest_limit_counts_less_what_is_used(root: Path, group: str) -> None:
    limit(root, group, str(2000 * MB), 700 * MB, file=300 * MB, shmem=100 * MB)
    assert free_bytes(root) == 1500 * MB  # of the 700, files in the cache give 200 back


def test_a_limit_over_what_the_machine_has_does_not_help(root: Path) -> None:
    limit(root, "outer", str(64_000 * MB), 0)
    assert free_bytes(root) == 4000000 * 1024


def test_this_machine_has_some() -> None:
    assert free_bytes() > 50 * MB


def test_sizes_of_models(tmp_path: Path) -> None:
    assert model_bytes(tmp_path / "missing.gguf") == 0
    (tmp_path / "one.gguf").write_bytes(bytes(1000))
    assert model_bytes(tmp_path / "one.gguf") == 1000
    for part in (1, 2, 3):
        (tmp_path / f"split-0000{part}-of-00003.gguf").write_bytes(bytes(10))
    assert model_bytes(tmp_path / "split-00001-of-00003.gguf") == 30
    assert model_bytes(tmp_path) == 1030
    assert speech_bytes(tmp_path / "one.gguf") == 2000
    assert llm_bytes(tmp_path / "one.gguf", 5 * MB) == pytest.approx(69 * MB, rel=0.001)


def test_too_much_is_refused_with_the_figures() -> None:
    check_room({"llm": 1500 * MB, "stt": 400 * MB}, 1900 * MB)
    with pytest.raises(
        ModelError, match=r"need 1\.9 GB of memory, 1\.2 GB are free \(llm 1\.5 GB, stt 0\.4 GB\)"
    ) as caught:
        check_room({"llm": 1500 * MB, "stt": 400 * MB}, 1200 * MB)
    assert "llm.context_tokens" in caught.value.remedy
