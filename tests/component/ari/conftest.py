"""A fake ARI and a client on it."""

import pytest

from ari_app.ari.client import AriClient
from tests.component.ari.fake_ari import FakeAri


@pytest.fixture
async def asterisk():
    fake = FakeAri()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def ari(asterisk):
    client = AriClient(asterisk.settings)
    await client.start()
    assert client.arrivals.get_nowait() is None, "callers may have come before the first connection too"
    yield client
    await client.close()
