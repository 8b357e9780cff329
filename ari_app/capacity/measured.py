"""The measured limit as a file: written whole, believed only on the box and with the models it was measured with."""

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ari_app.errors import CapacityError
from ari_app.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a measurement holds for; with anything else it says nothing."""

    cores: int
    target_gap_ms: int
    engines: Mapping[str, str]
    """Setting → its value; of a model the file's name and its size in bytes."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What ``offhook bench capacity`` found."""

    calls: int
    """So many at once are answered in time, at least 1."""
    at: str
    """ISO date and time, UTC."""
    conditions: Conditions
    steps: Sequence[Mapping[str, Any]] = ()
    """Each number of calls that was tried, for people to read."""


def conditions(settings: Settings, cores: int) -> Conditions:
    """Those of this box with its configured models. Raises CapacityError when a model is not there."""
    models = {
        "stt.model": settings.stt.model / "model.bin",
        "llm.model": settings.llm.model,
        "tts.model": settings.tts.model,
    }
    if settings.turn.judge == "smart-turn" and settings.turn.judge_model:
        models["turn.judge_model"] = settings.turn.judge_model
    try:
        engines = {key: f"{file.name}, {file.stat().st_size}" for key, file in models.items()}
    except OSError as error:
        raise CapacityError(
            f"{error.filename} cannot be read ({error.strerror})", "correct the model's path"
        ) from error
    engines |= {"turn.judge": settings.turn.judge, "device": settings.device}
    return Conditions(cores, settings.capacity.target_gap_ms, engines)


def save(file: Path, measured: Measured) -> None:
    """Write it, or leave what is there as it is. Raises CapacityError."""
    with _writing(file) as unfinished:
        unfinished.write_text(json.dumps(asdict(measured), indent=2) + "\n", encoding="utf-8")
        os.replace(unfinished, file)


def check_writable(file: Path) -> None:
    """To know before a measurement of some minutes whether it can be kept. Raises CapacityError."""
    with _writing(file) as unfinished:
        unfinished.touch()
        unfinished.unlink()


@contextmanager
def _writing(file: Path) -> Iterator[Path]:
    try:
        yield file.with_name(file.name + ".new")
    except OSError as error:
        raise CapacityError(
            f"{file} cannot be written ({error.strerror})", "make its folder, or choose another with capacity.file"
        ) from error


def load(file: Path, here: Conditions) -> Measured | None:
    """What was measured under the conditions `here`; None, and a line in the log, when there is nothing of use."""
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        measured = Measured(int(raw["calls"]), str(raw["at"]), Conditions(**raw["conditions"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("the measured capacity cannot be read", extra={"file": str(file), "error": repr(error)})
        return None
    for what, now in asdict(here).items():
        if (then := getattr(measured.conditions, what)) != now:
            extra = {"file": str(file), "what": what, "then": str(then), "now": str(now)}
            log.warning("the measured capacity is of other conditions; measure again", extra=extra)
            return None
    return measured if measured.calls > 0 else None
