"""chan_websocket as Asterisk 22.10 behaves: its queue, a leg's wire to it without sockets, and a server with them."""

import asyncio
import json
from collections import deque

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError

FRAME_BYTES = 640
START = (
    "MEDIA_START connection_id:{id} channel:WebSocket/1 channel_id:m-1 format:slin16 optimal_frame_size:640 ptime:20"
)


class AsteriskQueue:
    """Frames and marks as chan_websocket keeps them. `tell` takes its events."""

    def __init__(self, tell):
        self.tell = tell
        self.as_json = False
        self.full = False
        self.lost_frames = 0
        self.commands = []
        """All commands that came."""
        self.played = []
        """One entry every 20 ms: a frame, or None when there was none."""
        self._queue = deque()

    @property
    def length(self):
        return sum(isinstance(item, bytes) for item in self._queue)

    @property
    def heard(self):
        """What the caller heard that was no silence."""
        return b"".join(frame for frame in self.played if frame and any(frame))

    def take(self, message):
        """One message of the leg's."""
        if isinstance(message, bytes):
            self._take_audio(message)
        else:
            self._take_command(message)

    def tick(self):
        """20 ms pass."""
        if self.full and self.length < 800:
            self.full = False
            self._tell("MEDIA_XON")
        while self._queue and isinstance(self._queue[0], str):
            self._tell("MEDIA_MARK_PROCESSED", self._queue.popleft())
        self.played.append(self._queue.popleft() if self._queue else None)

    def _take_audio(self, audio):
        assert not len(audio) % FRAME_BYTES, "Asterisk drops the part of a frame at the end of a message"
        assert len(audio) < 65_536, "Asterisk closes on longer messages"
        if self.length >= 1000:
            self.lost_frames += len(audio) // FRAME_BYTES
            return
        for start in range(0, len(audio), FRAME_BYTES):
            self._queue.append(audio[start : start + FRAME_BYTES])
            if not self.full and self.length >= 900:
                self.full = True
                self._tell("MEDIA_XOFF")

    def _take_command(self, text):
        assert len(text) <= 128, "Asterisk ignores longer commands"
        if self.as_json:
            words = json.loads(text)
            name, mark = words["command"], words.get("correlation_id", "")
        else:
            name, _, mark = text.partition(" ")
        self.commands.append(name)
        if name == "MARK_MEDIA":
            self._queue.append(mark)
        elif name == "FLUSH_MEDIA":
            self._queue.clear()
        else:
            raise AssertionError(f"unknown command {text}")

    def _tell(self, event, mark=""):
        if self.as_json:
            self.tell(json.dumps({"event": event, "correlation_id": mark}))
        else:
            self.tell(f"{event} {mark}".strip())


class FakeWire:
    """A Wire to an AsteriskQueue that plays a frame every 20 ms of the loop's clock, 7 ms after ours."""

    def __init__(self, on_message, on_closed):
        self._loop = asyncio.get_running_loop()
        self._on_message, self._on_closed = on_message, on_closed
        self.writable = True
        self.plays = True
        self.asterisk = AsteriskQueue(lambda text: self._loop.call_later(0.001, self._on_message, text))
        self._timer = self._loop.call_later(0.007, self._tick)
        self._loop.call_soon(on_message, START.format(id="1"))

    @classmethod
    async def connect(cls, _url, on_message, on_closed):
        return cls(on_message, on_closed)

    def send(self, message):
        assert self.writable
        self.asterisk.take(message)

    def relax(self, relaxed):
        """What comes, comes at once."""

    def abort(self):
        pass

    async def close(self):
        self._timer.cancel()
        self._on_closed("closed", None)

    def _tick(self):
        self._timer = self._loop.call_later(0.02, self._tick)
        if self.plays:
            self.asterisk.tick()


class FakeServer:
    """Asterisk's media websocket on a local port, for one leg at a time; nothing plays until `asterisk.tick`."""

    def __init__(self, start=START):
        self.start = start
        self.asterisk = AsteriskQueue(self._tell)
        self.paths = []
        self.connection = None
        self.url = ""
        self.gone = asyncio.Event()

    async def __aenter__(self):
        self._server = await serve(
            self._serve, "127.0.0.1", 0, subprotocols=["media"], compression=None, process_request=self._admit
        )
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await self._server.wait_closed()

    def tell(self, message):
        """Send the leg a text or binary message of the test's own."""
        self._tell(message)

    def _admit(self, connection, request):
        self.paths.append(request.path)
        if request.path.endswith("/unknown"):
            return connection.respond(404, "no such connection")
        return None

    async def _serve(self, connection):
        assert connection.subprotocol == "media"
        self.connection = connection
        try:
            if self.start:
                await connection.send(self.start.format(id="1"))
            async for message in connection:
                self.asterisk.take(message)
        except ConnectionClosedError:
            pass  # without goodbye
        finally:
            self.gone.set()

    def _tell(self, message):
        # The public `send` is a coroutine; events of the queue must leave in their order and at once.
        protocol = self.connection.protocol
        (protocol.send_text if isinstance(message, str) else protocol.send_binary)(
            message.encode() if isinstance(message, str) else message
        )
        self.connection.send_data()
