"""Which transport is taken."""

import pytest

from ari_app.errors import AsteriskError, ModuleMissing
from ari_app.media.choose import choose_kind

WEBSOCKET = frozenset({"chan_websocket.so"})
AUDIOSOCKET = frozenset({"chan_audiosocket.so", "res_audiosocket.so"})
RTP = frozenset({"chan_rtp.so"})


@pytest.mark.parametrize(
    ("modules", "version", "kind"),
    [
        (WEBSOCKET | AUDIOSOCKET | RTP, "22.10.1~dfsg+~cs6.17", "websocket"),
        (WEBSOCKET | AUDIOSOCKET | RTP, "22.7.0", "audiosocket"),
        (WEBSOCKET | RTP, "21.12.3", "rtp"),
        (WEBSOCKET | RTP, "20.18.0", "websocket"),
        (WEBSOCKET | RTP, "23.1.0", "rtp"),
        (WEBSOCKET | RTP, "24.0.0", "websocket"),
        (WEBSOCKET | RTP, "certified/22.8-cert1", "websocket"),
        (WEBSOCKET | RTP, "GIT-master-1a2b", "websocket"),
        (AUDIOSOCKET | RTP, "20.6.0~dfsg", "audiosocket"),
        (frozenset({"chan_audiosocket.so"}) | RTP, "20.6.0", "rtp"),
        (RTP, "16.28.0~dfsg-0+deb11u4", "rtp"),
    ],
)
def test_auto_takes_the_best_that_works(modules, version, kind):
    assert choose_kind("auto", modules, version) == kind


@pytest.mark.parametrize(
    ("name", "modules", "missing"),
    [
        ("websocket", RTP, "chan_websocket.so"),
        ("audiosocket", frozenset({"chan_audiosocket.so"}), "res_audiosocket.so"),
        ("rtp", WEBSOCKET, "chan_rtp.so"),
        ("auto", frozenset({"chan_pjsip.so"}), "chan_rtp.so"),
    ],
)
def test_a_missing_module_is_named_with_what_to_do(name, modules, missing):
    with pytest.raises(ModuleMissing) as caught:
        choose_kind(name, modules, "22.10.1")
    assert caught.value.module == missing
    assert f"module load {missing}" in caught.value.remedy
    assert f"load = {missing}" in caught.value.remedy


def test_a_named_transport_is_taken_though_there_are_better_ones():
    assert choose_kind("rtp", WEBSOCKET | AUDIOSOCKET | RTP, "22.10.1") == "rtp"


def test_a_websocket_that_cannot_tell_what_was_played_is_refused():
    with pytest.raises(AsteriskError, match=r"22\.6\.0"):
        choose_kind("websocket", WEBSOCKET, "22.6.0")
