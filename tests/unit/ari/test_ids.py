"""Ids that carry the call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.ari.ids import bridge_id, call_of, is_ours, media_id

call_ids = st.from_regex(r"[0-9A-Za-z.-]+", fullmatch=True)
roles = st.from_regex(r"[0-9A-Za-z._-]+", fullmatch=True)


def test_ids_begin_with_the_calls():
    assert bridge_id("20261121-120000-abc123") == "offhook-20261121-120000-abc123"
    assert media_id("20261121-120000-abc123", "media") == "offhook-20261121-120000-abc123_media"


@given(call_ids, roles)
def test_the_call_is_read_back_from_every_id(call_id, role):
    for object_id in (bridge_id(call_id), bridge_id(call_id, role), media_id(call_id, role)):
        assert is_ours(object_id)
        assert call_of(object_id) == call_id


@pytest.mark.parametrize("object_id", ["", "1795262668.3", "offhook-", "offhook", "xoffhook-1", "office-1"])
def test_others_are_not_ours(object_id):
    assert not is_ours(object_id)
    assert call_of(object_id) is None


@pytest.mark.parametrize("call_id", ["", "a_b", "a/b", "a b", "é"])
def test_a_call_id_that_could_not_be_read_back_is_refused(call_id):
    with pytest.raises(ValueError, match="not a call id"):
        bridge_id(call_id)
