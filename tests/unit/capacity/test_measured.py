"""capacity/measured.py: kept whole, and believed only where it was measured."""

import json
from dataclasses import replace

import pytest

from ari_app.capacity.measured import Conditions, Measured, check_writable, conditions, load, save
from ari_app.errors import CapacityError
from ari_app.settings import Settings, SttSettings

HERE = Conditions(2, 800, {"llm.model": "a.gguf, 100", "turn.judge": "text"})
MEASURED = Measured(12, "2026-01-02T03:04:05+00:00", HERE, [{"calls": 12, "p95_ms": 700.0}])


@pytest.fixture
def file(tmp_path):
    save(tmp_path / "capacity.json", MEASURED)
    return tmp_path / "capacity.json"


def test_what_is_saved_is_loaded(file):
    assert load(file, HERE) == replace(MEASURED, steps=())
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


ELSEWHERE = {
    "more cores": replace(HERE, cores=4),
    "another target": replace(HERE, target_gap_ms=500),
    "another model": replace(HERE, engines={**HERE.engines, "llm.model": "b.gguf, 100"}),
    "a model of another size": replace(HERE, engines={**HERE.engines, "llm.model": "a.gguf, 101"}),
    "another judge": replace(HERE, engines={**HERE.engines, "turn.judge": "silence"}),
}


@pytest.mark.parametrize("here", ELSEWHERE.values(), ids=ELSEWHERE)
def test_elsewhere_it_says_nothing_and_the_log_says_why(file, here, caplog):
    assert load(file, here) is None
    assert "other conditions" in caplog.text


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "nonsense", '{"calls": "many"}', '{"calls": 3, "at": "", "conditions": {}}']
)
def test_what_cannot_be_read_says_nothing_and_the_log_says_why(file, text, caplog):
    file.write_text(text)
    assert load(file, HERE) is None
    assert "cannot be read" in caplog.text


def test_nothing_measured_is_no_warning(tmp_path, caplog):
    assert load(tmp_path / "capacity.json", HERE) is None
    assert caplog.text == ""


def test_where_it_cannot_be_written(file):
    for write in (check_writable, lambda file: save(file, MEASURED)):
        with pytest.raises(CapacityError, match="No such file"):
            write(file.parent / "nowhere" / "capacity.json")
    check_writable(file)
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]
    file.with_name(file.name + ".new").mkdir()
    with pytest.raises(CapacityError, match="directory"):
        save(file, replace(MEASURED, calls=1))
    assert json.loads(file.read_text())["calls"] == 12


def test_the_conditions_tell_models_by_name_and_size(tmp_path):
    here = conditions(Settings(), 2)
    size = Settings().llm.model.stat().st_size
    assert here.engines["llm.model"] == f"lakeside.gguf, {size}"
    assert set(here.engines) == {"stt.model", "llm.model", "tts.model", "turn.judge", "device"}
    with pytest.raises(CapacityError, match=r"model\.bin"):
        conditions(replace(Settings(), stt=SttSettings(model=tmp_path)), 2)
