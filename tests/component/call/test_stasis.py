"""stasis.py and line.py with an Asterisk that is a script: arrivals, refusals, hand-backs, sweeps, and what breaks."""

import asyncio

from ari_app.ari import ids
from ari_app.ari.client import Channel
from ari_app.errors import AriUnreachable, MediaError
from ari_app.media.transport import Closed
from ari_app.settings import MediaSettings, RecordingSettings, TurnSettings
from tests.component.call.office import GOODBYE, TURN, Office, office_test


@office_test
async def test_a_call_is_handed_back_with_its_results_and_then_taken_down():
    async with Office(["bye"], [GOODBYE]).open() as office:
        office.ari.arrive()
        await office.until(lambda: office.media.wires)
        await office.media.wires[0].caller(TURN)
        await office.idle()
    assert office.result() == ("COMPLETED", "agent_hung_up")
    (end,) = office.books.ended
    assert (end.status, end.variables["OFFHOOK_CALL_ID"]) == ("COMPLETED", office.books.started[0].id)
    assert office.ari.variables["OFFHOOK_AGENT"] == "desk"
    asked = office.requests()
    handed_back = asked.index("continue")
    assert "set_variable" not in asked, "ARI set a variable though AMI was there"
    assert max(i for i, what in enumerate(asked) if what == "ami_set") < handed_back
    assert asked.index("answer") > asked.index("ami_set"), "h must see a result whenever the caller hangs up"
    assert handed_back < asked.index("destroy_bridge")
    assert (office.ari.present, office.ari.bridge_ids, office.media.open_legs) == ({}, set(), 0)


@office_test
async def test_what_happened_on_a_call_is_counted_in_the_store():
    turn = TurnSettings(partial_ms=0, filler_ms=0)
    async with Office(["bye"], [GOODBYE], turn=turn).open() as office:
        office.ari.arrive()
        await office.until(lambda: office.media.wires)
        await office.media.wires[0].caller(TURN)
        await office.idle()
    (end,) = office.books.ended
    assert end.counts == {"drafts": 1, "drafts_used": 1}


@office_test
async def test_a_caller_on_hold_by_the_phone_is_told_to_the_conversation():
    async with Office(["bye"], [GOODBYE], turn=TurnSettings(partial_ms=0)).open() as office:
        office.ari.arrive()
        await office.until(lambda: office.media.wires)
        wire = office.media.wires[0]
        office.ari.dispatcher.dispatch({"type": "ChannelHold", "channel": {"id": "1.1"}})
        await asyncio.sleep(20)
        silent = [piece for piece in wire.log if len(piece[2]) > 200]
        office.ari.dispatcher.dispatch({"type": "ChannelUnhold", "channel": {"id": "1.1"}})
        await asyncio.sleep(1)
        assert silent == [], "the agent spoke on hold"
        assert wire.log, "the greeting was never said"
        await wire.caller(TURN)
        await office.idle()
    assert office.result() == ("COMPLETED", "agent_hung_up")


@office_test
async def test_who_cannot_be_served_goes_on_at_once_with_the_reason():
    async with Office().open() as office:
        office.ari.arrive(args=("nobody",))
        await office.idle()
        assert office.result() == ("REFUSED", "unknown_agent")
        office.full = True
        office.ari.arrive()
        await office.idle()
        assert office.result() == ("REFUSED", "capacity")
    assert "answer" not in office.requests()
    assert office.requests().count("continue") == 2


@office_test
async def test_without_ami_the_results_are_set_by_ari():
    async with Office().open() as office:
        office.ami.dead = True
        office.ari.arrive(args=("nobody",))
        await office.idle()
    assert office.result() == ("REFUSED", "unknown_agent")
    assert office.ari.present == {}


@office_test
async def test_a_call_that_breaks_is_handed_back_once():
    async with Office().open() as office:

        def broken(samples):
            raise ZeroDivisionError

        office.ears.probability = broken
        office.ari.arrive()
        await office.until(lambda: office.media.wires)
        await office.media.wires[0].caller([(0.1, False)])
        await office.idle()
    assert office.result() == ("FAILED", "internal_error")
    assert office.requests().count("continue") == 1
    assert office.stasis.failures == 1
    assert office.books.ended[0].reason == "internal_error"
    assert (office.ari.present, office.ari.bridge_ids, office.media.open_legs) == ({}, set(), 0)


@office_test
async def test_a_line_that_fails_is_no_recording():
    async with Office(recording=RecordingSettings(mode="legs")).open() as office:
        office.media.error = MediaError("no leg")
        office.ari.arrive()
        await office.idle()
    assert office.result() == ("FAILED", "line_failed")
    assert office.ari.variables["OFFHOOK_RECORDING"] == ""
    assert "stop_mix_monitor" not in office.requests()
    assert office.books.ended[0].recording is None
    assert (office.ari.present, office.ari.bridge_ids, office.media.open_legs) == ({}, set(), 0)


@office_test
async def test_a_half_open_line_leaves_nothing():
    """The bridge is refused while the leg is still on its way."""
    for listen in ("direct", "snoop"):
        async with Office(media=MediaSettings(listen=listen)).open() as office:
            office.media.connect_seconds = 0.5
            office.ari.errors["create_bridge"] = AriUnreachable("no answer")
            office.ari.arrive()
            await office.idle()
            assert office.result() == ("FAILED", "line_failed")
            await asyncio.sleep(2)
            assert office.media.open_legs == 0
            assert office.ari.present == {}


@office_test
async def test_who_hangs_up_while_the_line_opens_has_hung_up_whatever_comes_first():
    """ARI answers 404 before it tells of the end; or a leg does not come."""
    for step in ("media", "create_bridge", "answer", "add_to_bridge"):
        async with Office().open() as office:
            office.ari.arrive()
            await office.until(lambda step=step, office=office: step in office.requests())
            del office.ari.present["1.1"]
            await asyncio.sleep(0.1)
            office.ari.leave()
            await office.idle()
        assert office.books.ended[0].status == "HANGUP", step
        assert office.stasis.failures == 0
        assert (office.ari.present, office.ari.bridge_ids, office.media.open_legs) == ({}, set(), 0)


@office_test
async def test_callers_who_wait_are_adopted_and_what_is_dead_is_swept():
    async with Office(replies=[]).open() as office:
        for dead in (ids.media_id("gone", "media"), ids.media_id("gone", "snoop")):
            office.ari.present[dead] = Channel(dead, dead, "Up", "", "", "", "")
        office.ari.bridge_ids |= {ids.bridge_id("gone"), ids.bridge_id("gone", "ears"), "somebody-else"}
        office.ari.arrive()
        office.ari.arrivals.get_nowait()  # the event was lost with the connection
        office.ari.arrivals.put_nowait(None)
        await office.until(lambda: office.media.wires)
        assert not [one for one in office.ari.present if "gone" in one]
        assert not [one for one in office.ari.bridge_ids if "gone" in one]
        assert "somebody-else" in office.ari.bridge_ids
        office.ari.leave()
        await office.idle()
    assert office.books.started[0].agent == "desk"
    assert office.books.ended[0].status == "HANGUP"


@office_test
async def test_a_call_that_begins_during_the_sweep_is_spared():
    async with Office().open() as office:
        office.ari.waits["channels"] = 0.1
        office.ari.waits["bridges"] = 0.1
        sweeping = asyncio.create_task(office.stasis.adopt())
        await asyncio.sleep(0.01)
        office.ari.arrive()
        await sweeping
        await asyncio.sleep(0.5)
        assert office.media.open_legs == 1
        assert len(office.ari.bridge_ids) == 1
        assert "hang_up" not in office.requests()
        assert "destroy_bridge" not in office.requests()


@office_test
async def test_calls_of_another_offhook_on_the_same_asterisk_are_left_alone():
    async with Office().open() as office:
        media = ids.media_id("theirs", "media")
        office.ari.elsewhere[media] = Channel(media, media, "Up", "", "", "", "")
        office.ari.bridge_ids.add(ids.bridge_id("theirs"))
        await office.stasis.adopt()
    assert media in office.ari.elsewhere
    assert ids.bridge_id("theirs") in office.ari.bridge_ids


@office_test
async def test_a_caller_may_be_back_before_asterisk_says_that_the_caller_went():
    async with Office(["bye", "bye"], [GOODBYE, GOODBYE]).open() as office:
        hand_back = office.ari.continue_in_dialplan

        async def back_at_once(channel_id):
            await hand_back(channel_id)
            office.ari.continue_in_dialplan = hand_back
            office.ari.arrive()
            await asyncio.sleep(0.05)

        office.ari.continue_in_dialplan = back_at_once
        office.ari.arrive()
        await office.until(lambda: office.media.wires)
        await office.media.wires[0].caller(TURN)
        await office.until(lambda: len(office.media.wires) == 2, 10)
        await office.media.wires[1].caller(TURN)
        await office.idle()
    assert [end.status for end in office.books.ended] == ["COMPLETED", "COMPLETED"]


@office_test
async def test_a_shutdown_gives_everybody_back():
    """Who talks, who is being admitted, and who comes just then."""
    office = Office()
    async with office.open():
        office.ari.arrive("1.1")
        await office.until(lambda: office.media.wires)
        await asyncio.sleep(1)
        office.ari.waits["variable"] = 0.3
        office.ari.arrive("1.2")
        await asyncio.sleep(0.1)
        draining = asyncio.create_task(office.stasis.drain(5.0))
        await asyncio.sleep(0.1)
        office.ari.arrive("1.3")
        begun = asyncio.get_running_loop().time()
        await draining
        assert asyncio.get_running_loop().time() - begun < 1
    assert office.result() == ("FAILED", "shutdown")
    assert office.ari.present == {}
    assert office.media.open_legs == 0


@office_test
async def test_a_shutdown_that_cannot_wait_still_takes_down_and_writes_down():
    office = Office()
    async with office.open():
        office.ari.arrive()
        await office.until(lambda: office.media.wires)
        await asyncio.sleep(1)
        office.ari.waits["continue"] = 3.0
        await office.stasis.drain(1.0)
        assert (office.ari.present, office.ari.bridge_ids, office.media.open_legs) == ({}, set(), 0)
        assert [end.reason for end in office.books.ended] == ["shutdown"]


@office_test
async def test_a_lost_leg_ends_the_call_but_not_the_callers():
    async with Office().open() as office:
        office.ari.arrive()
        await office.until(lambda: office.media.wires)
        await asyncio.sleep(1)
        office.media.wires[0].events.put_nowait(Closed("reset", MediaError("reset")))
        await office.idle()
    assert office.result() == ("FAILED", "media_lost")
    assert office.ari.present == {}


@office_test
async def test_an_asterisk_that_is_gone_at_the_end_breaks_nothing():
    async with Office().open() as office:
        office.ari.arrive()
        await office.until(lambda: office.media.wires)
        await asyncio.sleep(1)
        gone = AriUnreachable("no answer")
        office.ari.errors |= dict.fromkeys(("continue", "set_variable", "hang_up", "destroy_bridge"), gone)
        office.ami.dead = True
        office.media.wires[0].events.put_nowait(Closed("reset", MediaError("reset")))
        await office.until(lambda: office.books.ended)
        assert office.media.open_legs == 0
        assert office.books.ended[0].reason == "media_lost"
        await asyncio.sleep(1)
        assert office.stasis.live_calls == 0
        office.ari.errors.clear()  # Asterisk answers again, its event socket never broke, and the caller is still there
        office.ami.dead = False
        await office.until(lambda: len(office.media.wires) == 2)
        office.ari.leave()
        await office.idle()
    assert (office.ari.present, office.ari.bridge_ids, office.media.open_legs) == ({}, set(), 0)


@office_test
async def test_a_caller_who_is_gone_before_the_call_is_no_failure():
    async with Office().open() as office:
        office.ari.arrive()
        del office.ari.present["1.1"]
        await office.idle()
    assert office.stasis.failures == 0
    assert office.books.started == []


@office_test
async def test_results_that_cannot_be_set_do_not_keep_the_caller():
    async with Office().open() as office:
        office.ami.dead = True
        office.ari.errors["set_variable"] = AriUnreachable("no answer")
        office.ari.arrive(args=("nobody",))
        await office.idle()
    assert office.ari.present == {}
