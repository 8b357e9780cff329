"""`offhook replay` with the demonstration's engines: what bundled callers say is heard, decided and answered."""

import json
import wave

import numpy as np
import pytest

from ari_app import log
from ari_app.cli import main
from ari_app.settings import DEMO_MODELS

CALLERS = DEMO_MODELS / "callers"
RATE = 8000


@pytest.fixture(autouse=True)
def _logs_stay_pytests(monkeypatch):
    monkeypatch.setattr(log, "setup", lambda level: None)


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "offhook.yaml"
    file.write_text("agents:\n  receptionist: {transfers: {doctor: 'internal,300,1'}}\n  night: {greeting: Closed.}\n")
    return file


@pytest.fixture
def replay(tmp_path, config, capsys):
    """replay(script, *options) → the JSON; the script is names of callers' lines and seconds of silence."""

    def run(script, *options):
        file = tmp_path / "caller.wav"
        with wave.open(str(file), "wb") as out:
            out.setparams((1, 2, RATE, 0, "NONE", ""))
            for part in script:
                out.writeframes(
                    np.zeros(int(part * RATE), "<i2").tobytes() if not isinstance(part, str) else line(part)
                )
        assert main(["replay", str(file), "-c", str(config), "--json", *options]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def line(name):
    with wave.open(str(CALLERS / f"{name}.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        return file.readframes(file.getnframes())


def words(name):
    rows = (CALLERS / "lines.tsv").read_text().splitlines()
    return dict(row.split("\t") for row in rows)[f"{name}.wav"]


def turn_ends(told):
    return [moment for moment in told["timeline"] if moment["what"] == "turn_ends"]


def test_a_whole_call_is_heard_and_answered(replay):
    names = [f"saturday-{number}" for number in range(1, 5)]
    told = replay([3, *(part for name in names for part in (name, 6))])
    assert told["agent"] == "receptionist"
    assert [turn["caller_text"] for turn in told["turns"]] == ["", *map(words, names)]
    assert [turn["interrupted"] for turn in told["turns"]] == [False] * 5
    assert "nine to one" in told["turns"][1]["agent_text"]
    assert "one o'clock" in told["turns"][2]["agent_text"]
    assert "insurance" in told["turns"][3]["agent_text"]
    assert (told["status"], told["reason"]) == ("COMPLETED", "agent_hung_up")
    assert [(tool["turn"], tool["name"]) for tool in told["tool_calls"]] == [(4, "hang_up")]
    assert len(told["responses_ms"]) == 4
    for moment, response_ms in zip(turn_ends(told), told["responses_ms"], strict=True):
        assert response_ms >= moment["silence_ms"] - 20
    assert told["recorded_s"] > 30


def test_a_transfer_is_only_told(replay):
    told = replay([3, "person-1", 8])
    assert (told["status"], told["transfer_to"]) == ("TRANSFER", "internal,300,1")


def test_the_same_audio_with_other_settings_is_decided_otherwise(replay):
    script = [3, "booking-3", 0.6, "booking-4", 6]
    judged_by_silence = ["--set", "turn.judge=silence", "--set", "turn.endpoint_max_ms=2000"]
    impatient = replay(script, *judged_by_silence)
    patient = replay(script, *judged_by_silence, "--set", "turn.endpoint_ms=1500")
    assert [moment["silence_ms"] for moment in turn_ends(impatient)] == [400, 400]
    assert [moment["silence_ms"] for moment in turn_ends(patient)] == [1500]
    assert turn_ends(impatient)[0]["words"] == words("booking-3")
    # Both lines as one: the demonstration's ears know one sentence at a time, but hear that there are two.
    assert "my name is" in turn_ends(patient)[0]["words"]
    assert "my number is" in turn_ends(patient)[0]["words"]
    assert patient["changed"]["turn.endpoint_ms"] == {"from": 400, "to": 1500}
    assert impatient["changed"]["turn.endpoint_max_ms"] == {"from": 1200, "to": 2000}


def test_another_agent(replay):
    told = replay([2, "directions-4", 3], "--agent", "night")
    assert (told["agent"], told["turns"][0]["agent_text"]) == ("night", "Closed.")


def test_for_people(config, capsys):
    assert main(["replay", str(CALLERS / "directions-1.wav"), "-c", str(config)]) == 0
    shown = capsys.readouterr()
    assert "caller  where are you located" in shown.out
    assert "turn ends after" in shown.out
    assert "first_frame_sent" in shown.out
    assert "speech to text ready" in shown.err


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["nowhere.wav"], 1, "offhook: nowhere.wav: no such file — give the path of a WAV file, or a call's id"),
        ([str(CALLERS / "lines.tsv")], 1, "lines.tsv: not a WAV file — give a WAV file of 16-bit PCM"),
        (["--set", "turn.endpoint_ms=5", "a"], 2, "--set turn.endpoint_ms: 5 is out of bounds — use a value from 100"),
        (["--set", "turns.x=1", "a"], 2, "--set turns: unknown key — did you mean turn?"),
        (["--set", "media.listen=snoop", "a"], 2, "--set media.listen: changes nothing in a replay — leave it out"),
        (["--agent", "x", str(CALLERS / "message-4.wav")], 2, "there is no agent x — choose one of them with --agent"),
    ],
)
def test_mistakes_are_told_in_one_line(config, capsys, arguments, status, complaint):
    assert main(["replay", "-c", str(config), *arguments]) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint in line


def test_a_setting_without_a_value(config, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["replay", "-c", str(config), "a.wav", "--set", "turn"])
    assert caught.value.code == 2
    assert "turn: write it as section.key=value" in capsys.readouterr().err
