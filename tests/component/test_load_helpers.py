"""What the load benchmarks stand on: one clock for many calls' media, and calls that begin with a long history."""

import asyncio
import itertools
import socket

import pytest

from ari_app.core.dialogue import Message
from ari_app.demo.phone.receiver import Receiver
from ari_app.demo.phone.rtp import ULAW, parse
from ari_app.demo.phone.sender import Sender
from tests.bench.load_agent import PreloadedLlm, long_call
from tests.bench.pump import Pump
from tests.bench.real_shapes.script import demo_script


@pytest.fixture
def sockets():
    pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for end in pair:
        end.bind(("127.0.0.1", 0))
        end.setblocking(False)
    yield pair
    for end in pair:
        end.close()


async def test_a_pump_sends_frame_after_frame_and_reads_until_it_is_told_to_stop(sockets):
    ours, theirs = sockets
    heard, enough = [], asyncio.Event()

    def hear(packet, at):
        heard.append(packet)
        if len(heard) == 10:
            enough.set()

    async with Pump() as pump:
        stop_reading = pump.read(Receiver(theirs, hear))
        stop_sending = pump.send(Sender(ours, theirs.getsockname(), ULAW, 101, suppress_silence=False))
        await asyncio.wait_for(enough.wait(), 5)
        stop_reading()
        stop_sending()
        sequences = [packet.sequence - heard[0].sequence for packet in heard]
        assert [number % 0x10000 for number in sequences] == list(range(len(heard)))
        read, _ = len(heard), _waiting(theirs)
        await asyncio.sleep(0.05)
        assert (len(heard), _waiting(theirs)) == (read, []), "goes on"


def _waiting(sock):
    datagrams = []
    while True:
        try:
            datagrams.append(parse(sock.recv(2048)))
        except BlockingIOError:
            return datagrams


class FakeLlm:
    """Counts a token for each word."""

    def __init__(self):
        self.conversations = []

    def conversation(self):
        self.conversations.append(FakeConversation())
        return self.conversations[-1]

    def prompt(self, messages, tools):
        class Prompt:
            tokens = [0] * sum(len(message.content.split()) for message in messages)

        return Prompt


class FakeConversation:
    def __init__(self):
        self.read_so_far, self.closed = [], False

    async def read(self, messages, tools=()):
        self.read_so_far.append(list(messages))

    async def close(self):
        self.closed = True


async def test_a_long_call_finds_its_history_in_the_memory_and_another_has_none():
    fake = FakeLlm()
    llm = PreloadedLlm(fake, demo_script())
    hello = Message("user", "hello")
    for prompt in (long_call(3000), long_call(3000), "You are a receptionist."):
        conversation = llm.conversation()
        await conversation.read([Message("system", prompt), hello])
        await conversation.close()
    first, second, other = fake.conversations
    assert [len(c.read_so_far) for c in fake.conversations] == [2, 0, 1]
    assert first.read_so_far[0] == first.read_so_far[1]
    assert (first.closed, second.closed, other.closed) == (False, True, True)
    assert len(other.read_so_far[0]) == 2
    long = first.read_so_far[0]
    assert len(fake.prompt(long, ()).tokens) == pytest.approx(3000, rel=0.02)
    roles = [message.role for message in long[1:-1]]
    assert all(a != b for a, b in itertools.pairwise(roles)), "roles alternate"
