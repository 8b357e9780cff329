"""The oldest Asterisk we work with: Debian's 16, which has neither websocket nor AudioSocket channels."""

import asyncio

import pytest

from ari_app.demo.asterisk import PrivateAsterisk
from ari_app.demo.asterisk_install import find_or_fetch
from ari_app.demo.phone import Phone
from tests.pbx.box import ask, desk, greeted


@pytest.fixture(scope="module")
def old_install():
    return find_or_fetch(suite="bullseye")


async def test_a_whole_call_over_rtp(old_install, tmp_path):
    with PrivateAsterisk(old_install, tmp_path / "pbx") as pbx, desk(pbx, tmp_path) as running:
        async with Phone(pbx.sip_port) as phone:
            call = await greeted(phone)
            await ask(call, "booking-1")
            await call.press("42#")
            await call.wait_for_speech()
            await call.wait_for_quiet(0.8)
            await ask(call, "booking-7")
            await asyncio.wait_for(call.ended.wait(), 10)
        record = await running.record(call)
    assert old_install.major == 16
    assert record.start.transport == "rtp"
    assert [turn.caller_text for turn in record.turns] == [
        "",
        "hello what are your opening hours",
        "four two",
        "no thank you that's all",
    ]
    assert (record.end.status, record.end.reason) == ("COMPLETED", "agent_hung_up")
    assert record.end.recording
