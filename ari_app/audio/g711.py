"""G.711 µ-law, as RTP carries it (ITU-T G.711). Pure."""

import audioop

ULAW_SILENCE = b"\xff"
"""One sample of digital silence."""


def ulaw_to_pcm(data: bytes) -> bytes:
    """One byte a sample → 16-bit little-endian PCM."""
    return audioop.ulaw2lin(data, 2)


def pcm_to_ulaw(pcm: bytes) -> bytes:
    """16-bit little-endian PCM, whole samples → one byte a sample."""
    return audioop.lin2ulaw(pcm, 2)
