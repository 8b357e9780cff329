"""A small manager interface on a local port: logins, rights, and MixMonitor on the channels it knows."""

import asyncio
from contextlib import suppress

from ari_app.settings import AsteriskSettings


class FakeAmi:
    """Start it and point an AmiClient at `settings`. Its answers are in the words of Asterisk 22.10."""

    def __init__(self):
        self.secret = "right"
        self.rights = {"system", "call"}
        self.actions = {"MixMonitor": "system", "StopMixMonitor": "call", "Getvar": "call"}
        """The actions it knows, and the right that each needs."""
        self.channels = {"PJSIP/a-1": {}}
        """By name: the variables of the channel."""
        self.asked = []
        """Every action, without those that keep the connection."""
        self.silent = False
        """Answer nothing any more, but stay connected."""
        self.logins = 0
        self.port = 0
        self._server = None
        self._writers = set()

    @property
    def settings(self):
        return AsteriskSettings(ami_port=self.port, ami_password="right")

    @property
    def connections(self):
        return len(self._writers)

    async def start(self):
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        """Like Asterisk being killed."""
        self._server.close()
        await self.drop()
        await self._server.wait_closed()

    async def drop(self):
        """Break every connection."""
        for writer in list(self._writers):
            writer.close()
        for writer in list(self._writers):
            with suppress(OSError):
                await writer.wait_closed()

    async def _connected(self, reader, writer):
        self._writers.add(writer)
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                action = dict(line.split(": ", 1) for line in lines if line)
                answer = self._answer(action)
                if answer is not None and not self.silent:
                    answer = {**answer, "ActionID": action["ActionID"]}
                    writer.write("".join(f"{k}: {v}\r\n" for k, v in answer.items()).encode() + b"\r\n")
        self._writers.discard(writer)
        writer.close()

    def _answer(self, action):
        name = action["Action"]
        if name == "Login":
            self.logins += 1
            if action["Secret"] != self.secret:
                return {"Response": "Error", "Message": "Authentication failed"}
            return {"Response": "Success", "Message": "Authentication accepted"}
        if name == "Ping":
            return {"Response": "Success", "Ping": "Pong"}
        self.asked.append({k: v for k, v in action.items() if k != "ActionID"})
        if name not in self.actions:
            return {"Response": "Error", "Message": f"Invalid/unknown command: {name}. Use Action: ListCommands"}
        if self.actions[name] not in self.rights:
            return {"Response": "Error", "Message": "Permission denied"}
        channel = self.channels.get(action["Channel"])
        if channel is None:
            return {"Response": "Error", "Message": "No such channel"}
        if name == "Getvar":
            variable = action["Variable"]
            return {"Response": "Success", "Variable": variable, "Value": channel.get(variable, "")}
        if name == "MixMonitor":
            channel["OFFHOOK_MIXMONITOR"] = "0x7f09"
        elif action["MixMonitorID"] != channel.pop("OFFHOOK_MIXMONITOR", ""):
            return {"Response": "Error", "Message": "Could not stop monitoring channel"}
        return {"Response": "Success"}
