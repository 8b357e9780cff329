"""The manager interface: recording legs, and what an admin is told when it does not work."""

import asyncio
from dataclasses import replace

import pytest

from ari_app import ami as ami_module
from ari_app.ami import AmiClient
from ari_app.errors import AmiRefused, AmiUnreachable, ModuleMissing, OffhookError
from tests.component.ari.fake_ami import FakeAmi

SOON = 5.0
LEGS = ("/var/rec/1-caller.wav", "/var/rec/1-agent.wav")


@pytest.fixture
async def asterisk():
    fake = FakeAmi()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def ami(asterisk, monkeypatch):
    monkeypatch.setattr(ami_module, "RECONNECT_SECONDS", 0.001)
    client = AmiClient(asterisk.settings)
    await client.start()
    yield client
    await client.close()


async def start_error(settings):
    """The error of a start that fails, and has closed what it opened."""
    client = AmiClient(settings)
    with pytest.raises(OffhookError) as caught:
        await client.start()
    assert not client.connected
    return caught.value


async def test_two_legs_without_a_mixed_file_and_only_ours_is_stopped(ami, asterisk):
    await ami.mix_monitor("PJSIP/a-1", *LEGS)
    await ami.stop_mix_monitor("PJSIP/a-1")
    assert asterisk.asked == [
        {
            "Action": "MixMonitor",
            "Channel": "PJSIP/a-1",
            "Options": "r(/var/rec/1-caller.wav)t(/var/rec/1-agent.wav)i(OFFHOOK_MIXMONITOR)",
        },
        {"Action": "Getvar", "Channel": "PJSIP/a-1", "Variable": "OFFHOOK_MIXMONITOR"},
        {"Action": "StopMixMonitor", "Channel": "PJSIP/a-1", "MixMonitorID": "0x7f09"},
    ]


async def test_a_recording_of_somebody_else_is_not_stopped(ami, asterisk):
    with pytest.raises(AmiRefused, match="we record nothing on PJSIP/a-1"):
        await ami.stop_mix_monitor("PJSIP/a-1")
    assert [action["Action"] for action in asterisk.asked] == ["Getvar"]


async def test_a_channel_that_is_gone(ami):
    with pytest.raises(AmiRefused, match="No such channel"):
        await ami.mix_monitor("PJSIP/b-2", *LEGS)


@pytest.mark.parametrize("folder", ["/a,b", "/a(b", "/a)b", "/a b", '/a"b', "/a\r\nAction: Logoff", "/${SHELL}"])
async def test_a_path_that_would_become_something_else_is_refused(folder, ami, asterisk):
    with pytest.raises(AmiRefused, match="cannot be given the path") as caught:
        await ami.mix_monitor("PJSIP/a-1", LEGS[0], f"{folder}/agent.wav")
    assert "recording.folder" in caught.value.remedy
    assert asterisk.asked == []


async def test_a_missing_right_is_named(ami, asterisk):
    asterisk.rights = {"call"}
    with pytest.raises(AmiRefused, match="Permission denied") as caught:
        await ami.mix_monitor("PJSIP/a-1", *LEGS)
    assert "add system to write =" in caught.value.remedy
    assert "[offhook] of manager.conf" in caught.value.remedy


async def test_a_missing_module_is_named(ami, asterisk):
    del asterisk.actions["MixMonitor"]
    with pytest.raises(ModuleMissing) as caught:
        await ami.mix_monitor("PJSIP/a-1", *LEGS)
    assert caught.value.module == "app_mixmonitor.so"


async def test_a_wrong_secret(asterisk):
    error = await start_error(replace(asterisk.settings, ami_password="wrong"))
    async with asyncio.timeout(SOON):
        while asterisk.connections:
            await asyncio.sleep(0.001)
    assert isinstance(error, AmiRefused)
    assert "'offhook': Authentication failed" in error.message
    assert "asterisk.ami_password" in error.remedy
    assert "[offhook] of manager.conf" in error.remedy


async def test_nobody_listens(asterisk):
    await asterisk.stop()
    error = await start_error(asterisk.settings)
    assert isinstance(error, AmiUnreachable)
    assert f"127.0.0.1:{asterisk.port}" in error.message
    assert "manager.conf" in error.remedy


async def test_something_that_is_no_manager_interface(asterisk, monkeypatch):
    monkeypatch.setattr(ami_module, "ANSWER_TIMEOUT_SECONDS", 0.05)
    asterisk.silent = True
    error = await start_error(asterisk.settings)
    assert isinstance(error, AmiUnreachable)
    assert "no answer to Login" in error.message


async def test_an_action_that_is_never_answered_costs_the_connection(ami, asterisk, monkeypatch):
    monkeypatch.setattr(ami_module, "ANSWER_TIMEOUT_SECONDS", 0.05)
    asterisk.silent = True
    with pytest.raises(AmiUnreachable, match="no answer to MixMonitor"):
        await ami.mix_monitor("PJSIP/a-1", *LEGS)
    assert not ami.connected
    asterisk.silent = False
    await connected_again(ami)
    await ami.mix_monitor("PJSIP/a-1", *LEGS)


async def test_a_connection_that_breaks_in_the_middle_of_an_action(ami, asterisk):
    asterisk.silent = True
    action = asyncio.create_task(ami.mix_monitor("PJSIP/a-1", *LEGS))
    async with asyncio.timeout(SOON):
        while not asterisk.asked:
            await asyncio.sleep(0.001)
        await asterisk.drop()
        with pytest.raises(AmiUnreachable):
            await action


async def test_asterisk_stops_and_starts_again(ami, asterisk):
    await asterisk.stop()
    async with asyncio.timeout(SOON):
        while ami.connected:
            await asyncio.sleep(0.001)
    with pytest.raises(AmiUnreachable, match="not connected"):
        await ami.mix_monitor("PJSIP/a-1", *LEGS)
    await asterisk.start()
    await connected_again(ami)
    await ami.mix_monitor("PJSIP/a-1", *LEGS)


async def test_a_secret_changed_meanwhile_is_not_tried_again_and_again(ami, asterisk, caplog):
    asterisk.secret = "changed"
    await asterisk.drop()
    async with asyncio.timeout(SOON):
        while "the manager interface refused us" not in caplog.text:
            await asyncio.sleep(0.001)
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert asterisk.logins == 2


async def connected_again(ami):
    async with asyncio.timeout(SOON):
        while not ami.connected:
            await asyncio.sleep(0.001)
