"""``python -m tests.bench.capacity_agent CONFIG``: `offhook bench capacity` with engines of real shapes.

Its callers say the script's lines. The result goes to `capacity.file`.
"""

import asyncio
import sys
from pathlib import Path

from ari_app import config, log
from ari_app.capacity import command
from ari_app.capacity.measured import Measured, save
from ari_app.demo.conversation import PHONE_RATE
from ari_app.settings import Settings
from tests.bench.load_agent import load
from tests.bench.real_shapes.script import demo_script

MEASURE = ("-m", "tests.bench.capacity_agent")
WISHES = command.Wishes(max_calls=None, seconds_per_step=40.0, target_ms=None, json=True)


async def measured(settings: Settings) -> Measured:
    """Load, find the limit, close."""
    script = demo_script()
    engines = await load(settings, lambda line: None, script)
    try:
        desk = await command.open_desk(settings, engines, [line.pcm for line in script.lines.values()], PHONE_RATE)
        return await command.find(settings, desk, WISHES, ended=lambda step: print(step, file=sys.stderr, flush=True))
    finally:
        await engines.close()


def main(file: Path) -> None:
    """Measure and keep."""
    log.setup("error", json=False)
    settings = config.load(file, without=command.UNUSED)
    save(settings.capacity.file, asyncio.run(measured(settings)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
