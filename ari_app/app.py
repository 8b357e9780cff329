"""The composition root: builds the parts from the settings, owns start-up and shutdown.

Order: engines (slowest, and nothing is announced before they work), store, Asterisk. Whatever fails on the way is one
OffhookError, and what was already open is closed again.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable

from agi.server import serve as serve_agi
from ari_app.ami import AmiClient
from ari_app.ari.client import AriClient
from ari_app.call.exchange import Parts
from ari_app.call.prompts import Prompts
from ari_app.call.warm_up import prefill, prepare
from ari_app.capacity.room import admission
from ari_app.engines.loader import Engines, load_engines
from ari_app.garbage import freeze, give_back
from ari_app.loop_lag import LoopLag
from ari_app.media.choose import choose_kind, open_kind
from ari_app.media.transport import MediaKind
from ari_app.metrics import Metrics, Watched
from ari_app.metrics_server import MetricsServer
from ari_app.notify import notify
from ari_app.settings import Settings
from ari_app.stasis import Stasis, Switchboard
from ari_app.store.store import Store

log = logging.getLogger(__name__)

Loader = Callable[[Settings, Callable[[str], None]], Awaitable[Engines]]
"""How engines come to be: `load_engines`, or a benchmark's own."""
_DRAIN_SECONDS = 5.0
"""How long live calls may take to go back into the dialplan at shutdown."""


async def run(settings: Settings, progress: Callable[[str], None], load: Loader = load_engines) -> None:
    """Run the application until SIGTERM or SIGINT. Raises OffhookError when it cannot start or go on."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        stasis, ari = await _start(settings, progress, load, stack)
        taking = asyncio.create_task(stasis.run(), name="arrivals")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        failing = asyncio.create_task(ari.wait_failed(), name="event socket")
        freeze()
        progress("ready")
        notify("READY=1")
        try:
            done, _ = await asyncio.wait({taking, stopping, failing}, return_when=asyncio.FIRST_COMPLETED)
            notify("STOPPING=1")
            for task in done:
                task.result()
        finally:
            await stasis.drain(_DRAIN_SECONDS)
            for task in (taking, stopping, failing):
                task.cancel()
            await asyncio.gather(taking, stopping, failing, return_exceptions=True)


async def _start(
    settings: Settings, progress: Callable[[str], None], load: Loader, stack: contextlib.AsyncExitStack
) -> tuple[Stasis, AriClient]:
    """Bring up every part; `stack` closes them in the opposite order."""
    engines = await load(settings, progress)
    stack.push_async_callback(engines.close)
    metrics = Metrics()
    store = await Store.open(settings.store.url, metrics.recorded)
    stack.push_async_callback(store.close)

    ari = AriClient(settings.asterisk)
    stack.push_async_callback(ari.close)
    await ari.start()
    ami = AmiClient(settings.asterisk)
    stack.push_async_callback(ami.close)
    await ami.start()
    media = await _media(settings, ari)
    stack.push_async_callback(media.close)
    progress(f"Asterisk {await ari.version()}, audio over {media.name}")

    prompts = Prompts(engines.tts)
    await prepare(settings, prompts, media.rate)
    await prefill(settings, engines.llm)
    stack.push_async_callback((await serve_agi(settings.agi.host, settings.agi.port)).close)
    parts = Parts(settings, engines.vad, engines.stt, engines.tts, prompts, store, engines.judge)
    board = Switchboard(ari, ami, media, engines.llm, store)
    stasis = Stasis(parts, board, await admission(settings, engines, progress), when_idle=give_back)
    lag = LoopLag(metrics.lagged)
    stack.callback(lag.stop)
    metrics.watch(Watched(stasis, engines, store, lag))
    if settings.metrics.enabled:
        server = MetricsServer(metrics.render, lambda: "" if ari.connected else "no connection to Asterisk")
        stack.push_async_callback(server.close)
        await server.listen(settings.metrics.host, settings.metrics.port)
        progress(f"metrics at http://{settings.metrics.host}:{server.port}/metrics")
    return stasis, ari


async def _media(settings: Settings, ari: AriClient) -> MediaKind:
    name = choose_kind(settings.media.transport, await ari.loaded_modules(), await ari.version())
    return await open_kind(name, settings.media, settings.asterisk.ari_url)
