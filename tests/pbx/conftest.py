"""A real Asterisk for the tests here, one for all of them, and a phone on it. It is fetched once and then cached."""

import sys
import time

import pytest

from ari_app.demo.asterisk import PrivateAsterisk
from ari_app.demo.asterisk_install import find_or_fetch
from ari_app.demo.phone import Phone


@pytest.fixture(scope="session")
def asterisk_install():
    return find_or_fetch(progress=lambda line: print(line, file=sys.__stderr__))


@pytest.fixture(scope="session")
def pbx(asterisk_install, tmp_path_factory):
    """The running PrivateAsterisk; its log stays in pytest's temporary folder."""
    with PrivateAsterisk(asterisk_install, tmp_path_factory.mktemp("pbx")) as box:
        yield box


@pytest.fixture
def own_pbx(asterisk_install, tmp_path):
    """A PrivateAsterisk for one test: an agent of its own there does not take over another's application."""
    with PrivateAsterisk(asterisk_install, tmp_path / "pbx") as box:
        yield box


@pytest.fixture
async def phone(pbx):
    """A phone without password, whose calls end with the test."""
    async with Phone(pbx.sip_port) as phone:
        yield phone


@pytest.fixture(autouse=True)
def nothing_left(request):
    """Every test leaves the PBX without channels and bridges."""
    names = [name for name in ("pbx", "own_pbx") if name in request.fixturenames]
    boxes = [request.getfixturevalue(name) for name in names]
    yield
    for box in boxes:
        _check_empty(box)


def _check_empty(box):
    deadline = time.monotonic() + 10
    while left := box.channels() + box.bridges():
        if time.monotonic() > deadline:
            for channel in box.channels():
                box.command(f"channel request hangup {channel}")  # the next test starts clean
            pytest.fail(f"left behind in Asterisk: {', '.join(left)}")
        time.sleep(0.05)
