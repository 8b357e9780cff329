"""Audio over Asterisk's chan_websocket: we connect to it, it paces what we push. Wideband both ways.

::

    our queue ──▶ at most 5 s ahead ──▶ Asterisk's queue ──▶ one frame every 20 ms ──▶ bridge

Asterisk loses what comes beyond 20 s in its queue (it says MEDIA_XOFF at 18 s), and flushing is cheaper the less lies
there; being 5 s ahead outlasts any stall of our loop. What Asterisk has played is estimated by the clock and known by
marks: `MARK_MEDIA` comes back when everything before it has been played. Commands and events: Asterisk's
"WebSocket channel driver" page.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from itertools import count

from ari_app.audio.framing import Framer
from ari_app.errors import FormatMismatch, MediaError
from ari_app.media.events import EventQueue
from ari_app.media.pacing import FRAME_SECONDS, FrameTimer, SpeechQueue
from ari_app.media.transport import CONNECT_SECONDS, Closed, DtmfDigit, ExternalMedia, Frame, Played
from ari_app.media.websocket_control import ControlEvent, command, parse_event
from ari_app.media.websocket_wire import Wire

log = logging.getLogger(__name__)

RATE = 16_000
_FORMAT = "slin16"
_FRAME_BYTES = RATE // 50 * 2
_IDLE_FRAMES, _IDLE_LEFT_FRAMES = 10, 2
"""While nothing is said, so much silence is pushed whenever so much is left: a message costs, its length does not.
Speech flushes it."""
_LEAD_FRAMES = 250
_FRAMES_AFTER_XON = 100
_MESSAGE_FRAMES = 50
"""32 000 bytes; Asterisk takes messages below 65 536."""


class WebsocketMedia:
    """Makes legs; nothing is shared between them."""

    name = "websocket"
    rate = RATE

    def __init__(self, ari_url: str) -> None:
        self._url = "ws" + ari_url.removeprefix("http").rstrip("/") + "/media/"

    async def offer(self) -> "WebsocketOffer":
        """A leg for which Asterisk is to wait."""
        return WebsocketOffer(self._url)

    async def close(self) -> None:
        """See MediaKind."""


class WebsocketOffer:
    """A leg that Asterisk waits for, once it has its channel (32 s, then it gives up)."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.external = ExternalMedia(
            external_host="INCOMING",
            transport="websocket",
            encapsulation="none",
            connection_type="server",
            format=_FORMAT,
        )

    async def connect(self, variables: Mapping[str, str]) -> "WebsocketTransport":
        """See Offer; MEDIA_WEBSOCKET_CONNECTION_ID is the path, and the only secret."""
        connection_id = variables.get("MEDIA_WEBSOCKET_CONNECTION_ID", "")
        if not connection_id:
            raise MediaError("Asterisk named no websocket for the media channel", "is chan_websocket.so loaded?")
        leg = WebsocketTransport()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await leg.open(self._url + connection_id)
        except TimeoutError:
            raise MediaError(
                f"Asterisk did not start the media websocket at {self._url}… within {CONNECT_SECONDS:g} s",
                "see Asterisk's log",
            ) from None
        return leg

    async def cancel(self) -> None:
        """See Offer; Asterisk drops the channel by itself."""


class WebsocketTransport:
    """One media websocket; see Transport."""

    name = "websocket"
    rate = RATE
    carries_dtmf = True

    def __init__(self, connect: Callable[..., Awaitable[Wire]] = Wire.connect) -> None:
        self._connect = connect
        self._loop = asyncio.get_running_loop()
        self._events = EventQueue()
        self._framer = Framer(_FRAME_BYTES)
        self._queue = SpeechQueue(_FRAME_BYTES)
        self._pending: dict[str, str] = {}  # marks that Asterisk has: its id → ours, "" for one of our own making
        self._ids = count(1)
        self._unmarked = False  # speech was sent and no mark after it
        self._silence_follows = False  # after the speech that is pending
        self._xoff = False
        self._played_until = 0.0  # estimate: when all that was sent will have been played
        self._json = False
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._mismatch: FormatMismatch | None = None
        self._wire: Wire
        self._timer: FrameTimer | None = None
        self.late_frames = 0
        """See Transport: Asterisk had nothing left to play."""

    async def open(self, url: str) -> None:
        """Connect and wait for Asterisk's MEDIA_START. Raises MediaError; then nothing is left open."""
        self._wire = await self._connect(url, self._on_message, self._on_closed)
        try:
            await self._started
        except BaseException:
            self._wire.abort()
            raise
        self._timer = FrameTimer(self._tick)

    # -- Transport

    def __aiter__(self) -> EventQueue:
        return self._events

    def send(self, pcm: bytes) -> None:
        """See Transport."""
        if self._events.closed or not pcm:
            return
        if self._is_idle():
            # Comfort silence must not delay the speech.
            self._command("FLUSH_MEDIA")
            self._played_until = 0.0
            if self._timer is not None:
                self._timer.hurry()
        self._queue.put(pcm)
        self._pump()

    def mark(self, mark: str) -> None:
        """See Transport."""
        if self._events.closed:
            return
        if self._is_idle():
            self._events.put(Played(mark, self._loop.time()))
        else:
            self._queue.mark(mark)
            self._pump()

    def flush(self) -> None:
        """See Transport."""
        if self._events.closed or self._is_idle():
            return
        self._queue.clear()
        self._pending.clear()
        self._unmarked = self._xoff = False
        self._command("FLUSH_MEDIA")
        self._played_until = 0.0
        self._send_silence()

    def relax(self, relaxed: bool) -> None:
        """See Transport."""
        self._wire.relax(relaxed)

    async def close(self) -> None:
        """See Transport."""
        self._stop()
        await self._wire.close()

    # -- out

    def _is_idle(self) -> bool:
        """Whether all speech has been played, as far as is known."""
        return not (self._queue or self._pending or self._unmarked)

    def _ahead(self) -> float:
        return max(0.0, self._played_until - self._loop.time()) / FRAME_SECONDS

    def _pump(self) -> None:
        """Hand over what is queued, up to the lead."""
        while not self._xoff and self._wire.writable:
            for mark in self._queue.reached():
                self._send_mark(mark)
            pcm = self._queue.take(min(_MESSAGE_FRAMES, int(_LEAD_FRAMES - self._ahead())))
            if not pcm:
                return
            self._send_audio(pcm)
            self._unmarked = True
            self._silence_follows = False

    def _tick(self, missed: int) -> None:
        if missed and not self._ahead():
            silent = int((self._loop.time() - self._played_until) / FRAME_SECONDS)
            self.late_frames += min(missed, silent)
        self._pump()
        if self._xoff or not self._wire.writable:
            return
        if self._queue and self._ahead() < 1:  # part of a frame is left, and its time has come
            self._queue.pad()
            self._pump()
        if self._unmarked and not self._queue:
            self._send_mark("")
        if self._ahead() < (_IDLE_LEFT_FRAMES if self._is_idle() else 1):
            self._send_silence()
        if self._is_idle() and self._timer is not None:
            self._timer.rest(int(self._ahead()) - _IDLE_LEFT_FRAMES)

    def _send_silence(self) -> None:
        """Some; while speech is pending a single frame, as the estimate may be ahead of Asterisk."""
        if self._is_idle():
            self._send_audio(bytes(_IDLE_FRAMES * _FRAME_BYTES))
        elif not self._silence_follows:
            self._send_audio(bytes(_FRAME_BYTES))
        self._silence_follows = True

    def _send_audio(self, pcm: bytes) -> None:
        self._wire.send(pcm)
        self._played_until = max(self._played_until, self._loop.time()) + len(pcm) / _FRAME_BYTES * FRAME_SECONDS

    def _send_mark(self, mark: str) -> None:
        asterisks_id = str(next(self._ids))
        self._pending[asterisks_id] = mark
        self._unmarked = False
        self._command("MARK_MEDIA", asterisks_id)

    def _command(self, name: str, correlation_id: str = "") -> None:
        self._wire.send(command(name, correlation_id, as_json=self._json))

    # -- in

    def _on_message(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            now = self._loop.time()
            for pcm in self._framer.feed(message):
                self._events.put(Frame(pcm, now))
            if self._timer is not None and self._is_idle():
                self._timer.heard()
        else:
            self._on_event(parse_event(message))

    def _on_event(self, event: ControlEvent) -> None:
        match event.name:
            case "MEDIA_MARK_PROCESSED":
                self._on_mark(event.fields.get("correlation_id", ""))
            case "DTMF_END":
                digit = event.fields.get("digit", "")
                if len(digit) == 1 and digit in "0123456789*#ABCD":
                    self._events.put(DtmfDigit(digit, self._loop.time()))
            case "MEDIA_XOFF":
                self._xoff = True
            case "MEDIA_XON":
                self._on_xon()
            case "MEDIA_START":
                self._json = event.json
                self._on_start(event.fields)
            case "ERROR":
                log.warning("Asterisk refused a media command", extra={"error": event.fields.get("error_text", "")})
            case _:
                log.debug("an event of Asterisk's media websocket that means nothing here", extra={"event": event.name})

    def _on_mark(self, asterisks_id: str) -> None:
        mark = self._pending.pop(asterisks_id, None)  # None: flushed while it was on its way
        if mark:
            self._events.put(Played(mark, self._loop.time()))
        if self._is_idle() and self._timer is not None:
            self._send_silence()

    def _on_xon(self) -> None:
        """Asterisk has 800 frames left, more than was thought: give it few at first, as it takes no more than 1000."""
        self._xoff = False
        few = (_LEAD_FRAMES - _FRAMES_AFTER_XON) * FRAME_SECONDS
        self._played_until = max(self._played_until, self._loop.time() + few)
        self._pump()

    def _on_start(self, fields: Mapping[str, str]) -> None:
        got, size = fields.get("format", ""), fields.get("optimal_frame_size", "")
        if self._started.done():
            return
        if (got, size) == (_FORMAT, str(_FRAME_BYTES)):
            self._started.set_result(None)
        else:
            self._started.set_exception(
                FormatMismatch(
                    f"Asterisk's media websocket carries {got or 'no format'} in frames of {size or '?'} bytes, "
                    f"not {_FORMAT} in frames of {_FRAME_BYTES}",
                    f"the media channel must be created with format {_FORMAT}",
                )
            )

    def _on_closed(self, reason: str, error: MediaError | None) -> None:
        self._stop()
        if not self._started.done():
            self._started.set_exception(error or MediaError("Asterisk closed the media websocket before it started"))
        self._events.put(Closed(reason, error))

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
