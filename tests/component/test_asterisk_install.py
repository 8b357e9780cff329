"""Fetching an Asterisk, with an apt-get of our own on the PATH: what fails leaves nothing, and says what apt said."""

import os
import subprocess
import sys

import pytest

from ari_app.demo import asterisk_install, debian
from ari_app.demo.asterisk_install import AsteriskInstall, default_cache_folder, find_or_fetch
from ari_app.errors import AsteriskError

MIRRORS = """
if [ "$1" = indextargets ]; then
  echo "http://mirror.invalid/php bookworm main"
  echo "http://mirror.invalid/debian bookworm main"
  echo "http://mirror.invalid/debian bookworm-updates main"
  exit
fi
"""


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """Puts a shell script in the place of apt-get, on a host that looks like Debian."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "keyring").touch()
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "keyring")
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def put(script):
        (folder / "apt-get").write_text(f"#!/bin/sh\n{MIRRORS}\n{script}\n")
        (folder / "dpkg-deb").write_text("#!/bin/sh\nexit 1\n")
        for tool in folder.iterdir():
            tool.chmod(0o755)

    return put


def nothing_but_locks(cache):
    return [path.name for path in cache.iterdir() if not path.name.endswith(".lock")] == []


def test_what_apt_says_is_told_and_nothing_is_left(apt, tmp_path):
    apt("echo 'E: the mirror is on fire' >&2; exit 100")
    with pytest.raises(AsteriskError, match=r"the mirror is on fire"):
        find_or_fetch(tmp_path / "cache", suite="sid")
    assert nothing_but_locks(tmp_path / "cache")


def test_every_mirror_of_the_host_is_tried(apt, tmp_path):
    apt('[ "$2" = update ] && cat "$(dirname "$APT_CONFIG")/sources.list" >>' + f"{tmp_path}/tried; exit 100")
    with pytest.raises(AsteriskError):
        find_or_fetch(tmp_path / "cache", suite="sid")
    tried = (tmp_path / "tried").read_text()
    assert [line.split()[2:4] for line in tried.splitlines()] == [
        ["http://mirror.invalid/php", "sid"],
        ["http://mirror.invalid/debian", "sid"],
    ]


def test_packages_that_cannot_be_unpacked_leave_nothing(apt, tmp_path):
    apt('case "$*" in *install*) touch "$(dirname "$APT_CONFIG")/archives/asterisk.deb";; esac')
    with pytest.raises(AsteriskError, match="cannot be unpacked"):
        find_or_fetch(tmp_path / "cache", suite="sid")
    assert nothing_but_locks(tmp_path / "cache")


FETCH = """
import sys
from pathlib import Path
from ari_app.demo import asterisk_install, debian
debian.KEYRING = Path(sys.argv[2])
asterisk_install.find_or_fetch(Path(sys.argv[1]), lambda line: print(line, flush=True), suite="sid")
"""


def test_the_rest_of_a_killed_fetch_is_cleared_away(apt, tmp_path):
    cache = tmp_path / "cache"
    apt("exec sleep 60")
    arguments = [sys.executable, "-c", FETCH, str(cache), str(tmp_path / "keyring")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, start_new_session=True) as killed:
        killed.stdout.readline()
        os.killpg(killed.pid, 9)
    assert not nothing_but_locks(cache)
    assert not (cache / "asterisk-22").exists()
    apt("exit 100")
    with pytest.raises(AsteriskError):
        find_or_fetch(cache, suite="sid")
    assert nothing_but_locks(cache)


def test_a_damaged_cache_is_named(tmp_path):
    (tmp_path / "asterisk-22").mkdir()
    with pytest.raises(AsteriskError, match=r"asterisk-22 holds no complete Asterisk .* rm -r"):
        find_or_fetch(tmp_path, suite="sid")


def test_a_host_that_is_not_debian_hears_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "none")
    with pytest.raises(AsteriskError, match="apt-get install asterisk"):
        find_or_fetch(tmp_path, suite="sid")


@pytest.mark.parametrize(
    ("version", "websocket", "good"),
    [
        ("22.2.0", False, True),
        ("20.16.0", True, True),
        ("20.6.0~dfsg+~cs6.13", False, False),
        ("GIT-master", True, True),
    ],
)
def test_which_asterisk_of_the_host_will_do(tmp_path, monkeypatch, version, websocket, good):
    modules, data = tmp_path / "modules", tmp_path / "data"
    for folder in (modules, data / "rest-api"):
        folder.mkdir(parents=True)
    for name in ("app_stasis", *(["chan_websocket"] if websocket else [])):
        (modules / f"{name}.so").touch()
    program = tmp_path / "asterisk"
    program.write_text(f"#!/bin/sh\necho Asterisk {version}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(asterisk_install, "HOST_MODULES", (modules,))
    monkeypatch.setattr(asterisk_install, "HOST_DATA", (data,))
    found = asterisk_install.on_this_host()
    assert found == (AsteriskInstall((str(program),), modules, data, version) if good else None)


def test_where_downloads_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("OFFHOOK_CACHE", str(tmp_path / "own"))
    assert default_cache_folder() == tmp_path / "own"
    monkeypatch.delenv("OFFHOOK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_folder() == tmp_path / "offhook"
