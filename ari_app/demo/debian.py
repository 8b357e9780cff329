"""Unpacks programs of another Debian suite into our cache, to be run with their own libraries.

The host's packages are never touched: apt resolves the packages in a state of its own (so that their libc comes along),
dpkg-deb unpacks them, and they run with their own dynamic loader. May touch the network (through the host's apt), the
folder it is told, and nothing else.
"""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ari_app.errors import PackageError

Progress = Callable[[str], None]
"""Is told what goes on, one line at a time."""

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
REMEDY = "see what apt-get update says on this host"


@dataclass(frozen=True)
class Packages:
    """What to fetch."""

    title: str
    """What it is, for those who wait for it."""
    suite: str
    """The Debian suite it comes from."""
    names: tuple[str, ...]
    not_needed: tuple[str, ...]
    """What the packages depend on for installing or administering them, not for running them. apt is told that it is
    there."""


def unpacked(
    packages: Packages, folder: Path, complete: Callable[[Path], None], progress: Progress = lambda line: None
) -> Path:
    """The folder under which `packages` are unpacked, fetched if it is not there; `complete` raises an error if what
    was fetched cannot be used. Raises PackageError, and then leaves nothing."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(folder.parent / f".{folder.name}.lock"):
            if not folder.is_dir():  # another process may have fetched it while we waited
                _fetch(packages, folder, complete, progress)
    return folder


def own_loader(root: Path, *more: Path) -> tuple[str, ...] | None:
    """What runs a program under `root` with the libraries it came with, and those in `more`; None without a libc."""
    libc = first(root, "usr/lib/*/libc.so.6", "lib/*/libc.so.6")
    loader = first(libc.parent, "ld-linux*.so.*") if libc else None
    if libc is None or loader is None:
        return None
    triple = libc.parent.name
    libraries = (root / "usr/lib" / triple, root / "lib" / triple, *more, root / "usr/lib")
    return (str(loader), "--library-path", ":".join(map(str, libraries)))


def first(folder: Path, *patterns: str) -> Path | None:
    """The first path under `folder` that one of `patterns` finds, in their order."""
    return next((path for pattern in patterns for path in folder.glob(pattern)), None)


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Hold a lock between processes, so that two of them do not fetch the same thing."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch(packages: Packages, folder: Path, complete: Callable[[Path], None], progress: Progress) -> None:
    """Fetch and unpack into a folder beside `folder`, and rename it at the very end: what is there is complete."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise PackageError(f"{packages.title} cannot be fetched without {tool}", "use a Debian")
    if not KEYRING.is_file():
        raise PackageError(f"{packages.title} can only be fetched on Debian", "install debian-archive-keyring")
    for left_over in folder.parent.glob(f".{folder.name}-*"):  # of a fetch that was killed; we hold the lock
        shutil.rmtree(left_over)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        place = Path(name)
        progress(f"{packages.title}: reading the package list of Debian {packages.suite}")
        environment = _package_lists(packages, place)
        archives = _download(packages, environment, progress)
        progress(f"{packages.title}: unpacking {len(archives)} packages")
        try:
            _unpack(archives, place / "new/root")
        except (OSError, subprocess.CalledProcessError) as error:
            message = f"{packages.title} cannot be unpacked: {error}"
            raise PackageError(message, f"free 500 MB in {folder.parent}") from error
        complete(place / "new")
        (place / "new").rename(folder)


def _mirrors() -> list[str]:
    """The package mirrors that this host uses, most likely Debian ones first."""
    fields = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    lines = _apt(["apt-get", "indextargets", "--format", fields, "Created-By: Packages"], dict(os.environ))
    found = [line.split() for line in lines]
    main = [uri for uri, release, component in found if component == "main" and not re.search("-|/", release)]
    return list(dict.fromkeys(main))


def _package_lists(packages: Packages, place: Path) -> dict[str, str]:
    """Prepare an apt state for the suite under `place`; returns the environment that makes apt use it."""
    for name in ("lists/partial", "archives/partial"):
        (place / name).mkdir(parents=True)
    field = "Status: install ok installed\nMaintainer: none\nArchitecture: all\nMulti-Arch: foreign\nVersion: 9999:1"
    there = (f"Package: {name}\n{field}\nDescription: -\n\n" for name in packages.not_needed)
    (place / "status").write_text("".join(there))
    (place / "apt.conf").write_text(
        f'Dir::State "{place}"; Dir::State::Lists "{place}/lists"; Dir::State::status "{place}/status";\n'
        f'Dir::Etc::SourceList "{place}/sources.list"; Dir::Etc::SourceParts "/dev/null";\n'
        'Dir::Etc::Preferences "/dev/null"; Dir::Etc::PreferencesParts "/dev/null";\n'
        f'Dir::Cache "{place}"; APT::Install-Recommends "false"; APT::Sandbox::User ""; Acquire::Languages "none";\n'
    )
    environment = {**os.environ, "APT_CONFIG": str(place / "apt.conf"), "LC_ALL": "C.UTF-8"}
    failure: PackageError | None = None
    for mirror in _mirrors():
        (place / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror} {packages.suite} main\n")
        try:
            _apt(["apt-get", "-q", "update", "-o", "APT::Update::Error-Mode=any"], environment)
        except PackageError as error:
            failure = error
        else:
            return environment
    raise failure or PackageError("apt knows no Debian mirror on this host", REMEDY)


def _download(packages: Packages, environment: dict[str, str], progress: Progress) -> list[Path]:
    """Download the packages with all that they need; returns the ``.deb`` files."""

    def tell(line: str) -> None:
        if got := re.match(r"dlstatus:\d+:(\d+)", line):
            tens.append(int(got[1]) // 10 * 10)
            if tens[-1] != tens[-2]:
                progress(f"downloading: {tens[-1]} %")

    tens = [0]
    command = ["apt-get", "-qq", "-y", "-o", "APT::Status-Fd=1", "--download-only", "install", *packages.names]
    _apt(command, environment, tell)
    return sorted((Path(environment["APT_CONFIG"]).parent / "archives").glob("*.deb"))


def _unpack(archives: Sequence[Path], root: Path) -> None:
    root.mkdir(parents=True)
    for archive in archives:
        subprocess.run(["dpkg-deb", "--extract", archive, root], check=True)  # noqa: S603, S607
        archive.unlink()  # the disk may be small
    for name in ("doc", "man", "locale", "info", "lintian", "bug"):
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)


def _apt(command: Sequence[str], environment: dict[str, str], tell: Progress = lambda line: None) -> list[str]:
    """Run an apt command and return its output; `tell` hears each line. Raises PackageError with apt's last lines."""
    last: deque[str] = deque(maxlen=4)
    lines = []
    with subprocess.Popen(  # noqa: S603
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True
    ) as process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            tell(line)
            if not line.startswith(("dlstatus", "pmstatus")):
                last.append(line.strip())
    if process.returncode != 0:
        raise PackageError(f"{' '.join(command[:2])} failed: {' '.join(last)}", REMEDY)
    return lines
