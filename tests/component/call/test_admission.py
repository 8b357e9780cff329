"""stasis.py: who is taken and who is refused, and what the limit hears of those who wait."""

import asyncio

from ari_app.settings import TurnSettings
from tests.component.call.office import GOODBYE, TURN, Office, office_test


@office_test
async def test_one_call_more_than_there_is_room_for_goes_on_unanswered_and_nothing_is_asked_before():
    async with Office(["bye"], [GOODBYE], most=1, turn=TurnSettings(partial_ms=0)).open() as office:
        office.ari.waits["media"] = 1.0  # the first call is still being set up
        office.ari.arrive()
        await asyncio.sleep(0.1)
        begun = len(office.ari.asked)
        office.ari.arrive("2.2")
        await office.until(lambda: "2.2" not in office.ari.present)
        about_the_second = [what for what, about, *_ in office.ari.asked[begun:] if what != "ami_set"]
        assert about_the_second == ["continue"]
        assert office.result() == ("REFUSED", "capacity")
        await office.until(lambda: office.media.wires)
        await office.media.wires[0].caller(TURN)
        await office.idle()
        assert office.result() == ("COMPLETED", "agent_hung_up"), "the first call was disturbed"
        office.ari.arrive("3.3")
        await office.until(lambda: len(office.media.wires) == 2)
        office.ari.leave("3.3")
        await office.idle()
    assert [end.reason for end in office.books.ended] == ["capacity", "agent_hung_up", "caller_hung_up"]


@office_test
async def test_callers_who_wait_too_long_lower_the_limit():
    async with Office(
        ["bye"], [[5.0, *GOODBYE]], turn=TurnSettings(partial_ms=0, speculate=0, filler_ms=0)
    ).open() as office:
        waited = []
        office.admission.answered = lambda now, gap_ms, live: waited.append((gap_ms, live))
        office.ari.arrive()
        await office.until(lambda: office.media.wires)
        await office.media.wires[0].caller(TURN)
        await office.idle()
    ((gap_ms, live),) = waited
    assert 5000 < gap_ms < 6000
    assert live == 1


@office_test
async def test_words_that_are_never_known_are_the_longest_wait():
    async with Office(["bye"], turn=TurnSettings(partial_ms=0)).open() as office:
        waited = []
        office.admission.answered = lambda now, gap_ms, live: waited.append(gap_ms)
        office.ears.seconds = 60.0
        office.ari.arrive()
        await office.until(lambda: office.media.wires)
        await office.media.wires[0].caller(TURN)
        await office.idle()
    assert waited == [float("inf")]
    assert office.result() == ("FAILED", "stt_timeout")
