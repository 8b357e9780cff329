"""``python -m tests.bench [--only PREFIX]``: runs benchmarks with figures that begin so, prints, writes bench.json."""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ari_app.errors import OffhookError
from tests.bench import (
    bench_barge_in,
    bench_capacity,
    bench_disturb,
    bench_endpoint,
    bench_gap,
    bench_idle,
    bench_llm,
    bench_load,
    bench_media,
    bench_memory,
    bench_real,
    bench_response,
    bench_soak,
    bench_voice,
)
from tests.bench.figures import Figure

BENCHMARKS = (
    (("gap.demo", "late_clauses.demo"), bench_gap.run),
    (("gap.real", "speculation."), bench_real.run),
    (("response.demo",), bench_response.run),
    (("voice.",), bench_voice.run),
    (("endpoint.",), bench_endpoint.run),
    (("barge_in.",), bench_barge_in.run),
    (("media.",), bench_media.run),
    (("llm.",), bench_llm.run),
    (("idle_call.",), bench_idle.run),
    (("memory.",), bench_memory.run),
    (("load.demo16",), bench_load.demo),
    (("load.real",), bench_load.real),
    (("load.disturb",), bench_disturb.run),
    (("soak.",), bench_soak.run),
    (("capacity.",), bench_capacity.run),
)
"""What each benchmark's figures begin with, and the benchmark."""
OUT = Path("bench.json")


def main(prefix: str) -> int:
    """Run, print, write; figures of earlier runs that were not measured anew stay in bench.json."""
    console = Console(width=120)
    chosen = [run for names, run in BENCHMARKS if any(n.startswith(prefix) or prefix.startswith(n) for n in names)]
    if not chosen:
        known = ", ".join(name for names, _ in BENCHMARKS for name in names)
        print(f"bench: no figure begins with {prefix!r}; they begin with {known}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    for run in chosen:
        console.print(f"{run.__module__.rpartition('.')[2]} …", style="dim")
        try:
            figures += run()
        except (OffhookError, RuntimeError) as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
    _print(figures, console)
    kept = json.loads(OUT.read_text()) if OUT.exists() else {}
    kept.update({f.name: {"value": round(f.value, 3), "unit": f.unit, "n": f.n} for f in figures})
    OUT.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
    return 0


def _print(figures: list[Figure], console: Console) -> None:
    table = Table("figure", "value", "unit", "n", "at least")
    for figure in figures:
        digits = 1 if figure.unit else 2  # a ratio
        table.add_row(figure.name, f"{figure.value:.{digits}f}", figure.unit, str(figure.n), figure.floor)
    console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure; never pass or fail.")
    parser.add_argument("--only", default="", metavar="PREFIX", help="only benchmarks with figures that begin so")
    sys.exit(main(parser.parse_args().only))
