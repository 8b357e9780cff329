"""The web server for Prometheus and health checks, over real sockets."""

import aiohttp
import pytest

from ari_app.errors import OffhookError
from ari_app.metrics_server import MetricsServer


class Process:
    """What is served."""

    def __init__(self):
        self.asked, self.trouble = [], ""

    def render(self, accept):
        self.asked.append(accept)
        return b"offhook_live_calls 1.0\n", "text/plain; version=0.0.4; charset=utf-8"


@pytest.fixture
def process():
    return Process()


@pytest.fixture
async def server(process):
    server = MetricsServer(process.render, lambda: process.trouble)
    await server.listen("127.0.0.1", 0)
    yield server
    await server.close()


@pytest.fixture
async def get(server):
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as client:

        async def get(path):
            async with client.get(path, headers={"Accept": "text/plain"}) as answer:
                return answer.status, answer.headers["Content-Type"], await answer.text()

        yield get


async def test_metrics_as_they_are_now(process, get):
    assert await get("/metrics") == (200, "text/plain; version=0.0.4; charset=utf-8", "offhook_live_calls 1.0\n")
    assert process.asked == ["text/plain"]


async def test_health_is_what_is_wrong(process, get):
    status, _, text = await get("/healthz")
    assert (status, text) == (200, "ok\n")
    process.trouble = "no connection to Asterisk"
    status, _, text = await get("/healthz")
    assert (status, text) == (503, "no connection to Asterisk\n")


async def test_nothing_else_is_served(get):
    assert (await get("/"))[0] == 404


async def test_a_port_that_is_taken_is_named(process, server):
    other = MetricsServer(process.render, lambda: "")
    with pytest.raises(OffhookError, match=rf"127\.0\.0\.1:{server.port}") as caught:
        await other.listen("127.0.0.1", server.port)
    assert "metrics.port" in caught.value.remedy
    await other.close()
