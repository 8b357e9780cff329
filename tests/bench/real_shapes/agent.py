"""``python -m tests.bench.real_shapes.agent CONFIG``: an `offhook run` whose engines do real work and say a script."""

import asyncio
import functools
import sys
from pathlib import Path

from ari_app import app, config, log
from tests.bench.real_shapes.engines import load
from tests.bench.real_shapes.script import demo_script


def main(file: Path) -> None:
    """Run until SIGTERM."""
    log.setup("debug", json=False)
    settings = config.load(file)
    loading = functools.partial(load, script=demo_script())
    asyncio.run(app.run(settings, lambda line: print(f"bench: {line}", file=sys.stderr, flush=True), load=loading))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
