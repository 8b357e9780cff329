"""What holds for the repository as a whole: its layout, and what no file of it may contain."""

import ast
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import ari_app
from ari_app.settings import PROJECT_ROOT

TOP_LEVEL = (
    *("README.md", "install.sh", "pyproject.toml", "Makefile", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", ".ci/run"),
    *("asterisk_conf", "agi", "ari_app", "models", "systemd", "tests"),
)
MAX_LINES = 400
"""From about 300 on a file is worth splitting; beyond this it must be."""

FORBIDDEN = {
    # Written so that this file does not contain what it looks for.
    "a package index or mirror (a machine's own settings say which to use)": re.compile(
        r"\b(?:py[p]i|files\.python[h]osted|registry\.np[m]js|crat[e]s)\.(?:org|com|io)\b"
        r"|\b(?:deb|security|ftp|snapshot|archive)\.(?:deb[i]an|ub[u]ntu)\.(?:org|com)\b"
    ),
    "a path of somebody's machine": re.compile(r"(?<![\w.{}$~])/(?:home|Users|root|work|workspace|builds)/\w"),
    "a thing left undone": re.compile(r"\b(?:TO[D]O|FIX[M]E)\b"),
}


def files() -> list[Path]:
    """Every file that is in git, or would be after ``git add``."""
    if shutil.which("git") is None or not (PROJECT_ROOT / ".git").exists():
        pytest.skip("not a git checkout, or no git here")
    # safe.directory: root may test what another user has cloned
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout
    paths = [PROJECT_ROOT / name for name in listing.split("\0") if name]
    return [path for path in paths if path.is_file()]


def complaints(name: str, text: str, own_place: str | None) -> list[str]:
    """Each forbidden thing in `text`, as ``file:line: what``; `own_place` is where this very checkout lies."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        found += [f"{name}:{number}: {what}" for what, pattern in FORBIDDEN.items() if pattern.search(line)]
        if own_place and own_place in line:
            found.append(f"{name}:{number}: this checkout's own path")
    return found


def test_no_file_names_what_belongs_to_one_machine_or_was_left_undone() -> None:
    # A checkout in a place of the system's own may be where the service is meant to live.
    own_place = None if PROJECT_ROOT.parts[1] in {"opt", "srv", "usr", "var"} else f"{PROJECT_ROOT}/"
    found = []
    for path in files():
        content = path.read_bytes()
        if b"\0" not in content[:8000]:  # models and audio are binary
            text = content.decode("utf-8")  # anything else is text in UTF-8
            found += complaints(path.relative_to(PROJECT_ROOT).as_posix(), text, own_place)
    assert "\n".join(found) == ""


@pytest.mark.parametrize(
    "line",
    [
        "index = https://" + "pypi" + ".org/simple",
        "deb http://" + "deb.debian" + ".org/debian sid main",
        "MODEL = '/ho" + "me/ann/models/x.gguf'",
        "see /ro" + "ot/offhook/x",
        "# TO" + "DO: later",
        "cd /srv/checkouts/offhook/tests",
    ],
)
def test_the_check_finds(line: str) -> None:
    assert len(complaints("x", f"fine\n{line}\n", "/srv/checkouts/offhook/")) == 1


def test_the_check_lets_ordinary_lines_be() -> None:
    text = (
        "GET /channels\n~/.cache/offhook\n/var/lib/offhook/recordings\nhttps://docs.asterisk.org/\n/usr/bin/python3\n"
    )
    assert complaints("x", text, "/srv/checkouts/offhook/") == []


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_what_stands_at_the_top(name: str) -> None:
    assert (PROJECT_ROOT / name).exists()


def test_scripts_can_be_executed() -> None:
    for name in ("install.sh", ".ci/run"):
        assert (PROJECT_ROOT / name).stat().st_mode & 0o111 == 0o111, name


def test_no_file_is_too_long() -> None:
    code = [
        path for path in files() if path.suffix in {".py", ".sh"} and PROJECT_ROOT / "models/train" not in path.parents
    ]
    lengths = {path.relative_to(PROJECT_ROOT).as_posix(): path.read_text().count("\n") for path in code}
    assert lengths
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_every_setting_is_documented() -> None:
    """By a docstring under the field; a field that holds a whole section is documented by the section's class."""
    path = PROJECT_ROOT / "ari_app/settings.py"
    classes = {node.name: node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)}
    missing = [
        f"ari_app/settings.py:{field.lineno}: {name}.{ast.unparse(field.target)}"
        for name, node in classes.items()
        for field, after in zip(node.body, [*node.body[1:], ast.Pass()], strict=True)
        if isinstance(field, ast.AnnAssign)
        and ast.unparse(field.annotation) not in classes
        and not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
    ]
    assert len(classes) > 5
    assert "\n".join(missing) == ""
    assert [name for name, node in classes.items() if not ast.get_docstring(node)] == []


def test_the_package_and_the_project_agree_on_the_version() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == ari_app.__version__
