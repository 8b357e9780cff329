"""µ-law against the standard's own values."""

import struct

import pytest

from ari_app.audio.g711 import ULAW_SILENCE, pcm_to_ulaw, ulaw_to_pcm


@pytest.mark.parametrize(("code", "value"), [(0xFF, 0), (0x80, 32124), (0x00, -32124), (0xF0, 120), (0x7F, 0)])
def test_codes_have_the_values_of_the_standard(code, value):
    assert struct.unpack("<h", ulaw_to_pcm(bytes([code]))) == (value,)


def test_every_code_survives_the_way_there_and_back_but_minus_zero():
    codes = bytes(range(256))
    assert pcm_to_ulaw(ulaw_to_pcm(codes)) == codes.replace(b"\x7f", b"\xff")


def test_silence_is_silence():
    assert pcm_to_ulaw(bytes(2)) == ULAW_SILENCE
    assert ulaw_to_pcm(ULAW_SILENCE) == bytes(2)
