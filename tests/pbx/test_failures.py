"""What an admin gets wrong: each ends `offhook run` with one line that names the thing and the remedy."""

import shutil
import socket

import pytest

from ari_app.cli import main
from ari_app.demo.agent_process import AgentProcess, demo_config
from ari_app.demo.asterisk import PrivateAsterisk
from ari_app.errors import OffhookError
from ari_app.settings import DEMO_MODELS


def refused(pbx, folder, **sections):
    """Start an agent that must not start; returns its last line and exit status."""
    agent = AgentProcess(demo_config(pbx, folder, sections), folder)
    with pytest.raises(OffhookError):
        agent.start(30)
    lines = agent.log_file.read_text().splitlines()
    assert "Traceback" not in "\n".join(lines)
    return lines[-1], agent.stop()


def test_a_wrong_ari_password(pbx, tmp_path):
    line, status = refused(pbx, tmp_path, asterisk={"ari_password_file": None, "ari_password": "wrong"})
    assert status == 1
    assert "ari.conf" in line
    assert "ari_password" in line


def test_a_wrong_ami_secret(pbx, tmp_path):
    line, status = refused(pbx, tmp_path, asterisk={"ami_password_file": None, "ami_password": "wrong"})
    assert status == 1
    assert "manager.conf" in line


@pytest.mark.parametrize(("key", "named"), [("ari_url", "ARI"), ("ami_port", "manager")])
def test_nobody_there(pbx, tmp_path, key, named):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line, status = refused(pbx, tmp_path, asterisk={key: port if key == "ami_port" else f"http://127.0.0.1:{port}"})
    assert status == 1
    assert str(port) in line
    assert named.lower() in line.lower()


@pytest.mark.parametrize(
    ("section", "model"),
    [("stt", "stt"), ("llm", "llm/lakeside.gguf"), ("tts", "voice/demo-en.onnx")],
)
def test_a_missing_and_a_corrupt_model(pbx, tmp_path, section, model):
    line, status = refused(pbx, tmp_path, **{section: {"model": str(tmp_path / "nowhere")}})
    assert status == 2  # found by the check of the configuration, before anything is loaded
    assert f"{section}.model" in line
    bad = tmp_path / model
    bad.parent.mkdir(parents=True, exist_ok=True)
    if section == "stt":
        shutil.copytree(DEMO_MODELS / "stt", bad)
        (bad / "model.bin").write_bytes(b"not a model" * 1000)
    else:
        shutil.copytree(DEMO_MODELS / bad.parent.name, bad.parent, dirs_exist_ok=True)
        bad.write_bytes(b"not a model" * 1000)
    line, status = refused(pbx, tmp_path, **{section: {"model": str(bad)}})
    assert status == 1
    assert str(bad) in line


def test_a_module_that_is_not_loaded_is_named(asterisk_install, tmp_path):
    with PrivateAsterisk(asterisk_install, tmp_path / "pbx") as own:
        own.command("module unload chan_websocket.so")
        line, status = refused(own, tmp_path, media={"transport": "websocket"})
    assert status == 1
    assert "chan_websocket.so" in line
    assert "module load" in line


def test_a_port_that_is_taken(pbx, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line, status = refused(pbx, tmp_path, agi={"port": port})
        assert (str(port) in line, "agi.port" in line, status) == (True, True, 1)
        sections = {"media": {"transport": "audiosocket", "audiosocket_port": port}}
        line, status = refused(pbx, tmp_path, **sections)
        assert (str(port) in line, "audiosocket_port" in line, status) == (True, True, 1)


def test_a_recording_folder_that_cannot_be_written(pbx, tmp_path):
    # root may write into a folder without rights, but nobody into /proc
    line, status = refused(pbx, tmp_path, recording={"folder": "/proc/offhook"})
    assert status == 2
    assert "recording.folder" in line
    assert "/proc/offhook" in line


def test_a_wav_that_is_none(tmp_path, capsys):
    bad = tmp_path / "song.wav"
    bad.write_bytes(b"ID3 this is not a WAV")
    assert main(["demo", "--wav", str(bad)]) == 1
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1
    assert str(bad) in error


def test_every_mistake_of_a_configuration_is_named_with_its_line(tmp_path, capsys):
    config = tmp_path / "offhook.yaml"
    config.write_text("turn:\n  endpoint_msec: 400\nmedia:\n  transport: pigeon\n")
    assert main(["check", "-c", str(config)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert any("line 2" in e and "endpoint_ms" in e for e in errors)
    assert any("line 4" in e and "pigeon" in e for e in errors)
    assert any("agents" in e for e in errors)
