"""``offhook bench capacity`` with the demonstration's engines, briefly: the whole command, in real time."""

import json

import pytest

from ari_app.capacity import measure
from ari_app.cli import main

pytestmark = pytest.mark.usefixtures("logging_restored")

CONFIG = """
agents: {receptionist: {transfers: {sales: "1"}}}
capacity: {file: capacity.json, target_gap_ms: 10000}
"""


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "offhook.yaml"
    file.write_text(CONFIG)
    return file


def test_one_call_fits_and_the_result_is_kept(config, capsys, monkeypatch):
    monkeypatch.setattr(measure, "STAGGER_SECONDS", 1.0)
    monkeypatch.setattr(measure, "LEAST_TURNS", 1)
    wishes = ["--max-calls", "1", "--seconds-per-step", "2", "--json"]
    assert main(["bench", "capacity", "-c", str(config), *wishes]) == 0
    printed = json.loads(capsys.readouterr().out)
    kept = json.loads((config.parent / "capacity.json").read_text())
    assert printed == kept
    (step,) = kept["steps"]
    assert (kept["calls"], step["calls"], step["unanswered"]) == (1, 1, 0)
    assert step["understood"] == 1, "the demonstration's ears know LINES"


@pytest.mark.parametrize("wrong", [["--max-calls", "0"], ["--seconds-per-step", "soon"], ["--target-ms", "-1"]])
def test_arguments_that_make_no_sense(config, wrong, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "capacity", "-c", str(config), *wrong])
    assert stopped.value.code == 2
    assert "give a whole number over 0" in capsys.readouterr().err


def test_a_result_that_cannot_be_kept_is_told_before_it_is_measured(config, capsys):
    config.write_text(CONFIG.replace("file: capacity.json", "file: nowhere/capacity.json"))
    assert main(["bench", "capacity", "-c", str(config)]) == 1
    assert "nowhere/capacity.json cannot be written" in capsys.readouterr().err
