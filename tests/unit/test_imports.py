"""The import rule: imports point down, adapters ignore each other, pure parts stay pure, each library has its place.

Every import counts, wherever it stands in a file (inside a function or under TYPE_CHECKING too). To add a module, give
it a layer here; to use a library somewhere else, think first.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from ari_app.settings import PROJECT_ROOT

LAYERS: tuple[tuple[str, ...], ...] = (
    ("ari_app.cli", "ari_app.__main__"),
    ("ari_app.replay",),
    ("ari_app.demo", "ari_app.report"),
    ("ari_app.app",),
    ("ari_app.capacity",),
    ("ari_app.metrics",),
    ("ari_app.stasis",),
    ("ari_app.call",),
    (
        "ari_app.ari",
        "ari_app.ami",
        "ari_app.media",
        "ari_app.engines",
        "ari_app.store",
        "ari_app.recording_files",
        "agi",
    ),
    ("ari_app.core", "ari_app.audio"),
    ("ari_app.config",),
    (
        "ari_app.settings",
        "ari_app.log",
        "ari_app.garbage",
        "ari_app.loop_lag",
        "ari_app.metrics_server",
        "ari_app.notify",
    ),
    ("ari_app.errors",),
    ("ari_app",),
)
"""From the top down. A module may import from lower layers and from its own part; the parts of one layer do not see
each other. `ari_app` itself, at the bottom, holds the version."""

PURE = ("ari_app.core", "ari_app.audio")
NOT_PURE = frozenset(
    {
        "asyncio",
        "concurrent",
        "fcntl",
        "io",
        "multiprocessing",
        "os",
        "pathlib",
        "random",
        "sched",
        "secrets",
        "select",
        "selectors",
        "shutil",
        "signal",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib",
        "uuid",
    }
)
"""Clocks, threads, chance and the outside world; pure code is handed what it needs of them. Logging is not among them:
a state machine logs its transitions."""
NOT_PURE_CALLS = frozenset({"open", "print", "input"})

LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "aioari": ("ari_app/ari/*",),
    "aioswagger11": ("ari_app/ari/*",),
    "panoramisk": ("ari_app/ami.py", "agi/*"),
    "llama_cpp": ("ari_app/engines/ll*.py",),
    "faster_whisper": ("ari_app/engines/stt*.py", "ari_app/engines/vad*.py", "ari_app/engines/smart_turn.py"),
    "ctranslate2": ("ari_app/engines/stt*.py",),
    "piper": ("ari_app/engines/tts*.py",),
    "onnxruntime": ("ari_app/engines/*",),
    "sqlalchemy": ("ari_app/store/*",),
    "alembic": ("ari_app/store/*",),
    "prometheus_client": ("ari_app/metrics.py",),
    "yaml": ("ari_app/config/*",),
    "rich": ("ari_app/capacity/*", "ari_app/demo/*", "ari_app/replay/*", "ari_app/cli.py", "ari_app/report.py"),
}
"""Library → the only files that may know it."""


@dataclass(frozen=True)
class Import:
    """One import of a name that could be a module."""

    line: int
    names: tuple[str, ...]
    """The module, and for ``from a import b`` first ``a.b``, which may be one as well."""


def modules_below(root: Path) -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    files = sorted(path for package in ("ari_app", "agi") for path in (root / package).rglob("*.py"))
    return {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


def imports_of(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, (alias.name,))
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                package = parts[: len(parts) - node.level + is_package]
                base = ".".join([*package, base] if base else package)
            for alias in node.names:
                yield Import(node.lineno, (f"{base}.{alias.name}", base))


def part_of(module: str) -> str | None:
    """The entry of LAYERS that `module` belongs to."""
    parts = [part for layer in LAYERS for part in layer if module == part or module.startswith(f"{part}.")]
    best = max(parts, key=len, default=None)
    return None if best == "ari_app" and module != "ari_app" else best


def height(part: str) -> int:
    return next(len(LAYERS) - number for number, layer in enumerate(LAYERS) if part in layer)


def violations(root: Path) -> list[str]:
    """Everything under `root` that breaks the rule, as ``file:line: what``."""
    found = []
    modules = modules_below(root)
    graph: dict[str, dict[str, int]] = {module: {} for module in modules}
    for module, path in modules.items():
        where = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=where)
        part = part_of(module)
        if part is None:
            found.append(f"{where}:1: {module} has no layer; give it one in LAYERS of tests/unit/test_imports.py")
            continue
        for item in imports_of(tree, module, is_package=path.name == "__init__.py"):
            target = next((name for name in item.names if name in modules), None)
            if target is not None:
                graph[module].setdefault(target, item.line)
                found += [f"{where}:{item.line}: {why}" for why in wrong_direction(part, target)]
            else:
                found += [f"{where}:{item.line}: {why}" for why in wrong_library(where, part, item.names[-1])]
        if part in PURE:
            found += [f"{where}:{line}: {name}() in {part}, which does no I/O" for line, name in impure_calls(tree)]
    for cycle in cycles(graph):
        where = modules[cycle[0]].relative_to(root).as_posix()
        found.append(f"{where}:{graph[cycle[0]][cycle[1]]}: import cycle {' → '.join(cycle)}")
    return found


def wrong_direction(part: str, target: str) -> Iterator[str]:
    other = part_of(target)
    if other is None or other == part:
        return
    if height(other) > height(part):
        yield f"{part} imports {target}, which is above it"
    elif height(other) == height(part):
        yield f"{part} imports {target}, which stands beside it"


def wrong_library(where: str, part: str, name: str) -> Iterator[str]:
    library = name.partition(".")[0]
    if library in LIBRARIES and not any(fnmatch(where, allowed) for allowed in LIBRARIES[library]):
        yield f"{library} is known only in {', '.join(LIBRARIES[library])}"
    if part in PURE and library in NOT_PURE:
        yield f"{library} in {part}, which has no clock and does no I/O"


def impure_calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NOT_PURE_CALLS:
            yield node.lineno, node.func.id


def cycles(graph: Mapping[str, Mapping[str, int]]) -> list[list[str]]:
    """One path per cycle that a depth-first walk meets, from a module back to itself."""
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> None:
        if module in path:
            found.append([*path[path.index(module) :], module])
        elif module not in done:
            for target in graph[module]:
                walk(target, [*path, module])
            done.add(module)

    for module in graph:
        walk(module, [])
    return found


def test_our_own_code_keeps_the_rule() -> None:
    assert "\n".join(violations(PROJECT_ROOT)) == ""


def test_there_is_code_to_check() -> None:
    assert len(modules_below(PROJECT_ROOT)) > 40


def test_what_is_not_pure_is_spelt_right() -> None:
    assert sys.stdlib_module_names >= NOT_PURE


BAD = {
    "imports upwards": ("ari_app/ari/a.py", "import x\nfrom ari_app.call import b\n", "a.py:2: ari_app.ari imports"),
    "inside a function": ("ari_app/core/a.py", "def f():\n    import ari_app.call.b\n", "a.py:2: ari_app.core imports"),
    "by a relative import": ("ari_app/media/a.py", "from ..call.b import c\n", "a.py:1: ari_app.media imports"),
    "an adapter beside it": ("ari_app/ami.py", "from ari_app.store.s import S\n", "ami.py:1: ari_app.ami imports"),
    "a clock in the core": ("ari_app/core/a.py", "from time import monotonic\n", "a.py:1: time in ari_app.core"),
    "the loop in audio": ("ari_app/audio/a.py", "import asyncio.events\n", "a.py:1: asyncio in ari_app.audio"),
    "a file in the core": ("ari_app/core/a.py", "x = 1\nopen('f')\n", "a.py:2: open() in ari_app.core"),
    "a library elsewhere": ("ari_app/call/a.py", "import llama_cpp.llama\n", "a.py:1: llama_cpp is known only in"),
    "no layer": ("ari_app/extra.py", "", "extra.py:1: ari_app.extra has no layer"),
    "agi reaching up": ("agi/a.py", "from ari_app.stasis import b\n", "agi/a.py:1: agi imports ari_app.stasis"),
    "a cycle": ("ari_app/call/b.py", "from ari_app.call import c\n", "import cycle ari_app.call.b → ari_app.call.c →"),
}


@pytest.mark.parametrize(("file", "text", "complaint"), BAD.values(), ids=BAD)
def test_the_check_finds(tmp_path: Path, file: str, text: str, complaint: str) -> None:
    good = {
        "ari_app/__init__.py": "",
        "ari_app/errors.py": "",
        "ari_app/stasis.py": "from ari_app.call.b import x\n",
        "ari_app/store/s.py": "import sqlalchemy\nfrom ari_app.errors import StoreError\n",
        "ari_app/call/__init__.py": "",
        "ari_app/call/b.py": "import asyncio\nfrom ..store.s import S\nfrom . import __doc__\n",
        "ari_app/call/c.py": "from ari_app.call.b import x\n",
    }
    for name, content in good.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert violations(tmp_path) == []

    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    found = violations(tmp_path)
    assert len(found) == 1
    assert complaint in found[0]
