"""Setting up a transport: our address and port."""

import pytest

from ari_app.errors import MediaError
from ari_app.media.choose import open_kind
from ari_app.settings import MediaSettings


@pytest.mark.parametrize(("name", "rate"), [("websocket", 16000), ("audiosocket", 8000), ("rtp", 8000)])
async def test_each_kind_opens(name, rate):
    kind = await open_kind(name, MediaSettings(), "http://127.0.0.1:8088")
    assert (kind.name, kind.rate) == (name, rate)
    await kind.close()


@pytest.mark.parametrize("name", ["audiosocket", "rtp"])
@pytest.mark.parametrize("host", ["192.0.2.7", "0.0.0.0", "no.such.host.invalid"])  # noqa: S104
async def test_an_address_that_is_not_ours_is_refused_at_once(name, host):
    with pytest.raises(MediaError, match=host) as caught:
        await open_kind(name, MediaSettings(bind_host=host), "http://127.0.0.1:8088")
    assert "media.bind_host" in caught.value.remedy


async def test_a_port_that_is_taken_is_named():
    first = await open_kind("audiosocket", MediaSettings(), "")
    offer = await first.offer()
    port = int(offer.external.external_host.rpartition(":")[2])
    with pytest.raises(MediaError, match=str(port)) as caught:
        await open_kind("audiosocket", MediaSettings(audiosocket_port=port), "")
    assert "media.audiosocket_port" in caught.value.remedy
    await offer.cancel()
    await first.close()
