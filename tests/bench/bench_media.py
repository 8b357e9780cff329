"""media.in, media.out: our share of the media path, caller → application and application → caller.

No engines: a real SIP call, our line and transports, tone bursts, and one clock for both ends (the phone's packets are
stamped by threads of their own). G.711's 20 ms of packetisation are left out, as in the notes these are compared with.
"""

import asyncio
import math

import numpy as np

from ari_app.ari.client import AriClient
from ari_app.call.line import Line
from ari_app.config.secrets import read_secret
from ari_app.demo.asterisk import PrivateAsterisk
from ari_app.demo.asterisk_install import find_or_fetch
from ari_app.demo.phone import Phone, PhoneCall
from ari_app.demo.phone.rtp import RATE
from ari_app.media.choose import open_kind
from ari_app.media.transport import Frame, Transport
from ari_app.settings import AsteriskSettings, MediaSettings
from tests.bench.figures import Figure, percentiles

BURSTS = 20
PATHS = (
    ("websocket", "direct"),
    ("audiosocket", "direct"),
    ("rtp", "direct"),
    ("websocket", "snoop"),
    ("audiosocket", "snoop"),
    ("rtp", "snoop"),
)


def run() -> list[Figure]:
    """Every path; the first, which `auto` takes, is the one without a name."""
    figures = []
    for transport, listen in PATHS:
        with PrivateAsterisk(find_or_fetch()) as pbx:
            inward, outward = asyncio.run(_measure(pbx, transport, listen))
        name = f"{transport}.{listen}"
        if not figures:
            figures += percentiles("media.in", inward) + percentiles("media.out", outward)
        figures += percentiles(f"media.in.{name}", inward)[:1] + percentiles(f"media.out.{name}", outward)[:1]
    return figures


async def _measure(pbx: PrivateAsterisk, transport: str, listen: str) -> tuple[list[float], list[float]]:
    settings = AsteriskSettings(
        ari_url=pbx.ari_url, ari_username=pbx.ari_username, ari_password=read_secret(pbx.ari_password_file)
    )
    ari = AriClient(settings)
    await ari.start()
    kind = await open_kind(transport, MediaSettings(), pbx.ari_url)
    try:
        async with Phone(pbx.sip_port) as phone:
            call = phone.dial("agent-receptionist")
            while (arrival := await ari.arrivals.get()) is None:
                pass
            with ari.route("bench", arrival.channel.id) as route:
                line = Line(ari, "bench", arrival.channel, route, kind, listen)
                watching = asyncio.create_task(line.watch(lambda key: None, lambda event: None))
                try:
                    speaking, hearing = await line.open()
                    await call.answered()
                    return await _both_ways(call, speaking, hearing)
                finally:
                    watching.cancel()
                    await asyncio.gather(watching, return_exceptions=True)
                    await line.close()
    finally:
        await kind.close()
        await ari.close()


async def _both_ways(call: PhoneCall, speaking: Transport, hearing: Transport) -> tuple[list[float], list[float]]:
    """Delays inward, then outward, while what arrives is read throughout."""
    loud_at: list[float] = []

    async def listen() -> None:
        loud = False
        async for event in hearing:
            if isinstance(event, Frame):
                now_loud = bool(np.abs(np.frombuffer(event.pcm, "<i2")).max() > 3000)
                if now_loud and not loud:
                    loud_at.append(event.at)
                loud = now_loud

    reading = [asyncio.create_task(listen())]
    if speaking is not hearing:
        reading.append(asyncio.create_task(_discard(speaking)))
    try:
        return await _inward(call, loud_at), await _outward(call, speaking)
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


async def _discard(transport: Transport) -> None:
    async for _ in transport:
        pass


async def _inward(call: PhoneCall, loud_at: list[float]) -> list[float]:
    """Tone bursts said by the phone, until their first loud frame is in our hands."""
    delays = []
    for number in range(BURSTS):
        await asyncio.sleep(0.3 + 0.007 * number)  # at any phase of the 20 ms
        before = len(loud_at)
        said = await call.say(_tone(0.1, RATE))
        async with asyncio.timeout(2):
            while len(loud_at) == before:
                await asyncio.sleep(0.005)
        delays.append((loud_at[before] - said.first_loud_at) * 1000)
    return delays


async def _outward(call: PhoneCall, speaking: Transport) -> list[float]:
    """Tone bursts sent by us, until the phone gets their first loud frame."""
    delays = []
    for number in range(BURSTS):
        await asyncio.sleep(0.4 + 0.007 * number)
        sent = asyncio.get_running_loop().time()
        speaking.send(_tone(0.1, speaking.rate).tobytes())
        delays.append((await call.wait_for_speech(sent, 2) - sent) * 1000)
    return delays


def _tone(seconds: float, rate: int) -> np.ndarray:
    times = np.arange(int(seconds * rate)) / rate
    return (9000 * np.sin(2 * math.pi * 440 * times)).astype(np.int16)
