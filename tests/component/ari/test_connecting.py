"""Logging in to ARI: what works, and what an admin is told when it does not."""

import asyncio
import gc
from dataclasses import replace

import pytest
from aiohttp import web

from ari_app.ari import http_client
from ari_app.ari.client import AriClient
from ari_app.errors import AriRefused, AriUnreachable, ModuleMissing, OffhookError


async def start_error(settings):
    """The error of a start that fails. It is not closed: a session left open would be a warning, and so an error."""
    client = AriClient(settings)
    with pytest.raises(OffhookError) as caught:
        await client.start()
    assert not client.connected
    del client
    error = caught.value.with_traceback(None)
    gc.collect()
    return error


async def test_connects_subscribes_and_closes(asterisk):
    client = AriClient(asterisk.settings)
    await client.start()
    await asterisk.subscriptions(1)
    assert client.connected
    waiting = asyncio.create_task(client.wait_failed())
    await asyncio.sleep(0)
    await client.close()
    await client.close()
    await waiting
    assert not client.connected
    with pytest.raises(AriUnreachable):
        await client.version()


async def test_a_wrong_password(asterisk):
    error = await start_error(replace(asterisk.settings, ari_password="wrong"))
    assert isinstance(error, AriRefused)
    assert "Authentication required" in error.message
    assert "asterisk.ari_password" in error.remedy


async def test_nobody_listens(asterisk):
    await asterisk.stop()
    error = await start_error(asterisk.settings)
    assert isinstance(error, AriUnreachable)
    assert asterisk.settings.ari_url in error.message
    assert "http.conf" in error.remedy
    await asterisk.start()


@pytest.mark.parametrize("url", ["pbx", "127.0.0.1:8088", "http://", "ftp://127.0.0.1"])
async def test_a_url_that_is_none(url, asterisk):
    error = await start_error(replace(asterisk.settings, ari_url=url))
    assert isinstance(error, AriUnreachable)
    assert url in error.message


async def test_the_event_socket_is_not_there(asterisk):
    asterisk.answers["GET /events"] = (404, {"message": "Resource not found"})
    error = await start_error(asterisk.settings)
    assert isinstance(error, ModuleMissing)
    assert error.module == "res_ari_events.so"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, "<html>Not Found</html>", ModuleMissing),
        (200, "<html>Welcome to another web server</html>", AriUnreachable),
        (200, "{}", AriUnreachable),
    ],
)
async def test_another_web_server(status, body, kind, asterisk):
    async def answer(request):
        return web.Response(status=status, text=body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await (site := web.TCPSite(runner, "127.0.0.1", 0)).start()
    port = site._server.sockets[0].getsockname()[1]
    error = await start_error(replace(asterisk.settings, ari_url=f"http://127.0.0.1:{port}"))
    assert isinstance(error, kind)
    assert f"127.0.0.1:{port}" in error.message
    await runner.cleanup()


async def test_an_asterisk_that_never_answers(asterisk, monkeypatch):
    monkeypatch.setattr(http_client, "REQUEST_TIMEOUT_SECONDS", 0.1)
    client = AriClient(asterisk.settings)
    await client.start()
    asterisk.answers["GET /asterisk/info"] = (200, asyncio.Event().wait)
    with pytest.raises(AriUnreachable):
        await client.version()
    await client.close()
