"""The service manager's socket: a real datagram socket listens here in its place."""

import logging
import socket
from pathlib import Path

import pytest

from ari_app.notify import notify


def listen(address: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(address)
    listener.settimeout(5)  # a failing test ends
    return listener


def test_says_it_on_a_socket_in_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with listen(str(tmp_path / "notify")) as manager:
        notify("READY=1\nSTATUS=3 calls")
        assert manager.recv(100) == b"READY=1\nSTATUS=3 calls"


def test_says_it_on_an_abstract_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"offhook-test-{tmp_path.name}-{id(tmp_path)}"
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    with listen(f"\0{name}") as manager:
        notify("STOPPING=1")
        assert manager.recv(100) == b"STOPPING=1"


def test_says_nothing_without_a_manager(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    assert not caplog.records


def test_a_manager_that_is_gone_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    with caplog.at_level(logging.WARNING):
        notify("READY=1")
    assert [record.message for record in caplog.records] == ["the service manager was not told"]
