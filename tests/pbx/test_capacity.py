"""A box that is full: the call too many is somebody else's at once, and the others do not notice."""

from ari_app.demo.phone import Phone
from tests.pbx.box import ask, desk, greeted
from tests.pbx.test_dialplan import FALLBACK_HZ, heard_tone


async def test_the_call_too_many_reaches_the_fallback_unanswered_and_the_first_goes_on(own_pbx, tmp_path):
    for priority, step in enumerate(
        (
            "Gosub(keep-results,s,1)",
            "Gosub(offhook,s,1(receptionist))",
            "Set(KEYS=${CHANNEL(state)})",
            "Goto(fallback,s,1)",
        ),
        1,
    ):
        own_pbx.command(f'dialplan add extension try,{priority},"{step}" into phones')
    with desk(own_pbx, tmp_path, capacity={"calls": 1}) as running:
        async with Phone(own_pbx.sip_port) as phone:
            first = await greeted(phone)
            second = await phone.call("try")
            await heard_tone(second, FALLBACK_HZ)
            await second.hang_up()
            refused = await running.results(second)
            await ask(first, "booking-1")
            await first.hang_up()
            kept = await running.record(first)
            refusal = await running.record(second)
    assert (refused["OFFHOOK_STATUS"], refused["OFFHOOK_REASON"]) == ("REFUSED", "capacity")
    assert refused["KEYS"] == "Ring", "the channel was answered before the dialplan had it back"
    assert (refusal.start.agent, refusal.end.reason) == ("receptionist", "capacity")
    assert [turn.caller_text for turn in kept.turns] == ["", "hello what are your opening hours"]
