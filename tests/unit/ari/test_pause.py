"""How long reconnecting waits."""

from ari_app.ari.event_socket import LONGEST_PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS, pause_seconds


def test_pauses_double_up_to_the_longest_and_vary():
    for attempt in range(200):
        whole = min(SHORTEST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS)
        assert whole / 2 <= pause_seconds(attempt) <= whole
    assert len({pause_seconds(3) for _ in range(20)}) > 1
