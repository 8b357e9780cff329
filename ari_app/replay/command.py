"""The verb `replay`: settings, the recording, the engines, one replayed call, its report."""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console

from ari_app.config import Override
from ari_app.engines.loader import load_engines
from ari_app.errors import ConfigError
from ari_app.replay import render
from ari_app.replay.clock import VirtualTimeLoop, running_loop
from ari_app.replay.run import Replayed, replay
from ari_app.replay.source import Source, find
from ari_app.settings import Settings

UNUSED = ("asterisk", "media", "recording", "agi", "store", "capacity")
"""Sections that a replay does not look at: it needs no Asterisk, and neither its passwords nor our folders."""
_PIPED_COLUMNS = 160
"""Width when the output is no terminal: tables stay whole."""


def command(
    what: str,
    before: Settings,
    settings: Settings,
    overrides: Sequence[Override],
    *,
    agent: str | None,
    as_json: bool,
) -> int:
    """Replay the file or call `what` and print it; the exit status. `settings` are those of `before` with `overrides`.

    Raises OffhookError.
    """
    changed = {o.key: (_value(before, o.key), _value(settings, o.key)) for o in overrides}
    source = find(what, agent, settings)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        replayed = runner.run(_with_engines(settings, source, _progress))
    if as_json:
        print(json.dumps(render.data(source.name, replayed, changed), indent=2))
    else:
        width = None if sys.stdout.isatty() else _PIPED_COLUMNS
        Console(width=width).print(render.render(source.name, replayed, changed))
    return 0


def check_used(overrides: Sequence[Override]) -> None:
    """Raises ConfigError for a setting that a replay does not look at."""
    for override in overrides:
        if override.key.partition(".")[0] in UNUSED:
            raise ConfigError("changes nothing in a replay", "leave it out", key=f"--set {override.key}")


async def _with_engines(settings: Settings, source: Source, progress: Callable[[str], None]) -> Replayed:
    loop = running_loop()
    with loop.working():
        engines = await load_engines(settings, progress)
    try:
        return await replay(settings, source.agent, source.recording, engines)
    finally:
        with loop.working():
            await engines.close()


def _progress(line: str) -> None:
    print(f"offhook: {line}", file=sys.stderr, flush=True)


def _value(settings: Settings, key: str) -> Any:
    """What stands at a dotted key; None where nothing does."""
    found: Any = settings
    for name in key.split("."):
        found = found.get(name) if isinstance(found, dict) else getattr(found, name, None)
    return found
