"""The Stasis application: callers arrive, are admitted or refused, and leave with their results in variables.

Owns one task a call. After a lost connection or a restart it adopts callers who wait in the application, and removes
bridges and channels of calls that no longer exist.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import inf
from typing import Any

from ari_app.ami import AmiClient
from ari_app.ari import ids
from ari_app.ari.client import AriClient, Arrival, Channel
from ari_app.call.books import WatchedBooks
from ari_app.call.exchange import Parts
from ari_app.call.line import Line
from ari_app.call.recording import Recorder, recorder
from ari_app.call.request import INPUTS, CallRequest, read_request
from ari_app.call.session import Session
from ari_app.core.admission import Admission
from ari_app.core.commands import Outcome, Status
from ari_app.core.events import LineFailed
from ari_app.engines.base import Conversation, Llm
from ari_app.errors import AriConflict, AriNotFound, AsteriskError, EngineError, MediaError
from ari_app.media.transport import MediaKind
from ari_app.settings import AgentSettings
from ari_app.store.records import CallEnd, CallRecord
from ari_app.store.store import Store

log = logging.getLogger(__name__)

_HUNG_UP = Outcome(Status.HANGUP, "caller_hung_up")
_BROKEN = Outcome(Status.FAILED, "internal_error")
_SHUTDOWN = Outcome(Status.FAILED, "shutdown")
_FULL = Outcome(Status.REFUSED, "capacity")

_AGAIN_SECONDS = 2.0
"""Pause before a caller is adopted who could not be handed back: Asterisk is in trouble."""


@dataclass(frozen=True)
class Switchboard:
    """The connections that all calls share."""

    ari: AriClient
    ami: AmiClient
    media: MediaKind
    llm: Llm
    store: Store


class Stasis:
    """All calls of this process. `run` as a task of its own; `drain` while it still runs, then cancel it."""

    def __init__(
        self, parts: Parts, board: Switchboard, admission: Admission, when_idle: Callable[[], None] = lambda: None
    ) -> None:
        """`when_idle` is called when the last of the calls is over."""
        self._parts = replace(parts, books=WatchedBooks(parts.books, self._answered))
        self._board = board
        self.admission = admission
        """How many calls are taken now."""
        self._when_idle = when_idle
        self._admitted: set[str] = set()  # calls that take room: from their arrival until all of theirs is taken down
        self._ari = board.ari
        self._sessions: dict[str, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[str, str] = {}  # caller's channel → the call that holds it now
        self._announced: set[str] = set()  # channels that arrived while they were held
        self._draining = False
        self.failures = 0
        """Calls that ended by an error of ours."""

    @property
    def live_calls(self) -> int:
        """Calls in progress."""
        return len(self._held)

    async def run(self) -> None:
        """Take callers as they arrive; never returns by itself."""
        while True:
            arrival = await self._ari.arrivals.get()
            if arrival is None:  # connected, at first or again: callers may have come before
                await self.adopt()
            else:
                self._take(arrival)

    async def adopt(self) -> None:
        """Sweep what dead calls left, then take callers who wait in the application and belong to no call."""
        try:
            await self._sweep()
            for channel_id in await self._ari.stasis_channels():
                if not ids.is_ours(channel_id) and channel_id not in self._held:
                    with suppress(AriNotFound):
                        channel = await self._ari.channel(channel_id)
                        self._take(Arrival(channel, channel.stasis_args))
        except AsteriskError as error:
            log.error("calls could not be adopted", extra={"error": str(error)})

    async def _adopt_later(self) -> None:
        """For a caller whom Asterisk would not take back: the event socket may be fine, and nobody else would look."""
        await asyncio.sleep(_AGAIN_SECONDS)
        await self.adopt()

    async def drain(self, seconds: float) -> None:
        """End all calls, and send on who still comes; what takes longer than `seconds` is only tidied up."""
        self._draining = True
        for session in self._sessions.values():
            session.post(LineFailed(_SHUTDOWN.reason))
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        while self._tasks and clock() < until:
            await asyncio.wait(self._tasks, timeout=until - clock())
        while late := tuple(self._tasks):
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _take(self, arrival: Arrival) -> None:
        if arrival.channel.id in self._held:
            self._announced.add(arrival.channel.id)
            return
        call_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        self._held[arrival.channel.id] = call_id
        self._spawn(self._call(call_id, arrival), f"call {call_id}")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sweep(self) -> None:
        """Remove channels and bridges of ours whose call is gone.

        Another Offhook on this Asterisk has its own application: its channels are not in ours, nor are its bridges.
        """
        mine = set(await self._ari.stasis_channels())
        channels = {channel.id for channel in await self._ari.channels()}
        theirs = {ids.call_of(channel_id) for channel_id in channels - mine}
        for channel_id in channels & mine:
            if self._is_dead(channel_id):
                with suppress(AriNotFound):
                    await self._ari.hang_up(channel_id)
        for bridge_id in await self._ari.bridges():
            if self._is_dead(bridge_id) and ids.call_of(bridge_id) not in theirs:
                with suppress(AriNotFound):
                    await self._ari.destroy_bridge(bridge_id)

    def _is_dead(self, object_id: str) -> bool:
        """Whether we made it for a call that no longer exists. Asked late: a call may have begun meanwhile."""
        return ids.is_ours(object_id) and ids.call_of(object_id) not in self._sessions

    # -- one call

    async def _call(self, call_id: str, arrival: Arrival) -> None:
        """The outermost edge of a call: whatever happens in it ends here, with the caller back in the dialplan."""
        try:
            await self._admit(call_id, arrival)
        except (AriNotFound, AriConflict):
            log.info("the caller was gone before the call began", extra={"call": call_id})
        except Exception:
            self.failures += 1
            log.exception("the call broke", extra={"call": call_id})
            if self._held.get(arrival.channel.id) == call_id:  # not yet handed back
                await self._give_back(arrival.channel, call_id, _BROKEN, {})
        finally:
            self._release(arrival.channel.id, call_id)

    def _release(self, channel_id: str, call_id: str) -> None:
        """The channel may come again from now on; when it already has, look who waits."""
        if self._held.get(channel_id) == call_id:
            del self._held[channel_id]
            if channel_id in self._announced:
                self._announced.remove(channel_id)
                self._spawn(self.adopt(), "adopt")

    async def _admit(self, call_id: str, arrival: Arrival) -> None:
        """Take the call if there is room, or refuse it before it is answered.

        Nothing is asked of Asterisk for a refusal: the caller shall be with somebody else within 50 ms.
        """
        if self._draining or not self.admission.admits(_now(), len(self._admitted)):
            request = read_request(arrival.args, {})
            await self._refuse(call_id, arrival.channel, request, _SHUTDOWN if self._draining else _FULL)
            return
        self._admitted.add(call_id)
        try:
            await self._begin(call_id, arrival)
        finally:
            self._admitted.remove(call_id)
            if not self._admitted:
                self._when_idle()

    async def _begin(self, call_id: str, arrival: Arrival) -> None:
        """Look up the agent and a sequence of the language model, or refuse the call."""
        request = read_request(arrival.args, await self._inputs(arrival.channel.id))
        if self._draining:
            await self._refuse(call_id, arrival.channel, request, _SHUTDOWN)
            return
        agent = self._parts.settings.agents.get(request.agent)
        if agent is None:
            log.error(
                "the dialplan asked for an agent that is not configured",
                extra={"call": call_id, "agent": request.agent, "known": ", ".join(self._parts.settings.agents)},
            )
            await self._refuse(call_id, arrival.channel, request, Outcome(Status.REFUSED, "unknown_agent"))
            return
        try:
            conversation = self._board.llm.conversation()
        except EngineError as error:
            log.warning("a call finds no room in the language model", extra={"call": call_id, "error": str(error)})
            await self._refuse(call_id, arrival.channel, request, _FULL)
            return
        try:
            await self._hold(call_id, arrival.channel, request, agent, conversation)
        finally:
            await conversation.close()

    async def _refuse(self, call_id: str, channel: Channel, request: CallRequest, outcome: Outcome) -> None:
        """Send the caller on at once; the store keeps that there was a call."""
        room = {"limit": self.admission.limit, "live_calls": len(self._admitted)}
        log.info("a call is refused", extra={"call": call_id, "reason": outcome.reason, **room})
        results = self._results(call_id, outcome, None)
        await self._give_back(channel, call_id, outcome, results)
        self._store_start(call_id, channel, request)
        self._store_end(call_id, outcome, results)

    async def _hold(
        self, call_id: str, channel: Channel, request: CallRequest, agent: AgentSettings, conversation: Conversation
    ) -> None:
        """The call itself: set up, talk, hand back, take down."""
        parts = self._parts
        with self._ari.route(call_id, channel.id) as route:
            line = Line(self._ari, call_id, channel, route, self._board.media, parts.settings.media.listen)
            record = recorder(parts.settings.recording, line, self._ari, self._board.ami)
            session = Session(parts, line, request.adapt(agent), conversation, record, request.facts)
            self._sessions[call_id] = session
            self._store_start(call_id, channel, request)
            outcome = _BROKEN
            try:
                # What the `h` extension shall see if the caller hangs up: nothing can be set after that.
                hung_up = self._results(call_id, _HUNG_UP, record)
                outcome = await self._talk(session, line, {**hung_up, "OFFHOOK_AGENT": request.agent})
            except asyncio.CancelledError:
                outcome = _SHUTDOWN
                raise
            finally:
                if outcome.reason == "stt_timeout":  # no turn tells of it: nobody knows what was said
                    self._answered(inf)
                await _completed(self._end(line, outcome, record, session))
                del self._sessions[call_id]

    async def _talk(self, session: Session, line: Line, variables: Mapping[str, str]) -> Outcome:
        """Run the session; errors of the line become an outcome, errors of ours go on to the edge."""
        try:
            await self._set(line.channel, variables)
            outcome = await session.run()
        except* (AsteriskError, MediaError) as group:
            outcome = _HUNG_UP
            await line.check()
            if not line.gone:
                self.failures += 1
                outcome = Outcome(Status.FAILED, "line_failed")
                for error in _leaves(group):
                    log.error("the line failed", extra={"call": line.call_id, "error": str(error)})
        return outcome

    async def _end(self, line: Line, outcome: Outcome, record: Recorder, session: Session) -> None:
        """Hand the caller back first, then take down what is ours."""
        call_id = line.call_id
        await record.stop()
        results = self._results(call_id, outcome, record)
        if not line.gone:
            await self._give_back(line.channel, call_id, outcome, results)
        self._release(line.channel.id, call_id)
        await line.close()
        await record.finish()
        if results["OFFHOOK_RECORDING"] and not record.path:
            results["OFFHOOK_RECORDING"] = ""
        self._store_end(call_id, outcome, results, session.counts())

    async def _give_back(self, channel: Channel, call_id: str, outcome: Outcome, results: Mapping[str, str]) -> None:
        """Set the results and let the dialplan go on, also without them; a caller who is gone is fine."""
        try:
            await self._set(channel, results or self._results(call_id, outcome, None))
        except AsteriskError as error:
            log.warning("the results were not set", extra={"call": call_id, "error": str(error)})
        try:
            await self._ari.continue_in_dialplan(channel.id)
        except (AriNotFound, AriConflict):
            log.info("the caller was gone before the hand-back", extra={"call": call_id})
        except AsteriskError as error:
            log.error("the caller was not handed back", extra={"call": call_id, "error": str(error)})
            self._spawn(self._adopt_later(), "adopt later")

    def _answered(self, gap_ms: float) -> None:
        self.admission.answered(_now(), gap_ms, len(self._admitted))

    def _store_start(self, call_id: str, channel: Channel, request: CallRequest) -> None:
        self._board.store.call_started(
            CallRecord(
                id=call_id,
                agent=request.agent,
                caller_number=channel.caller_number,
                caller_name=channel.caller_name,
                channel=channel.name,
                started_at=datetime.now(UTC),
                transport=self._board.media.name,
                listen=self._parts.settings.media.listen,
            )
        )
        log.info("a call begins", extra={"call": call_id, "agent": request.agent, "channel": channel.name})

    def _store_end(
        self, call_id: str, outcome: Outcome, results: Mapping[str, str], counts: Mapping[str, int] | None = None
    ) -> None:
        recording = results["OFFHOOK_RECORDING"] or None
        self._board.store.call_ended(
            CallEnd(call_id, outcome.status, outcome.reason, datetime.now(UTC), results, recording, counts or {})
        )
        totals = {"live_calls": self.live_calls, "failures": self.failures}
        log.info("a call ended", extra={"call": call_id, "status": outcome.status, "reason": outcome.reason, **totals})

    @staticmethod
    def _results(call_id: str, outcome: Outcome, record: Recorder | None) -> dict[str, str]:
        return {
            "OFFHOOK_STATUS": outcome.status,
            "OFFHOOK_REASON": outcome.reason,
            "OFFHOOK_TRANSFER_TO": outcome.transfer_to,
            "OFFHOOK_CALL_ID": call_id,
            "OFFHOOK_RECORDING": record.path if record else "",
        }

    async def _set(self, channel: Channel, variables: Mapping[str, str]) -> None:
        """By AMI, because Asterisk distrusts a dialplan after ARI has set a variable; by ARI when AMI is away."""
        try:
            await asyncio.gather(*(self._board.ami.set_variable(channel.name, *pair) for pair in variables.items()))
        except AsteriskError:
            await asyncio.gather(*(self._ari.set_variable(channel.id, *pair) for pair in variables.items()))

    async def _inputs(self, channel_id: str) -> dict[str, str]:
        values = await asyncio.gather(*(self._ari.variable(channel_id, name) for name in INPUTS))
        return dict(zip(INPUTS, values, strict=True))


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _completed(work: Coroutine[Any, Any, None]) -> None:
    """Await `work` to its end; a cancellation takes effect after it."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    leaves: list[BaseException] = []
    for error in group.exceptions:
        leaves.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return leaves
