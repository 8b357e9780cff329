"""Recordings as files: two legs become one stereo WAV, and what is there is always whole. Everything here blocks.

A recording is written beside its final place under a hidden name, brought to the disk and then renamed; only then are
its legs removed. After a crash the legs are still there.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ari_app.audio.wav import HEADER_BYTES, WavHeader, interleave, parse_header, stereo_header
from ari_app.errors import AudioError, RecordingError

_HEAD_BYTES = 4096
"""More than any header that Asterisk writes."""
_PIECE_BYTES = 1 << 18
"""Read at a time from each leg; a call of any length is joined in the same memory."""
_FILE_MODE = 0o640
_POLL_SECONDS = 0.02
_COMPLETE_SECONDS = 2.0
"""Asterisk closes a leg some milliseconds after the call; longer means that it never will."""


def join_legs(caller: Path, agent: Path, out: Path) -> float:
    """Join two mono WAVs into one stereo WAV, caller left, agent right, and remove them; its length in seconds.

    The shorter one is followed by silence; a leg whose header was never finished counts as far as it goes. Raises
    RecordingError, and leaves both legs where they are.
    """
    try:
        with caller.open("rb") as left, agent.open("rb") as right:
            rate = _rate(left, right)
            frames = 0

            def write(file: BinaryIO) -> None:
                nonlocal frames
                file.write(bytes(HEADER_BYTES))
                while pieces := _pieces(left, right):
                    frames += file.write(interleave(*pieces)) // 4
                file.seek(0)
                file.write(stereo_header(rate, frames))

            _write_whole(out, write)
    except OSError as error:
        raise _failed(error, out) from error
    for leg in (caller, agent):
        with suppress(OSError):  # the recording is safe; a leg that cannot be removed is only in the way
            leg.unlink()
    return frames / rate


def write_recording(path: Path, data: bytes) -> None:
    """Write a finished recording. Raises RecordingError."""

    def write(file: BinaryIO) -> None:
        file.write(data)

    try:
        _write_whole(path, write)
    except OSError as error:
        raise _failed(error, path) from error


def wait_complete(leg: Path) -> None:
    """Wait until Asterisk has closed a leg: only then its header tells the length (measured with Asterisk 22).

    Returns after some seconds in any case: what is there then is all there will be, if Asterisk was killed or nothing
    was said. Raises RecordingError when there is no file.
    """
    deadline = time.monotonic() + _COMPLETE_SECONDS
    while not _complete(leg) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    if not leg.exists():
        raise RecordingError(
            f"Asterisk did not write {leg}",
            f"let Asterisk write there: sudo chgrp asterisk {leg.parent}, and mode 2770",
        )


def _complete(leg: Path) -> bool:
    try:
        with leg.open("rb") as file:
            header = parse_header(file.read(_HEAD_BYTES))
            size = os.fstat(file.fileno()).st_size
    except (OSError, AudioError):
        return False
    return 0 < header.data_bytes <= size - header.data_start


def _rate(left: BinaryIO, right: BinaryIO) -> int:
    """The rate of both legs, which then stand at their first sample."""
    rates = {_seek_data(leg).rate for leg in (left, right)}
    if len(rates) != 1:
        raise RecordingError(
            f"{left.name} and {right.name} have different rates", "join them by hand: sox -M CALLER AGENT OUT"
        )
    return rates.pop()


def _seek_data(leg: BinaryIO) -> WavHeader:
    try:
        header = parse_header(leg.read(_HEAD_BYTES))
        if header.channels != 1:
            raise AudioError(f"a WAV file with {header.channels} channels", "is this a leg?")
    except AudioError as error:
        raise RecordingError(f"{leg.name} is {error.message}", error.remedy) from error
    leg.seek(header.data_start)
    return header


def _pieces(left: BinaryIO, right: BinaryIO) -> tuple[bytes, bytes] | None:
    """The next piece of both legs; None at the end of both."""
    pieces = left.read(_PIECE_BYTES), right.read(_PIECE_BYTES)
    return pieces if any(pieces) else None


def _write_whole(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file that appears at `path` only when all of it is on the disk."""
    part = path.with_name(f".{path.name}.part")  # one of an earlier crash is overwritten
    try:
        with open(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, _FILE_MODE), "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _failed(error: OSError, out: Path) -> RecordingError:
    path = error.filename or out
    remedy = f"check its rights and the disk: ls -ld {out.parent}; df {out.parent}"
    return RecordingError(f"{path} cannot be used ({error.strerror})", remedy)
