"""An Asterisk that is a script: ARI and AMI as stasis.py and line.py use them; what they are asked is kept in order."""

import asyncio

from ari_app.ari.client import Channel
from ari_app.ari.dispatch import Dispatcher
from ari_app.errors import AmiUnreachable, AriConflict, AriNotFound
from ari_app.media.transport import ExternalMedia
from tests.component.call.script import RATE, Books, Wire


class FakeAri:
    """Channels and bridges by id; every request is one turn of the loop, and stands in `asked`."""

    def __init__(self):
        self.dispatcher = Dispatcher()
        self.arrivals = self.dispatcher.arrivals
        self.present = {}  # channel id → its channel, in our application
        self.elsewhere = {}  # channel id → a channel that is not
        self.bridge_ids = set()
        self.inputs = {}
        self.variables = {}
        self.asked = []
        self.errors = {}  # request → what it raises
        self.waits = {}  # request → seconds it takes

    def route(self, call_id, channel_id):
        return self.dispatcher.route(call_id, channel_id)

    def arrive(self, channel_id="1.1", args=("desk",)):
        channel = Channel(channel_id, f"PJSIP/{channel_id}", "Ring", "100", "Ann", "default", "s", {}, args)
        self.present[channel_id] = channel
        raw = {"id": channel_id, "name": channel.name, "state": "Ring", "caller": {"number": "100", "name": "Ann"}}
        self.dispatcher.dispatch({"type": "StasisStart", "args": list(args), "channel": raw})
        return channel

    def leave(self, channel_id="1.1"):
        """The caller hangs up."""
        self.present.pop(channel_id, None)
        self.dispatcher.dispatch({"type": "StasisEnd", "channel": {"id": channel_id}})

    async def _ask(self, what, *about):
        self.asked.append((what, *about))
        await asyncio.sleep(self.waits.get(what, 0.001))
        if what in self.errors:
            raise self.errors[what]

    def _known(self, channel_id):
        if channel_id not in self.present:
            raise AriNotFound(f"no channel {channel_id}", status=404)

    async def channel(self, channel_id):
        await self._ask("channel", channel_id)
        self._known(channel_id)
        return self.present[channel_id]

    async def channels(self):
        await self._ask("channels")
        return [*self.present.values(), *self.elsewhere.values()]

    async def bridges(self):
        await self._ask("bridges")
        return sorted(self.bridge_ids)

    async def stasis_channels(self):
        await self._ask("stasis_channels")
        return list(self.present)

    async def variable(self, channel_id, name):
        await self._ask("variable", channel_id, name)
        self._known(channel_id)
        return self.inputs.get(name, "")

    async def set_variable(self, channel_id, name, value):
        await self._ask("set_variable", channel_id, name)
        self._known(channel_id)
        self.variables[name] = value

    async def answer(self, channel_id):
        await self._ask("answer", channel_id)
        self._known(channel_id)

    async def hang_up(self, channel_id, reason="normal"):
        await self._ask("hang_up", channel_id)
        if self.present.pop(channel_id, None) is None and self.elsewhere.pop(channel_id, None) is None:
            raise AriNotFound(f"no channel {channel_id}", status=404)

    async def continue_in_dialplan(self, channel_id):
        await self._ask("continue", channel_id)
        if channel_id not in self.present:
            raise AriConflict("not in Stasis", status=409)
        self.leave(channel_id)

    async def snoop(self, channel_id, snoop_id):
        await self._ask("snoop", channel_id)
        self._known(channel_id)
        return self._enter(snoop_id)

    async def create_external_media(self, channel_id, **external):
        await self._ask("media", channel_id)
        return self._enter(channel_id)

    def _enter(self, channel_id):
        channel = Channel(channel_id, channel_id, "Up", "", "", "", "")
        self.present[channel_id] = channel
        self.dispatcher.dispatch({"type": "StasisStart", "args": [], "channel": {"id": channel_id}})
        return channel

    async def create_bridge(self, bridge_id):
        await self._ask("create_bridge", bridge_id)
        self.bridge_ids.add(bridge_id)

    async def add_to_bridge(self, bridge_id, *channel_ids):
        await self._ask("add_to_bridge", bridge_id)
        for channel_id in channel_ids:
            self._known(channel_id)

    async def destroy_bridge(self, bridge_id):
        await self._ask("destroy_bridge", bridge_id)
        if bridge_id not in self.bridge_ids:
            raise AriNotFound(f"no bridge {bridge_id}", status=404)
        self.bridge_ids.discard(bridge_id)


class FakeAmi:
    """Sets variables, until it is dead."""

    def __init__(self, ari):
        self.ari = ari
        self.dead = False

    async def set_variable(self, channel_name, name, value):
        await self._act("ami_set", name)
        self.ari.variables[name] = value

    async def mix_monitor(self, channel_name, receive_path, transmit_path):
        await self._act("mix_monitor", channel_name)

    async def stop_mix_monitor(self, channel_name):
        await self._act("stop_mix_monitor", channel_name)

    async def _act(self, what, about):
        self.ari.asked.append((what, about))
        await asyncio.sleep(0.001)
        if self.dead:
            raise AmiUnreachable("no manager interface")


class FakeMedia:
    """Legs are the scripts' wires."""

    name, rate = "script", RATE

    def __init__(self):
        self.wires = []
        self.cancelled = 0
        self.open_legs = 0
        self.connect_seconds = 0.001
        self.error = None

    async def offer(self):
        return self

    external = ExternalMedia("127.0.0.1:1", "tcp", "audiosocket", "client", "slin16", "1")

    async def connect(self, variables):
        await asyncio.sleep(self.connect_seconds)
        if self.error:
            raise self.error
        wire = Wire()
        close, self.open_legs = wire.close, self.open_legs + 1

        async def closing():
            self.open_legs -= 1
            await close()
            for timer in wire.marks:
                timer.cancel()

        wire.close = closing
        self.wires.append(wire)
        return wire

    async def cancel(self):
        self.cancelled += 1

    async def close(self):
        pass


class CallBooks(Books):
    """A store that remembers calls too."""

    def __init__(self):
        super().__init__()
        self.started, self.ended = [], []

    def call_started(self, record):
        self.started.append(record)

    def call_ended(self, record):
        self.ended.append(record)
