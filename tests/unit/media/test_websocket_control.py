"""chan_websocket's words, as Asterisk 22.10 says them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.media.websocket_control import command, parse_event

START = (
    "MEDIA_START connection_id:1b2c channel:WebSocket/INCOMING/0x7f2 channel_id:m-1 "
    "format:slin16 optimal_frame_size:640 ptime:20"
)


@pytest.mark.parametrize(
    ("text", "name", "field", "value"),
    [
        (START, "MEDIA_START", "optimal_frame_size", "640"),
        ("MEDIA_MARK_PROCESSED 17", "MEDIA_MARK_PROCESSED", "correlation_id", "17"),
        ("DTMF_END digit:# channel_id:m-1", "DTMF_END", "digit", "#"),
        (
            '{"event":"MEDIA_START","format":"slin16","optimal_frame_size":640}',
            "MEDIA_START",
            "optimal_frame_size",
            "640",
        ),
        ('{"event":"MEDIA_MARK_PROCESSED","correlation_id":"17"}', "MEDIA_MARK_PROCESSED", "correlation_id", "17"),
    ],
)
def test_events_are_read_in_both_forms(text, name, field, value):
    event = parse_event(text)
    assert (event.name, event.fields[field], event.json) == (name, value, text.startswith("{"))


@given(
    st.text() | st.text().map(lambda text: "{" + text) | st.builds(json.dumps, st.dictionaries(st.text(), st.none()))
)
def test_nonsense_is_harmless(text):
    parse_event(text)


def test_commands_are_written_in_both_forms():
    assert command("FLUSH_MEDIA", as_json=False) == "FLUSH_MEDIA"
    assert command("MARK_MEDIA", "3", as_json=False) == "MARK_MEDIA 3"
    assert json.loads(command("MARK_MEDIA", "3", as_json=True)) == {"command": "MARK_MEDIA", "correlation_id": "3"}
