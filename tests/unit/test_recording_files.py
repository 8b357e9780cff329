"""Legs → one stereo file, whole or not at all."""

import struct
import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest

from ari_app import recording_files
from ari_app.errors import RecordingError
from ari_app.recording_files import join_legs, wait_complete, write_recording


def leg(path: Path, samples: list[int], *, rate: int = 8000, channels: int = 1, finished: bool = True) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.array(samples, "<i2").tobytes())
    if not finished:  # as Asterisk leaves it when it is killed
        with path.open("r+b") as raw:
            raw.seek(40)
            raw.write(struct.pack("<I", 0))
    return path


def read(path: Path) -> tuple[list[int], list[int]]:
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 2
        pairs = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return pairs[::2].tolist(), pairs[1::2].tolist()


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("caller", "agent"), [([1, 2, 3], [4, 5, 6]), ([1], [4, 5, 6]), ([1, 2, 3], []), ([], []), ([7] * 8000, [8] * 100)]
)
def test_two_legs(tmp_path: Path, caller: list[int], agent: list[int], finished: bool) -> None:
    left, right = leg(tmp_path / "c.wav", caller, finished=finished), leg(tmp_path / "a.wav", agent)
    seconds = join_legs(left, right, tmp_path / "out.wav")
    length = max(len(caller), len(agent))
    assert seconds == length / 8000
    assert read(tmp_path / "out.wav") == (
        caller + [0] * (length - len(caller)),
        agent + [0] * (length - len(agent)),
    )
    assert [file.name for file in tmp_path.iterdir()] == ["out.wav"], "legs and temporary file are gone"


def test_long_legs_take_little_memory(tmp_path: Path) -> None:
    samples = np.arange(4_000_000).astype("<i2").tolist()
    left, right = leg(tmp_path / "c.wav", samples), leg(tmp_path / "a.wav", samples[:3_000_001])
    tracemalloc.start()
    join_legs(left, right, tmp_path / "out.wav")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6_000_000
    caller, agent = read(tmp_path / "out.wav")
    assert caller == samples
    assert agent == samples[:3_000_001] + [0] * 999_999


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda path: None, r"c\.wav cannot be used \(No such file or directory\) — check its rights and the disk"),
        (lambda path: path.write_bytes(b""), r"c\.wav is an empty file"),
        (lambda path: path.write_bytes(b"nonsense" * 10), r"c\.wav is not a WAV file"),
        (lambda path: leg(path, [1], rate=16000), r"c\.wav and .*a\.wav have different rates — join them by hand"),
        (lambda path: leg(path, [1, 2], channels=2), r"c\.wav is a WAV file with 2 channels"),
    ],
)
def test_legs_that_cannot_be_joined_stay(tmp_path: Path, make: object, wanted: str) -> None:
    make(tmp_path / "c.wav")  # type: ignore[operator]
    leg(tmp_path / "a.wav", [1])
    before = sorted(tmp_path.iterdir())
    with pytest.raises(RecordingError, match=wanted):
        join_legs(tmp_path / "c.wav", tmp_path / "a.wav", tmp_path / "out.wav")
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    legs = leg(tmp_path / "c.wav", [1]), leg(tmp_path / "a.wav", [1])
    with pytest.raises(RecordingError, match=r"cannot be used \(No such file or directory\)"):
        join_legs(*legs, tmp_path / "gone" / "out.wav")
    assert all(path.exists() for path in legs)


def test_a_full_disk_leaves_the_legs_and_nothing_else(tmp_path: Path) -> None:
    legs = leg(tmp_path / "c.wav", [1]), leg(tmp_path / "a.wav", [1])
    out = tmp_path / "out.wav"
    (tmp_path / ".out.wav.part").symlink_to("/dev/full")  # every write there fails as on a full disk
    with pytest.raises(RecordingError, match=r"cannot be used \(No space left on device\)"):
        join_legs(*legs, out)
    assert sorted(tmp_path.iterdir()) == sorted(legs)


def test_what_a_crash_left_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".out.wav.part").write_bytes(b"x" * 10_000)
    join_legs(leg(tmp_path / "c.wav", [1]), leg(tmp_path / "a.wav", [2]), tmp_path / "out.wav")
    assert read(tmp_path / "out.wav") == ([1], [2])


def test_others_may_not_listen(tmp_path: Path) -> None:
    write_recording(tmp_path / "out.wav", b"RIFF")
    assert (tmp_path / "out.wav").read_bytes() == b"RIFF"
    assert (tmp_path / "out.wav").stat().st_mode & 0o137 == 0
    with pytest.raises(RecordingError, match="cannot be used"):
        write_recording(tmp_path / "gone" / "out.wav", b"RIFF")


def test_a_complete_leg_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_files.time, "sleep", lambda _: pytest.fail("it waited"))
    wait_complete(leg(tmp_path / "c.wav", [1, 2]))


def test_a_leg_is_waited_for_until_it_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, waits = tmp_path / "c.wav", []

    def sleep(_: float) -> None:
        """Asterisk's steps: no file, no header, an open file, a closed one."""
        steps = [lambda: path.touch(), lambda: leg(path, [1, 2], finished=False), lambda: leg(path, [1, 2])]
        steps[len(waits)]()
        waits.append(1)

    monkeypatch.setattr(recording_files.time, "sleep", sleep)
    wait_complete(path)
    assert len(waits) == 3


def test_a_leg_that_is_never_closed_or_never_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_files, "_COMPLETE_SECONDS", 0.0)
    wait_complete(leg(tmp_path / "c.wav", [1], finished=False))
    with pytest.raises(RecordingError, match=r"Asterisk did not write .*a\.wav — let Asterisk write there"):
        wait_complete(tmp_path / "a.wav")
