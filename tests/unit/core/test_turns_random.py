"""The turn machine with callers who do anything at any time: one voice at once, no word lost, and always an end."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.core.events import MediaReady
from tests.unit.core.random_call import RandomCall


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_order_of_events_has_one_voice_loses_no_words_and_has_an_end(data):
    call = RandomCall(lambda options: data.draw(st.sampled_from(options)))
    call.give(MediaReady())
    for _ in range(80):
        if call.left:
            break
        call.step()
    for _ in range(300):  # now nobody does anything but finish what was asked: the machine must come to an end
        if call.left:
            break
        if call.on_hold:
            call.do_hold()
        elif call.speaking:
            if call.passes(0.2):
                call.do_speech()
        elif call.asked:
            call.do_heard()
        elif call.running and not call.running.started:
            call.do_started()
        elif call.running:
            call.do_done()
        else:
            assert not call.passes(1000), f"waits for nothing in {call.machine.state}"
    call.check_end()
