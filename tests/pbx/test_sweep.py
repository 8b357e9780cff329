"""What a crash leaves in Asterisk is removed by the next start, on every kind of leg."""

import asyncio

import pytest

from ari_app.demo.phone import Phone
from tests.pbx.box import desk, greeted


@pytest.mark.parametrize("transport", ["websocket", "audiosocket", "rtp"])
async def test_nothing_of_a_crashed_call_stays(own_pbx, tmp_path, transport):
    media = {"transport": transport, "listen": "snoop"}
    async with Phone(own_pbx.sip_port) as phone:
        with desk(own_pbx, tmp_path, media=media) as running:
            call = await greeted(phone)
            running.agent.kill()
        assert len(own_pbx.bridges()) == 2, "a crash that leaves nothing"
        await call.hang_up()
        with desk(own_pbx, tmp_path, media=media):
            async with asyncio.timeout(10):
                while own_pbx.channels() or own_pbx.bridges():
                    await asyncio.sleep(0.1)
