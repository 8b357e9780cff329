"""Where the caller's audio is taken from, and what is said when it cannot be."""

import wave
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ari_app.errors import AudioError, ConfigError, OffhookError, RecordingError, StoreError
from ari_app.replay.source import find, read
from ari_app.settings import AgentSettings, Settings, StoreSettings
from ari_app.store.records import CallEnd, CallRecord
from ari_app.store.store import Store

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def wav(path: Path, *columns: list[int] | int, rate: int = 8000, seconds: float = 0.5) -> Path:
    """A WAV of a column a channel: constant samples."""
    samples = np.column_stack([np.full(int(rate * seconds), column, "<i2") for column in columns])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(columns))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def settings(url: str = "sqlite:////nowhere/offhook.sqlite") -> Settings:
    return replace(Settings(), store=StoreSettings(url), agents={"day": AgentSettings(), "night": AgentSettings()})


@pytest.mark.parametrize(("rate", "expected"), [(8000, 8000), (16000, 16000), (11025, 16000), (44100, 16000)])
def test_any_rate_becomes_one_that_a_line_has(tmp_path: Path, rate: int, expected: int) -> None:
    recording = read(wav(tmp_path / "a.wav", 500, rate=rate))
    assert recording.rate == expected
    assert recording.seconds == pytest.approx(0.5, abs=0.001)
    assert np.median(np.frombuffer(recording.pcm, np.int16)) == pytest.approx(500, abs=5)


def test_the_caller_is_the_left_channel(tmp_path: Path) -> None:
    recording = read(wav(tmp_path / "a.wav", 700, -3000))
    assert set(np.frombuffer(recording.pcm, np.int16)) == {700}


def test_a_mix_of_both_sides_is_no_caller(tmp_path: Path) -> None:
    mix = wav(tmp_path / "a.wav", 700)
    assert read(mix).seconds == 0.5
    with pytest.raises(RecordingError, match="mix of caller and agent"):
        read(mix, of_call=True)


def test_a_file_and_who_answers_it(tmp_path: Path) -> None:
    file = str(wav(tmp_path / "a.wav", 1))
    assert find(file, None, settings()).agent == "day"
    assert find(file, "night", settings()).agent == "night"
    with pytest.raises(ConfigError, match="no agent evening") as caught:
        find(file, "evening", settings())
    assert "day, night" in caught.value.remedy


@pytest.mark.parametrize(
    ("data", "complaint"),
    [(b"", "an empty file"), (b"hello", "not a WAV file"), (None, "no such file"), ("no samples", "without audio")],
)
def test_files_that_are_no_recording(tmp_path: Path, data: bytes | str | None, complaint: str) -> None:
    file = tmp_path / "a.wav"
    if isinstance(data, bytes):
        file.write_bytes(data)
    elif data:
        wav(file, 1, seconds=0)
    with pytest.raises(AudioError, match=complaint) as caught:
        find(str(file), None, settings())
    assert str(file) in caught.value.message
    assert caught.value.remedy


@pytest.fixture
async def url(tmp_path: Path) -> str:
    """A store of calls, of which only a1 can be replayed."""
    url = f"sqlite:///{tmp_path}/calls.sqlite"
    store = await Store.open(url)
    mix = wav(tmp_path / "mix.wav", 1)
    legs = wav(tmp_path / "legs.wav", 5, -5, rate=16000)
    recordings = {"a1": str(legs), "b2": None, "c3": str(tmp_path / "gone.wav"), "d4": str(mix)}
    for call_id in (*recordings, "e5"):
        store.call_started(CallRecord(call_id, "night", "123", "", "PJSIP/a-1", NOW, "rtp", "auto"))
    for call_id, recording in recordings.items():
        store.call_ended(CallEnd(call_id, "COMPLETED", "agent_hung_up", NOW, {}, recording))
    await store.close()
    return url


async def test_a_call_by_the_beginning_of_its_id(url: str) -> None:
    source = find("a", None, settings(url))
    assert (source.name, source.agent, source.recording.rate) == ("a1", "night", 16000)
    assert set(np.frombuffer(source.recording.pcm, np.int16)) == {5}
    assert find("a1", "day", settings(url)).agent == "day"


@pytest.mark.parametrize(
    ("call_id", "complaint", "remedy"),
    [
        ("b2", "the call b2 was not recorded", "recording.mode"),
        ("c3", r"gone.wav cannot be read \(No such file", "ls -l"),
        ("d4", "mix of caller and agent", "legs"),
        ("e5", "the call e5 has not ended", "complete"),
        ("zz", "zz is no file, and there is no call zz", "offhook calls"),
    ],
)
async def test_calls_that_cannot_be_replayed(url: str, call_id: str, complaint: str, remedy: str) -> None:
    with pytest.raises(OffhookError, match=complaint) as caught:
        find(call_id, None, settings(url))
    assert remedy in caught.value.remedy


async def test_a_call_whose_agent_is_gone(url: str) -> None:
    with pytest.raises(ConfigError, match="no agent night"):
        find("a1", None, replace(settings(url), agents={"day": AgentSettings()}))


def test_no_store_at_all() -> None:
    with pytest.raises(StoreError, match="a1 is no file"):
        find("a1", None, settings())
