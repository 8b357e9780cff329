"""Finds an Asterisk that the demo and the tests can run, or unpacks a private one from Debian.

The host's packages are never touched: apt resolves the packages of another Debian suite in a state of its own (so that
their libc comes along), dpkg-deb unpacks them under our cache, and they run with their own dynamic loader. May touch
the network (through the host's apt), its cache folder, and nothing else.
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

from ari_app.errors import AsteriskError

Progress = Callable[[str], None]
"""Is told what goes on, one line at a time."""

SUITES = {"sid": "22", "bullseye": "16"}
"""Debian suites that carry Asterisk, and its major version there."""
PACKAGES = ("asterisk", "asterisk-modules", "asterisk-core-sounds-en-wav")
NOT_NEEDED = (
    *("asterisk-config-custom", "asterisk-moh-opsound-wav", "adduser", "passwd", "debconf", "perl", "perl-base"),
    *("python3", "gnupg", "gpg", "dirmngr", "tzdata", "media-types", "libsnmp-base", "pci.ids"),
)
"""What the packages depend on for installing or administering them, not for running our modules. apt is told that it
is there, which saves half of the download."""
HOST_MODULES = (*Path("/usr/lib").glob("*/asterisk/modules"), Path("/usr/lib/asterisk/modules"))
HOST_DATA = (Path("/usr/share/asterisk"), Path("/var/lib/asterisk"))
"""Where the host's own Asterisk may have its modules and its data: from a package, or built from source."""
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
REMEDY = "install one with: apt-get install asterisk (22.6 or later has every media transport)"


@dataclass(frozen=True)
class AsteriskInstall:
    """An Asterisk that can be run with a configuration of our own."""

    command: tuple[str, ...]
    """What runs it, to be followed by Asterisk's own arguments."""
    modules: Path
    """Folder of its modules."""
    data: Path
    """Its ``astdatadir``: documentation, ``rest-api`` and ``sounds``."""
    version: str
    """As in ``asterisk -V``, without the name."""

    @property
    def major(self) -> int:
        """First number of the version; 0 where it is a development build."""
        number = re.match(r"\d+", self.version)
        return int(number[0]) if number else 0

    def has(self, module: str) -> bool:
        """Whether `module` (as in ``chan_websocket``) is there to be loaded."""
        return (self.modules / f"{module}.so").is_file()

    @property
    def sounds(self) -> Path | None:
        """Folder of the recorded English prompts, if they are installed."""
        folder = self.data / "sounds" / "en"
        return folder if (folder / "demo-congrats.wav").is_file() else None


def default_cache_folder() -> Path:
    """Where downloads are kept: ``$OFFHOOK_CACHE``, else ``offhook`` under the user's cache folder."""
    if own := os.environ.get("OFFHOOK_CACHE"):
        return Path(own).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "offhook"


def find_or_fetch(
    cache: Path | None = None, progress: Progress = lambda line: None, *, suite: str | None = None
) -> AsteriskInstall:
    """Return the host's Asterisk if it is recent enough, else the cached one, else fetch one into `cache`.

    `suite` asks for the Asterisk of that Debian suite (a key of SUITES) whatever the host has. Raises AsteriskError.
    """
    if suite is None and (host := on_this_host()):
        return host
    suite = suite or "sid"
    cache = cache or default_cache_folder()
    folder = cache / f"asterisk-{SUITES[suite]}"
    if folder.is_dir():
        return _unpacked(folder)
    cache.mkdir(parents=True, exist_ok=True)
    with _only_one(cache / f".{folder.name}.lock"):
        if not folder.is_dir():  # another process may have fetched it while we waited
            _fetch(suite, folder, progress)
    return _unpacked(folder)


def on_this_host() -> AsteriskInstall | None:
    """The installed Asterisk, if it is of version 22 or later or has chan_websocket, and can be run by us."""
    binary = shutil.which("asterisk", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    modules = next((folder for folder in HOST_MODULES if (folder / "app_stasis.so").is_file()), None)
    data = next((folder for folder in HOST_DATA if (folder / "rest-api").is_dir()), None)
    if binary is None or modules is None or data is None:
        return None
    try:
        install = AsteriskInstall((binary,), modules, data, _version((binary,)))
    except AsteriskError:
        return None
    return install if install.major >= 22 or install.has("chan_websocket") else None


def _version(command: Sequence[str]) -> str:
    try:
        done = subprocess.run([*command, "-V"], capture_output=True, text=True, timeout=30, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise AsteriskError(f"{command[-1]} does not run: {error}", REMEDY) from error
    return done.stdout.removeprefix("Asterisk ").strip()


def _unpacked(folder: Path) -> AsteriskInstall:
    """The Asterisk under `folder`, checked by running it."""
    root = folder / "root"
    libc = _first(root, "usr/lib/*/libc.so.6", "lib/*/libc.so.6")
    loader = _first(libc.parent, "ld-linux*.so.*") if libc else None
    modules = _first(root, "usr/lib/*/asterisk/modules", "usr/lib/asterisk/modules")
    if libc is None or loader is None or modules is None:
        raise AsteriskError(f"{folder} holds no complete Asterisk", f"remove it and try again: rm -r {folder}")
    triple = libc.parent.name
    libraries = (root / "usr/lib" / triple, root / "lib" / triple, modules.parent, root / "usr/lib")
    command = (str(loader), "--library-path", ":".join(map(str, libraries)), str(root / "usr/sbin/asterisk"))
    return AsteriskInstall(command, modules, root / "usr/share/asterisk", _version(command))


def _first(folder: Path, *patterns: str) -> Path | None:
    """The first path under `folder` that one of `patterns` finds, in their order."""
    return next((path for pattern in patterns for path in folder.glob(pattern)), None)


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Hold a lock between processes, so that two of them do not fetch the same thing."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch(suite: str, folder: Path, progress: Progress) -> None:
    """Fetch and unpack into a folder beside `folder`, and rename it at the very end: what is there is complete."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise AsteriskError(f"no Asterisk on this host, and without {tool} none can be fetched", REMEDY)
    if not KEYRING.is_file():
        raise AsteriskError("no Asterisk on this host, and one can only be fetched on Debian", REMEDY)
    for left_over in folder.parent.glob(f".{folder.name}-*"):  # of a fetch that was killed; we hold the lock
        shutil.rmtree(left_over)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        place = Path(name)
        progress(f"Asterisk {SUITES[suite]}: reading the package list of Debian {suite}")
        environment = _package_lists(suite, place)
        packages = _download(environment, progress)
        progress(f"Asterisk {SUITES[suite]}: unpacking {len(packages)} packages")
        try:
            _unpack(packages, place / "new/root")
        except (OSError, subprocess.CalledProcessError) as error:
            raise AsteriskError(f"Asterisk cannot be unpacked: {error}", f"free 500 MB in {folder.parent}") from error
        _unpacked(place / "new")
        (place / "new").rename(folder)


def _mirrors() -> list[str]:
    """The package mirrors that this host uses, most likely Debian ones first."""
    fields = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    lines = _apt(["apt-get", "indextargets", "--format", fields, "Created-By: Packages"], dict(os.environ))
    found = [line.split() for line in lines]
    main = [uri for uri, release, component in found if component == "main" and not re.search("-|/", release)]
    return list(dict.fromkeys(main))


def _package_lists(suite: str, place: Path) -> dict[str, str]:
    """Prepare an apt state for `suite` under `place`; returns the environment that makes apt use it."""
    for name in ("lists/partial", "archives/partial"):
        (place / name).mkdir(parents=True)
    field = "Status: install ok installed\nMaintainer: none\nArchitecture: all\nMulti-Arch: foreign\nVersion: 9999:1"
    (place / "status").write_text("".join(f"Package: {name}\n{field}\nDescription: -\n\n" for name in NOT_NEEDED))
    (place / "apt.conf").write_text(
        f'Dir::State "{place}"; Dir::State::Lists "{place}/lists"; Dir::State::status "{place}/status";\n'
        f'Dir::Etc::SourceList "{place}/sources.list"; Dir::Etc::SourceParts "/dev/null";\n'
        'Dir::Etc::Preferences "/dev/null"; Dir::Etc::PreferencesParts "/dev/null";\n'
        f'Dir::Cache "{place}"; APT::Install-Recommends "false"; APT::Sandbox::User ""; Acquire::Languages "none";\n'
    )
    environment = {**os.environ, "APT_CONFIG": str(place / "apt.conf"), "LC_ALL": "C.UTF-8"}
    failure: AsteriskError | None = None
    for mirror in _mirrors():
        (place / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror} {suite} main\n")
        try:
            _apt(["apt-get", "-q", "update", "-o", "APT::Update::Error-Mode=any"], environment)
        except AsteriskError as error:
            failure = error
        else:
            return environment
    raise failure or AsteriskError("apt knows no Debian mirror on this host", REMEDY)


def _download(environment: dict[str, str], progress: Progress) -> list[Path]:
    """Download PACKAGES with all that they need; returns the ``.deb`` files."""

    def tell(line: str) -> None:
        if got := re.match(r"dlstatus:\d+:(\d+)", line):
            tens.append(int(got[1]) // 10 * 10)
            if tens[-1] != tens[-2]:
                progress(f"downloading: {tens[-1]} %")

    tens = [0]
    command = ["apt-get", "-qq", "-y", "-o", "APT::Status-Fd=1", "--download-only", "install", *PACKAGES]
    _apt(command, environment, tell)
    return sorted((Path(environment["APT_CONFIG"]).parent / "archives").glob("*.deb"))


def _unpack(packages: Sequence[Path], root: Path) -> None:
    root.mkdir(parents=True)
    for package in packages:
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)  # noqa: S603, S607
        package.unlink()  # the disk may be small
    for name in ("doc", "man", "locale", "info", "lintian", "bug"):
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    english = root / "usr/share/asterisk/sounds/en"
    if not english.exists():  # the package's own scripts would have made it
        english.unlink(missing_ok=True)
        english.symlink_to("en_US_f_Allison")


def _apt(command: Sequence[str], environment: dict[str, str], tell: Progress = lambda line: None) -> list[str]:
    """Run an apt command and return its output; `tell` hears each line. Raises AsteriskError with apt's last lines."""
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
        raise AsteriskError(f"{' '.join(command[:2])} failed: {' '.join(last)}", f"see what apt says, or {REMEDY}")
    return lines
