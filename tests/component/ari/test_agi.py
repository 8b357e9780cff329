"""FastAGI: scripts as Asterisk calls them, over a real socket."""

import asyncio
import re
from contextlib import suppress

import pytest

from agi import server as server_module
from agi.server import serve
from ari_app.errors import OffhookError

SOON = 5.0


class Dialplan:
    """Asterisk's side of one session; it answers in the words of Asterisk 22.10."""

    def __init__(self, reader, writer, variables):
        self.variables = variables
        self._reader = reader
        self._writer = writer

    def say(self, text):
        self._writer.write(text)

    async def begun(self):
        """Wait for the script's first command, and leave it without an answer."""
        assert (await self._reader.readline()).startswith(b"GET FULL")

    async def follow(self):
        """Answer commands until the script ends the session."""
        while command := (await self._reader.readline()).decode():
            name, _, rest = command.rstrip("\n").partition(" VARIABLE ")
            if name == "GET FULL":
                value = re.sub(r"\$\{(\w+)\}", lambda match: self.variables.get(match[1], ""), rest)
                self.say(f"200 result=1 ({value})\n".encode())
            elif name == "SET":
                variable, _, quoted = rest.partition(" ")
                self.variables[variable] = re.sub(r"\\(.)", r"\1", quoted[1:-1])
                self.say(b"200 result=1\n")
            else:
                self.say(b"510 Invalid or unknown command\n")

    async def close(self):
        self._writer.close()
        await self._writer.wait_closed()


@pytest.fixture
async def agi():
    server = await serve("127.0.0.1", 0)
    yield server
    await server.close()


async def session(agi, script, *arguments, **variables):
    dialplan = Dialplan(*await asyncio.open_connection("127.0.0.1", agi.port), variables)
    lines = [f"agi_network_script: {script}", "agi_uniqueid: 17.1", "agi_callerid: 100"]
    lines += [f"agi_arg_{number}: {argument}" for number, argument in enumerate(arguments, 1)]
    dialplan.say(("\n".join(lines) + "\n\n").encode())
    return dialplan


async def escalated(agi, *arguments, **variables):
    """OFFHOOK_FACTS after the script has run."""
    dialplan = await session(agi, "escalate", *arguments, **variables)
    async with asyncio.timeout(SOON):
        await dialplan.follow()
    await dialplan.close()
    return dialplan.variables.get("OFFHOOK_FACTS")


@pytest.mark.parametrize(
    ("known", "arguments", "facts"),
    [
        ("", ["main/billing", "12#", "wants a person"], "menu=main/billing;digits=12#;reason=wants a person"),
        ("order=42", ["main", "", ""], "order=42;menu=main"),
        ("order=42;menu=old", ["new"], "order=42;menu=new"),
        ('{"order": 42}', ["main"], "order=42;menu=main"),
        ("", [], ""),
        ("", ["m", "1", 'say "now"; or \\never'], 'menu=m;digits=1;reason=say "now"\\; or \\\\never'),
        ("note=two\nlines)\n(and (brackets", ["m"], "note=two lines) (and (brackets;menu=m"),
        ("hangup", ["m"], "note=hangup;menu=m"),
        ("name=Zoë", ["ümlaut"], "name=Zoë;menu=ümlaut"),
        ("x=" + "0123456789" * 800, ["m"], "x=" + "0123456789" * 800 + ";menu=m"),
    ],
)
async def test_escalate_adds_what_the_menu_knows(known, arguments, facts, agi):
    assert await escalated(agi, *arguments, OFFHOOK_FACTS=known) == facts


async def test_many_menus_at_once(agi):
    facts = await asyncio.gather(*(escalated(agi, f"menu{number}") for number in range(20)))
    assert facts == [f"menu=menu{number}" for number in range(20)]


async def test_an_unknown_script_ends_the_session_and_changes_nothing(agi, caplog):
    dialplan = await session(agi, "../escalate", OFFHOOK_FACTS="a=1")
    async with asyncio.timeout(SOON):
        await dialplan.follow()
    await dialplan.close()
    assert dialplan.variables == {"OFFHOOK_FACTS": "a=1"}
    assert "no such AGI script" in caplog.text


@pytest.mark.parametrize("answer", [b"HANGUP\n", b"200 result=-1\n", b"511 Command Not Permitted on a dead channel\n"])
async def test_a_hangup_in_mid_script_is_no_failure(answer, agi, caplog):
    caplog.set_level("INFO")
    dialplan = await session(agi, "escalate", "m")
    dialplan.say(answer)
    async with asyncio.timeout(SOON):
        while "ended early" not in caplog.text:
            await asyncio.sleep(0.001)
    await dialplan.close()
    assert "failed" not in caplog.text


@pytest.mark.parametrize("said", [b"", b"agi_network_script: escalate\n", b"agi_network_script: escalate\n\n", b"\x00"])
async def test_a_connection_that_closes_early_leaves_the_server_working(said, agi):
    _, writer = await asyncio.open_connection("127.0.0.1", agi.port)
    writer.write(said)
    writer.close()
    await writer.wait_closed()
    assert await escalated(agi, "m") == "menu=m"


async def test_a_connection_that_says_nothing_is_closed(agi, monkeypatch):
    monkeypatch.setattr(server_module, "HEADER_SECONDS", 0.01)
    reader, writer = await asyncio.open_connection("127.0.0.1", agi.port)
    async with asyncio.timeout(SOON):
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_endless_headers_are_cut_off(agi):
    reader, writer = await asyncio.open_connection("127.0.0.1", agi.port)
    writer.write(b"x: y\n" * 100_000)
    async with asyncio.timeout(SOON):
        with suppress(ConnectionResetError):
            while await reader.read(100):
                pass
    writer.close()
    assert await escalated(agi, "m") == "menu=m"


async def test_closing_ends_open_sessions():
    server = await serve("127.0.0.1", 0)
    port = server.port
    dialplan = await session(server, "escalate", "m")
    await dialplan.begun()
    async with asyncio.timeout(SOON):
        await server.close()
        await server.close()
        await dialplan.follow()
    await dialplan.close()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_port_that_is_taken(agi):
    with pytest.raises(OffhookError, match=f"127.0.0.1:{agi.port}") as caught:
        await serve("127.0.0.1", agi.port)
    assert "agi.port" in caught.value.remedy
