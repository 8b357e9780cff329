"""ARI's JSON as values. The samples are what Asterisk 22.10 sent."""

from ari_app.ari.model import read_channel, read_event

CALLER = {
    "id": "1795262668.3",
    "name": "PJSIP/caller-00000000",
    "state": "Ring",
    "caller": {"name": "Ann", "number": "100"},
    "connected": {"name": "", "number": ""},
    "dialplan": {
        "context": "inbound",
        "exten": "700",
        "priority": 2,
        "app_name": "Stasis",
        "app_data": "offhook,receptionist,language=en",
    },
    "language": "en",
}
MEDIA = {
    "id": "offhook-c1_media",
    "name": "UnicastRTP/127.0.0.1:9999-0x7f09e0002f00",
    "state": "Down",
    "caller": {"name": "", "number": ""},
    "dialplan": {"context": "default", "exten": "s", "app_name": "AppDial2", "app_data": "(Outgoing Line)"},
    "channelvars": {"UNICASTRTP_LOCAL_PORT": "21594"},
}


def test_a_caller():
    channel = read_channel(CALLER)
    assert (channel.id, channel.name, channel.state) == ("1795262668.3", "PJSIP/caller-00000000", "Ring")
    assert (channel.caller_number, channel.caller_name) == ("100", "Ann")
    assert (channel.context, channel.exten) == ("inbound", "700")
    assert channel.variables == {}
    assert channel.stasis_args == ("receptionist", "language=en")


def test_external_media_brings_its_variables_and_no_arguments():
    channel = read_channel(MEDIA)
    assert channel.variables == {"UNICASTRTP_LOCAL_PORT": "21594"}
    assert channel.stasis_args == ()


def test_stasis_without_arguments():
    raw = CALLER | {"dialplan": CALLER["dialplan"] | {"app_data": "offhook"}}
    assert read_channel(raw).stasis_args == ()


def test_an_event_names_its_channel_and_bridge():
    event = read_event({"type": "ChannelEnteredBridge", "channel": CALLER, "bridge": {"id": "offhook-c1"}})
    assert (event.type, event.channel.id, event.bridge_id) == ("ChannelEnteredBridge", "1795262668.3", "offhook-c1")


def test_an_event_about_neither():
    event = read_event({"type": "DeviceStateChanged"})
    assert event.channel is None
    assert event.bridge_id == ""
