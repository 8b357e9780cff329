"""The test kit itself: the private Asterisk, and the phone that all other tests measure with."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import wave
from dataclasses import replace

import numpy as np
import pytest

from ari_app.demo.asterisk import PrivateAsterisk
from ari_app.demo.phone import CallFailed, Phone
from ari_app.demo.phone.rtp import ALAW, FRAME_S, RATE, ULAW
from ari_app.errors import AsteriskError


def sweep(seconds=0.8):
    """A tone from 300 to 3000 Hz: no piece of it looks like another."""
    time_s = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * (300 * time_s + (3000 - 300) / (2 * seconds) * time_s**2)
    return (9000 * np.sin(phase)).astype(np.int16)


def through(codec, samples):
    """What is left of `samples` after one law of G.711."""
    return np.frombuffer(codec.decode(codec.encode(samples.tobytes())), np.int16)


def where(needle, haystack):
    """Index of the best match of `needle` in `haystack`, and how many samples are the same there."""
    index = int(np.argmax(np.correlate(haystack.astype(float), needle.astype(float), "valid")))
    return index, int(np.sum(haystack[index : index + len(needle)] == needle))


async def hear_back(call, samples):
    """Say `samples` to an echo and return the audio of that time, with a frame more at the start: timestamps are exact,
    but when we sent the first frame of all was not."""
    said = await call.say(samples)
    await call.wait_for_speech(said.first_loud_at - 0.001)
    await call.wait_for_quiet(0.2)
    return call.hearing.audio(said.started_at - FRAME_S, said.ended_at + 0.2)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def alive(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def until(condition, what, timeout_s=15):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.mark.parametrize("codec", [ULAW, ALAW], ids=lambda codec: codec.name)
async def test_every_sample_comes_back(phone, codec):
    call = await phone.call("echo", codec.name)
    _, same = where(through(codec, sweep()), await hear_back(call, sweep()))
    assert same == len(sweep())


async def test_the_other_law_would_be_noticed():
    _, same = where(through(ALAW, sweep()), through(ULAW, sweep()))
    assert same < len(sweep()) / 2


@pytest.mark.parametrize(("user", "method"), [("caller", "rfc4733"), ("caller-info", "info")])
async def test_asterisk_reads_the_keys(pbx, user, method):
    async with Phone(pbx.sip_port, user=user) as phone:
        call = await phone.call("keys")
        await call.press("1590*2#", method)
        async with asyncio.timeout(5):
            await call.ended.wait()
        results = await asyncio.to_thread(pbx.results, call.id)
    assert results["KEYS"] == "1590*2"


@pytest.mark.parametrize(("direction", "answer"), [("sendonly", "recvonly"), ("inactive", "inactive")])
async def test_hold_and_resume(phone, direction, answer):
    call = await phone.call("echo")
    await hear_back(call, sweep(0.2))
    await call.hold(direction)
    assert call.other_direction == answer
    spoken = asyncio.create_task(call.say(sweep(0.1)))
    with pytest.raises(TimeoutError):  # neither do we talk to somebody who waits
        await asyncio.wait_for(asyncio.shield(spoken), 0.5)
    await call.resume()
    assert call.other_direction == "sendrecv"
    said = await spoken
    await call.wait_for_speech(said.first_loud_at - 0.001)
    await call.wait_for_quiet(0.2)
    _, same = where(through(ULAW, sweep(0.1)), call.hearing.audio(said.started_at - FRAME_S, said.ended_at + 0.2))
    assert same == len(sweep(0.1))


async def test_we_hang_up(phone):
    call = await phone.call("echo")
    await call.hang_up()
    assert call.end_reason == "hung up here"
    with pytest.raises(CallFailed, match="hung up here"):
        await call.say(sweep())


async def test_asterisk_hangs_up(phone):
    call = await phone.call("prompt")
    heard_at = await call.wait_for_speech(call.dialled_at)
    async with asyncio.timeout(10):
        await call.ended.wait()
    assert call.end_reason == "hung up there"
    assert call.dialled_at < call.answered_at < heard_at < call.ended_at


async def test_an_utterance_that_the_hang_up_cuts_off_fails(phone):
    call = await phone.call("echo")
    spoken = asyncio.create_task(call.say(sweep(5)))
    await call.wait_for_speech()
    await call.hang_up()
    with pytest.raises(CallFailed, match="the call is over"):
        await spoken


async def test_cancel_while_it_rings(phone):
    call = phone.dial("ringing")
    async with asyncio.timeout(5):
        await call.ringing.wait()
    await call.hang_up()
    assert (call.status, call.end_reason) == (487, "hung up here")


async def test_hanging_up_where_nobody_listens():
    async with Phone(free_port()) as phone:
        call = phone.dial("echo")
        await call.hang_up()
    assert (call.status, call.end_reason) == (0, "hung up here")


@pytest.mark.parametrize(("extension", "status"), [("busy", 486), ("no-such-extension", 404)])
async def test_a_call_that_fails(phone, extension, status):
    with pytest.raises(CallFailed) as failure:
        await phone.call(extension)
    assert failure.value.status == status


async def test_a_phone_that_shows_who_it_is(pbx):
    async with Phone(pbx.sip_port, user="caller-auth", password=pbx.phone_password) as phone:
        call = await phone.call("echo")
        await hear_back(call, sweep(0.2))


async def test_a_wrong_password_is_refused(pbx):
    async with Phone(pbx.sip_port, user="caller-auth", password="guessed") as phone:
        with pytest.raises(CallFailed) as failure:
            await phone.call("echo")
    assert failure.value.status in (401, 403)


async def test_silence_suppression_sends_speech_only(phone):
    call = await phone.call("echo", suppress_silence=True)
    heard = await hear_back(call, sweep(0.4))
    heard_again = await hear_back(call, sweep(0.4))
    assert [where(through(ULAW, sweep(0.4)), audio)[1] for audio in (heard, heard_again)] == [len(sweep(0.4))] * 2
    assert len(call.hearing.frames) == 40


async def test_stereo_recording_has_both_sides_on_one_clock(phone, tmp_path):
    call = await phone.call("echo")
    said = await call.say(sweep())
    await call.wait_for_quiet(0.2)
    start = call.save(tmp_path / "call.wav")
    with wave.open(str(tmp_path / "call.wav")) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE)
        sides = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    left, same_left = where(sweep(), sides[:, 0])
    right, same_right = where(through(ULAW, sweep()), sides[:, 1])
    assert (same_left, same_right) == (len(sweep()), len(sweep()))
    assert start + left / RATE == pytest.approx(said.started_at, abs=0.02)
    assert 0 <= right - left < 0.1 * RATE


class LossyRelay(asyncio.DatagramProtocol):
    """Carries datagrams between one phone and the PBX, losing the first of each kind."""

    def __init__(self, pbx_port):
        self.pbx, self.phone, self.lost = ("127.0.0.1", pbx_port), None, []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        kind = data.split()[0] + data.split()[1] if data.startswith(b"SIP/2.0 ") else data.split()[0]
        if addr != self.pbx:
            self.phone = addr
        if kind not in self.lost:
            self.lost.append(kind)
        else:
            self.transport.sendto(data, self.phone if addr == self.pbx else self.pbx)


async def test_a_call_survives_lost_datagrams(pbx):
    loop = asyncio.get_running_loop()
    transport, relay = await loop.create_datagram_endpoint(
        lambda: LossyRelay(pbx.sip_port), local_addr=("127.0.0.1", 0)
    )
    try:
        async with Phone(transport.get_extra_info("sockname")[1]) as phone:
            call = await phone.call("echo")
            await hear_back(call, sweep(0.2))
            await call.hang_up()
        assert {b"INVITE", b"ACK", b"BYE", b"SIP/2.0200"} <= set(relay.lost)
    finally:
        transport.close()


async def test_two_run_at_once_and_leave_nothing(asterisk_install):
    boxes = [PrivateAsterisk(asterisk_install), PrivateAsterisk(asterisk_install)]
    try:
        for box in boxes:
            await asyncio.to_thread(box.start)
        pids = [int((box.folder / "run/asterisk.pid").read_text()) for box in boxes]
        for box in boxes:
            async with Phone(box.sip_port) as phone:
                await hear_back(await phone.call("echo"), sweep(0.2))
    finally:
        for box in boxes:
            await asyncio.to_thread(box.stop)
    assert not any(alive(pid) for pid in pids)
    assert not any(box.folder.exists() or box.running for box in boxes)
    for box in boxes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", box.sip_port))
        for port in (box.http_port, box.ami_port):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), 1)


OWNER = """
import sys
from ari_app.demo.asterisk import PrivateAsterisk
from ari_app.demo.asterisk_install import find_or_fetch
box = PrivateAsterisk(find_or_fetch()).start()
print(box.folder, (box.folder / "run/asterisk.pid").read_text().strip(), flush=True)
sys.stdin.read()
"""


def test_it_does_not_outlive_a_killed_owner(asterisk_install):
    with subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        folder, pid = owner.stdout.readline().decode().split()
        assert alive(int(pid))
        owner.send_signal(signal.SIGKILL)
    until(lambda: not alive(int(pid)), "Asterisk is still there")
    until(lambda: not os.path.exists(folder), "its folder is still there")


def test_a_boot_that_fails_says_why(asterisk_install, tmp_path):
    box = PrivateAsterisk(replace(asterisk_install, modules=tmp_path / "none"))
    with pytest.raises(AsteriskError, match=r"the private Asterisk .*module"):
        box.start()
    assert not box.folder.exists()


def test_a_taken_port_is_named(asterisk_install):
    box = PrivateAsterisk(asterisk_install)
    with socket.create_server(("127.0.0.1", box.http_port)), pytest.raises(AsteriskError, match=str(box.http_port)):
        box.start()
    assert not box.folder.exists()
