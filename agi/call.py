"""One AGI session, as a script sees it: the arguments it was called with, and the channel's variables.

Protocol: https://docs.asterisk.org/Configuration/Interfaces/Asterisk-Gateway-Interface-AGI/
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from panoramisk.fast_agi import Request
from panoramisk.utils import parse_agi_result

_END_MARK = "\x04"
"""Asked for behind every value: a value comes as it is, with its own line breaks and brackets."""
_VALUE = b"200 result=1 ("
_VALUE_END = f"{_END_MARK})\n".encode()


class CallEnded(Exception):
    """The channel hung up, or Asterisk closed the session; the script has nothing left to do."""


class _Request(Request):  # type: ignore[misc]  # panoramisk has no types
    """panoramisk's session, which also reads values of more than one line, and the end of the connection."""

    async def _read_result(self) -> dict[str, Any]:
        answer = await self._line()
        if not answer.startswith(_VALUE):
            result: dict[str, Any] = parse_agi_result(answer.decode(errors="replace").rstrip("\n"))
            return result
        while not answer.endswith(_VALUE_END):
            answer += await self._line()
        return {"result": ("1", answer.removeprefix(_VALUE).removesuffix(_VALUE_END).decode(errors="replace"))}

    async def _line(self) -> bytes:
        line: bytes = await self.reader.readline()
        if not line.endswith(b"\n"):
            raise CallEnded("Asterisk closed the session")
        return line


class AgiCall:
    """The channel that runs ``AGI(agi://host:port/script,first,second)``."""

    def __init__(self, headers: Mapping[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.headers = headers
        """What Asterisk says of the channel: ``agi_channel``, ``agi_uniqueid``, ``agi_callerid``, …"""
        self._request = _Request(None, headers, reader, writer)

    def argument(self, number: int) -> str:
        """An argument, counted from 1; ``""`` when it was not given."""
        return self.headers.get(f"agi_arg_{number}", "")

    async def variable(self, name: str) -> str:
        """A channel variable; ``""`` when it is not set. Raises CallEnded."""
        # GET VARIABLE would cut it after 1 kB
        return (await self._command(f"GET FULL VARIABLE ${{{name}}}{_END_MARK}"))[1]

    async def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable; line breaks become spaces, as a command is one line. Raises CallEnded."""
        quoted = re.sub(r'(["\\])', r"\\\1", re.sub(r"[\r\n]+", " ", value))
        await self._command(f'SET VARIABLE {name} "{quoted}"')

    async def _command(self, command: str) -> tuple[str, str]:
        """Run one AGI command; returns its result and the text in brackets behind it."""
        answer = await self._request.send_command(command)
        if "error" in answer:
            raise CallEnded(answer["msg"] or answer["error"])
        result: tuple[str, str] = answer["result"]
        return result
