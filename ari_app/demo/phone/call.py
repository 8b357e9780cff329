"""One call of our own phone: dial, talk, press keys, hold, listen, hang up. Every moment is in monotonic seconds."""

import asyncio
import contextlib
import secrets
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ari_app.demo.phone import sdp
from ari_app.demo.phone.dialog import Dialog
from ari_app.demo.phone.drive import Drive, Stop
from ari_app.demo.phone.endpoint import Pending, SipEndpoint
from ari_app.demo.phone.hearing import Hearing
from ari_app.demo.phone.receiver import Receiver
from ari_app.demo.phone.recording import save_stereo
from ari_app.demo.phone.rtp import CODECS, KEYS, Codec, Packet
from ari_app.demo.phone.sender import Key, Said, Sender, Utterance
from ari_app.demo.phone.sip import Request, Response
from ari_app.errors import AsteriskError

EVENT_TYPE = 101
"""Our payload type of telephone events."""
RECEIVE_BUFFER_BYTES = 1 << 20
"""Many seconds of packets: a busy event loop must not cost any."""
GOODBYE_S = 3.0
"""How long we wait for the answer to a BYE or CANCEL; an Asterisk that is gone gives none."""
MIRRORED: dict[sdp.Direction, sdp.Direction] = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


class CallFailed(AsteriskError):
    """A call that did not come about, or a request in it that was refused; `status` is SIP's, 0 where there is none."""

    def __init__(self, message: str, remedy: str = "", *, status: int = 0) -> None:
        super().__init__(message, remedy)
        self.status = status


class PhoneCall:
    """A call; made by Phone.dial, ended by `hang_up` or by the other side, freed by Phone.close."""

    def __init__(
        self,
        endpoint: SipEndpoint,
        dialog: Dialog,
        password: str | None,
        codecs: list[Codec],
        suppress_silence: bool,
        drive: Drive,
    ) -> None:
        self.hearing = Hearing()
        """All that came, with its times."""
        self.status = 0
        """SIP status of the last answer to our INVITE."""
        self.dialled_at = time.monotonic()
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self.end_reason = ""
        """``hung up here``, ``hung up there`` or the failure."""
        self.ringing = asyncio.Event()
        self.ended = asyncio.Event()
        self.other_direction: sdp.Direction = "sendrecv"
        """What the other side last said it does with audio."""
        self._endpoint, self._dialog, self._password = endpoint, dialog, password
        self._suppress_silence = suppress_silence
        self._news = asyncio.Event()
        self._drive = drive
        self._sender: Sender | None = None
        self._stop_sending: Stop = lambda: None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._socket.bind((endpoint.address[0], 0))
        host, port = self._socket.getsockname()
        self._ours = sdp.Audio(host, port, tuple(codec.payload_type for codec in codecs), EVENT_TYPE)
        self._session, self._version = secrets.randbits(31), 0
        self._stop_reading = drive.read(Receiver(self._socket, self._hear))
        endpoint.calls[dialog.call_id] = self._requested
        self._invite = dialog.request("INVITE", self._description())
        self._pending = endpoint.request(self._invite)
        self._progress = asyncio.Event()
        self._cancelled = False
        self._dialling = asyncio.create_task(self._dial())
        self._dialling.add_done_callback(lambda task: task.cancelled() or task.exception())  # read, if by nobody else

    @property
    def id(self) -> str:
        """SIP's Call-ID."""
        return self._dialog.call_id

    async def answered(self, timeout_s: float = 10.0) -> None:
        """Wait until the call is answered. Raises CallFailed with the status, TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await asyncio.shield(self._dialling)

    async def say(self, pcm: bytes | NDArray[np.int16]) -> Said:
        """Say 16-bit mono audio at 8 kHz after what is being said; returns when its last frame has left.

        Cancelling stops it. Raises CallFailed when the call ends before that, ValueError for no audio.
        """
        data = pcm if isinstance(pcm, bytes) else pcm.astype("<i2").tobytes()
        if not data:
            raise ValueError("no audio to say")
        item = Utterance(data, asyncio.get_running_loop().create_future())
        self._talking().put(item)
        return await item.done

    async def press(self, keys: str, method: Literal["rfc4733", "info"] = "rfc4733", duration_ms: int = 100) -> None:
        """Press keys (``0``-``9``, ``*``, ``#``, ``A``-``D``), one after the other. Raises CallFailed, ValueError."""
        if unknown := set(keys) - set(KEYS):
            raise ValueError(f"no such key: {' '.join(sorted(unknown))}")
        for key in keys:
            if method == "rfc4733":
                item = Key(key, duration_ms, asyncio.get_running_loop().create_future())
                self._talking().put(item)
                await item.done
            else:
                self._talking()
                body = f"Signal={key}\r\nDuration={duration_ms}\r\n".encode()
                info = self._dialog.request("INFO", body, "application/dtmf-relay")
                self._accepted(await self._endpoint.request(info).final(), "the key")

    async def hold(self, direction: Literal["sendonly", "inactive"] = "sendonly") -> None:
        """Put the other side on hold, sending nothing. Raises CallFailed."""
        self._talking().held = True
        await self._renegotiate(direction)

    async def resume(self) -> None:
        """End the hold. Raises CallFailed."""
        await self._renegotiate("sendrecv")
        self._talking().held = False

    async def hang_up(self) -> None:
        """End the call, ringing or answered, and wait until the other side knows; idempotent."""
        if not self._dialling.done():
            await self._cancel()
        if not self.ended.is_set():
            self._end("hung up here")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._endpoint.request(self._dialog.request("BYE")).final(), GOODBYE_S)

    async def wait_for_speech(self, after: float | None = None, timeout_s: float = 10.0) -> float:
        """The arrival of the first loud frame later than `after` (default: now).

        Raises CallFailed when the call ends before that, TimeoutError.
        """
        after = time.monotonic() if after is None else after
        async with asyncio.timeout(timeout_s):
            while (at := self.hearing.first_loud(after)) is None:
                if self.ended.is_set():
                    raise CallFailed(f"the call is over before anything was heard: {self.end_reason}")
                self._news.clear()
                await self._news.wait()
        return at

    async def wait_for_quiet(self, seconds: float, timeout_s: float = 60.0) -> float | None:
        """Wait until nothing loud has come for `seconds`, or the call is over.

        Returns the arrival of the last loud frame, None when there was none. Raises TimeoutError.
        """
        begun = time.monotonic()
        async with asyncio.timeout(timeout_s):
            while not self.ended.is_set():
                wait = (self.hearing.last_loud() or begun) + seconds - time.monotonic()
                if wait <= 0:
                    break
                await asyncio.sleep(wait)
        return self.hearing.last_loud()

    def gap(self, said: Said) -> float | None:
        """Response gap in seconds: first loud frame heard minus last loud frame said; None without an answer."""
        answer = self.hearing.first_loud(said.last_loud_at)
        return None if answer is None else answer - said.last_loud_at

    def save(self, file: Path) -> float:
        """Write the call as a stereo WAV, left what was said, right what was heard, on one clock.

        Returns the moment of its first sample.
        """
        return save_stereo(file, self._sender.sent if self._sender else [], self.hearing)

    async def close(self) -> None:
        """Hang up if need be and free everything; idempotent."""
        if self._socket.fileno() < 0:
            return
        try:
            await self.hang_up()
        finally:
            self._dialling.cancel()
            await asyncio.wait([self._dialling])
            self._end("closed")
            self._stop_reading()
            self._socket.close()
            self._endpoint.calls.pop(self.id, None)

    async def _dial(self) -> None:
        """See the INVITE through to an answered call. Raises CallFailed."""
        tried = self._password is None
        while True:
            answer = await self._pending.answers.get()
            self._progress.set()
            self.status = 408 if answer is None else answer.status
            if answer is None or (answer.status >= 300 and (tried or answer.status not in (401, 407))):
                words = "no answer" if answer is None else f"{answer.status} {answer.reason}"
                self._end("hung up here" if self._cancelled else words)
                raise CallFailed(f"the call to {self._dialog.target} failed: {words}", status=self.status)
            if answer.status >= 300:
                tried = True
                self._progress.clear()
                asked = self._pending.transaction.request
                again = self._dialog.authorized(asked, answer, self._dialog.user, self._password or "")
                self._pending = self._endpoint.request(again)
            elif answer.status >= 200:
                self._acknowledge(self._pending, answer)
                self.answered_at = time.monotonic()
                return
            elif answer.status > 100:
                self.ringing.set()

    async def _cancel(self) -> None:
        """Stop dialling; the call may still be answered in the meantime."""
        self._cancelled = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self._progress.wait()  # CANCEL is only allowed after a first answer (RFC 3261, section 9.1)
                if self._pending.transaction.final is None:
                    await self._endpoint.request(self._dialog.cancel(self._pending.transaction.request)).final()
                await asyncio.wait([self._dialling])
        if not self._dialling.done():  # nobody there
            self._dialling.cancel()
            await asyncio.wait([self._dialling])
            self._end("hung up here")

    def _acknowledge(self, invite: Pending, answer: Response) -> None:
        """Acknowledge a 2xx and begin to talk, or go on, as its description says."""
        self._dialog.established(answer)
        ack = self._dialog.acknowledge(invite.transaction.request)
        self._endpoint.send(invite.transaction.acknowledge(ack))
        try:
            self._agree(sdp.parse(answer.body))
        except ValueError as error:
            raise CallFailed(f"the other side's answer cannot be used: {error}") from error

    def _agree(self, theirs: sdp.Audio) -> None:
        self.other_direction = theirs.direction
        if self._sender is not None:
            self._sender.peer = (theirs.host, theirs.port)
            return
        codec = next((CODECS[number] for number in theirs.payload_types if number in self._ours.payload_types), None)
        if codec is None:
            raise ValueError("it takes none of our codecs")
        self._sender = Sender(
            self._socket,
            (theirs.host, theirs.port),
            codec,
            theirs.telephone_event or EVENT_TYPE,
            suppress_silence=self._suppress_silence,
        )
        self._stop_sending = self._drive.send(self._sender)

    async def _renegotiate(self, direction: sdp.Direction) -> None:
        self._talking()
        self._ours = replace(self._ours, direction=direction)
        pending = self._endpoint.request(self._dialog.request("INVITE", self._description()))
        self._acknowledge(pending, self._accepted(await pending.final(), direction))

    def _requested(self, request: Request) -> Response:
        """A request of the other side."""
        if not self._dialog.holds(request):
            return self._dialog.respond(request, 481, "Call/Transaction Does Not Exist")
        if request.method == "BYE":
            self._end("hung up there")
        elif request.method in ("INVITE", "UPDATE"):
            try:
                if request.body:
                    self._agree(sdp.parse(request.body))
            except ValueError:
                return self._dialog.respond(request, 488, "Not Acceptable Here")
            self._ours = replace(self._ours, direction=MIRRORED.get(self.other_direction, self._ours.direction))
            return self._dialog.respond(request, 200, "OK", self._description())
        elif request.method not in ("INFO", "OPTIONS"):
            return self._dialog.respond(request, 405, "Method Not Allowed")
        return self._dialog.respond(request, 200, "OK")

    def _hear(self, packet: Packet, at: float) -> None:
        if self.hearing.receive(packet, at) is not None:
            self._news.set()

    def _end(self, reason: str) -> None:
        if self.ended.is_set():
            return
        self.end_reason, self.ended_at = reason, time.monotonic()
        if self._sender is not None:
            self._stop_sending()
            self._sender.abandon(CallFailed(f"the call is over: {reason}"))
        self.ended.set()
        self._news.set()

    def _talking(self) -> Sender:
        if self._sender is None or self.ended.is_set():
            raise CallFailed(
                f"there is no call to talk in: {self.end_reason or 'not answered yet'}", status=self.status
            )
        return self._sender

    def _description(self) -> bytes:
        self._version += 1
        return self._ours.encode(self._session, self._version)

    @staticmethod
    def _accepted(answer: Response | None, what: str) -> Response:
        if answer is None or answer.status >= 300:
            words = "no answer" if answer is None else f"{answer.status} {answer.reason}"
            raise CallFailed(f"{what} was refused: {words}", status=0 if answer is None else answer.status)
        return answer
