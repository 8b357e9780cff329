"""ARI's requests: what is asked, what comes back, and how failures read."""

import asyncio

import pytest

from ari_app.errors import AriConflict, AriFailed, AriNotFound, ModuleMissing

NOTHING = (204, None)
MEDIA = {
    "external_host": "INCOMING",
    "transport": "websocket",
    "encapsulation": "none",
    "connection_type": "server",
    "format": "slin16",
}


@pytest.mark.parametrize(
    ("call", "what", "parameters"),
    [
        (lambda ari: ari.answer("17.1"), "POST /channels/17.1/answer", {}),
        (lambda ari: ari.hang_up("17.1", "busy"), "DELETE /channels/17.1", {"reason": "busy"}),
        (lambda ari: ari.continue_in_dialplan("17.1"), "POST /channels/17.1/continue", {}),
        (lambda ari: ari.create_bridge("offhook-1"), "POST /bridges/offhook-1", {"type": "mixing"}),
        (
            lambda ari: ari.add_to_bridge("offhook-1", "17.1", "offhook-1_media"),
            "POST /bridges/offhook-1/addChannel",
            {"channel": ["17.1", "offhook-1_media"]},
        ),
        (lambda ari: ari.destroy_bridge("offhook-1"), "DELETE /bridges/offhook-1", {}),
        (
            lambda ari: ari.record_bridge("offhook-1", "rec", "wav"),
            "POST /bridges/offhook-1/record",
            {"name": "rec", "format": "wav", "ifExists": "fail"},
        ),
        (lambda ari: ari.stop_recording("rec"), "POST /recordings/live/rec/stop", {}),
        (lambda ari: ari.delete_recording("rec"), "DELETE /recordings/stored/rec", {}),
    ],
)
async def test_what_is_asked(call, what, parameters, ari, asterisk):
    asterisk.answers[what] = NOTHING
    await call(ari)
    assert asterisk.asked == [(what, parameters)]


async def test_a_long_value_with_any_characters_arrives_whole(ari, asterisk):
    asterisk.answers["POST /channels/17.1/variable"] = NOTHING
    value = 'Größe "q" & =?%\n' * 600
    await ari.set_variable("17.1", "OFFHOOK_SUMMARY", value)
    assert asterisk.asked == [
        ("POST /channels/17.1/variable", {"variable": "OFFHOOK_SUMMARY", "value": value}),
    ]


async def test_a_variable_that_is_not_set_is_empty_but_a_channel_that_is_gone_is_an_error(ari, asterisk):
    asterisk.answers["GET /channels/17.1/variable"] = (200, {"value": "x=1"})
    assert await ari.variable("17.1", "OFFHOOK_FACTS") == "x=1"
    assert asterisk.asked[-1][1] == {"variable": "OFFHOOK_FACTS"}
    asterisk.answers["GET /channels/17.1/variable"] = (404, {"message": "Provided variable was not found"})
    assert await ari.variable("17.1", "OFFHOOK_FACTS") == ""
    asterisk.answers["GET /channels/17.1/variable"] = (404, {"message": "Provided channel was not found"})
    with pytest.raises(AriNotFound):
        await ari.variable("17.1", "OFFHOOK_FACTS")


async def test_snoop_hears_only_what_the_caller_says(ari, asterisk):
    asterisk.answers["POST /channels/17.1/snoop/offhook-1_snoop"] = (200, {"id": "offhook-1_snoop", "name": "Snoop/1"})
    assert (await ari.snoop("17.1", "offhook-1_snoop")).id == "offhook-1_snoop"
    assert asterisk.asked[0][1] == {"spy": "in", "whisper": "none", "app": "offhook"}


async def test_external_media_brings_its_variables(ari, asterisk):
    channel = {"id": "offhook-1_media", "channelvars": {"MEDIA_WEBSOCKET_CONNECTION_ID": "abc"}}
    asterisk.answers["POST /channels/externalMedia"] = (200, channel)
    made = await ari.create_external_media("offhook-1_media", **MEDIA)
    assert made.variables == {"MEDIA_WEBSOCKET_CONNECTION_ID": "abc"}
    assert asterisk.asked[0][1] == {"channelId": "offhook-1_media", "app": "offhook", **MEDIA}


async def test_external_media_without_its_module_names_it(ari, asterisk):
    internal = {"message": "An internal error prevented this request from being handled"}
    asterisk.answers["POST /channels/externalMedia"] = (500, internal)
    asterisk.answers["GET /asterisk/modules"] = (200, [{"name": "chan_websocket.so", "status": "Not Running"}])
    with pytest.raises(ModuleMissing, match=r"chan_websocket\.so") as caught:
        await ari.create_external_media("offhook-1_media", **MEDIA)
    assert caught.value.module == "chan_websocket.so"

    asterisk.answers["GET /asterisk/modules"] = (200, [{"name": "chan_websocket.so", "status": "Running"}])
    with pytest.raises(AriFailed, match="internal error") as other:
        await ari.create_external_media("offhook-1_media", **MEDIA)
    assert "slin16" in other.value.remedy


async def test_what_asterisk_is(ari, asterisk):
    asterisk.answers["GET /asterisk/info"] = (200, {"system": {"version": "22.10.1"}})
    asterisk.answers["GET /asterisk/modules"] = (
        200,
        [{"name": "chan_rtp.so", "status": "Running"}, {"name": "chan_x.so", "status": "Not Running"}],
    )
    asterisk.answers["GET /channels"] = (200, [{"id": "17.1"}, {"id": "17.2"}])
    asterisk.answers["GET /channels/17.1"] = (200, {"id": "17.1", "state": "Up"})
    asterisk.answers["GET /bridges"] = (200, [{"id": "offhook-1"}])
    assert await ari.version() == "22.10.1"
    assert await ari.loaded_modules() == {"chan_rtp.so"}
    assert [channel.id for channel in await ari.channels()] == ["17.1", "17.2"]
    assert (await ari.channel("17.1")).state == "Up"
    assert await ari.bridges() == ["offhook-1"]


async def test_the_channels_in_our_application(ari, asterisk):
    asterisk.present = ["17.1", "offhook-1_media"]
    assert await ari.stasis_channels() == ["17.1", "offhook-1_media"]
    asterisk.present = None
    assert await ari.stasis_channels() == []


async def test_a_recording_is_fetched_as_it_is(ari, asterisk):
    asterisk.answers["GET /recordings/stored/rec/file"] = (200, b"RIFF\x00\xff")
    assert await ari.fetch_recording("rec") == b"RIFF\x00\xff"


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (404, "Channel not found", AriNotFound),
        (409, "Channel not in Stasis application", AriConflict),
        (412, "Channel in invalid state", AriFailed),
    ],
)
async def test_failures_keep_aris_words(status, words, kind, ari, asterisk):
    asterisk.answers["POST /channels/17.1/answer"] = (status, {"message": words})
    with pytest.raises(kind, match=words) as caught:
        await ari.answer("17.1")
    assert caught.value.status == status


async def test_a_part_of_ari_that_is_not_loaded_is_named(ari):
    with pytest.raises(ModuleMissing, match=r"res_ari_bridges\.so"):
        await ari.create_bridge("offhook-1")


async def test_many_requests_at_once(ari, asterisk):
    for number in range(50):
        asterisk.answers[f"POST /channels/{number}/answer"] = NOTHING
    await asyncio.gather(*(ari.answer(str(number)) for number in range(50)))
    assert len(asterisk.asked) == 50
