"""Audio of any length → frames of one length. Pure."""


class Framer:
    """Cuts a stream of bytes into frames; what does not fill one waits for more."""

    def __init__(self, frame_bytes: int) -> None:
        self._frame_bytes = frame_bytes
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are complete now; mostly `data` itself, as phones and Asterisk send 20 ms at a time."""
        size = self._frame_bytes
        if not self._rest and len(data) == size:
            return [data]
        data = self._rest + data
        whole = len(data) - len(data) % size
        self._rest = data[whole:]
        return [data[start : start + size] for start in range(0, whole, size)]
