"""Finds an Asterisk that the demo and the tests can run, or unpacks a private one from Debian (see debian.py)."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ari_app.demo.debian import Packages, Progress, first, own_loader, unpacked
from ari_app.errors import AsteriskError, PackageError

SUITES = {"sid": "22", "bullseye": "16"}
"""Debian suites that carry Asterisk, and its major version there."""
PACKAGES = ("asterisk", "asterisk-modules", "asterisk-core-sounds-en-wav")
NOT_NEEDED = (
    *("asterisk-config-custom", "asterisk-moh-opsound-wav", "adduser", "passwd", "debconf", "perl", "perl-base"),
    *("python3", "gnupg", "gpg", "dirmngr", "tzdata", "media-types", "libsnmp-base", "pci.ids"),
)
"""Which saves half of the download."""
HOST_MODULES = (*Path("/usr/lib").glob("*/asterisk/modules"), Path("/usr/lib/asterisk/modules"))
HOST_DATA = (Path("/usr/share/asterisk"), Path("/var/lib/asterisk"))
"""Where the host's own Asterisk may have its modules and its data: from a package, or built from source."""
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
    version = SUITES[suite]
    packages = Packages(f"Asterisk {version}", suite, PACKAGES, NOT_NEEDED)
    try:
        folder = unpacked(packages, (cache or default_cache_folder()) / f"asterisk-{version}", _complete, progress)
    except PackageError as error:
        message = f"no Asterisk on this host, and none can be fetched: {error.message}"
        raise AsteriskError(message, f"{error.remedy}, or {REMEDY}") from error
    return _in_folder(folder)


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


def _complete(folder: Path) -> None:
    """Do what the packages' own scripts would have done, and try it."""
    english = folder / "root/usr/share/asterisk/sounds/en"
    if not english.exists():
        english.unlink(missing_ok=True)
        english.symlink_to("en_US_f_Allison")
    _in_folder(folder)


def _in_folder(folder: Path) -> AsteriskInstall:
    """The Asterisk under `folder`, checked by running it."""
    root = folder / "root"
    modules = first(root, "usr/lib/*/asterisk/modules", "usr/lib/asterisk/modules")
    run = own_loader(root, modules.parent) if modules else None
    if modules is None or run is None:
        raise AsteriskError(f"{folder} holds no complete Asterisk", f"remove it and try again: rm -r {folder}")
    command = (*run, str(root / "usr/sbin/asterisk"))
    return AsteriskInstall(command, modules, root / "usr/share/asterisk", _version(command))
