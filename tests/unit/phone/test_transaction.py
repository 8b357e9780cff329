"""When a client transaction sends again, acknowledges and gives up."""

import pytest

from ari_app.demo.phone.dialog import Dialog
from ari_app.demo.phone.sip import Response
from ari_app.demo.phone.transaction import PATIENCE, ClientTransaction

DIALOG = Dialog("caller", "127.0.0.1", 5070, "echo", "127.0.0.1:5060")


def answer(request, status):
    headers = tuple(header for header in request.headers if header[0] in ("Via", "From", "Call-ID", "CSeq"))
    return Response((*headers, ("To", f"{request.get('To')};tag=theirs")), b"", status, "")


def sendings(transaction, until):
    """The moments at which `transaction` sends again."""
    moments = []
    while (deadline := transaction.next_deadline) is not None and deadline <= until:
        assert transaction.tick(deadline - 0.001) is None
        if transaction.tick(deadline) is transaction.request:
            moments.append(deadline)
    return moments


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("INVITE", [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]),
        ("BYE", [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]),
    ],
)
def test_without_an_answer(method, expected):
    transaction = ClientTransaction(DIALOG.request(method), 0.0)
    assert sendings(transaction, 1000.0) == expected
    assert transaction.timed_out
    assert transaction.next_deadline is None


def test_a_call_may_ring_for_ever():
    invite = DIALOG.request("INVITE")
    transaction = ClientTransaction(invite, 0.0)
    assert transaction.receive(answer(invite, 180)) == (True, None)
    assert transaction.next_deadline is None
    assert not transaction.timed_out


def test_another_request_is_sent_on_until_its_final_answer():
    bye = DIALOG.request("BYE")
    transaction = ClientTransaction(bye, 0.0)
    transaction.receive(answer(bye, 100))
    assert sendings(transaction, PATIENCE / 2)
    assert transaction.receive(answer(bye, 200)) == (True, None)
    assert transaction.next_deadline is None


def test_a_failed_invite_is_acknowledged_as_often_as_it_fails():
    invite = DIALOG.request("INVITE", b"sdp")
    transaction = ClientTransaction(invite, 0.0)
    news, ack = transaction.receive(answer(invite, 486))
    assert news
    assert (ack.method, ack.uri, ack.branch, ack.body) == ("ACK", invite.uri, invite.branch, b"")
    assert ack.cseq == (invite.cseq[0], "ACK")
    assert ack.get("To").endswith(";tag=theirs")
    assert transaction.receive(answer(invite, 486)) == (False, ack)


def test_an_accepted_invite_is_acknowledged_by_its_dialog():
    invite = DIALOG.request("INVITE", b"sdp")
    transaction = ClientTransaction(invite, 0.0)
    assert transaction.receive(answer(invite, 200)) == (True, None)
    ack = transaction.acknowledge(DIALOG.acknowledge(invite))
    assert ack.branch != invite.branch
    assert ack.cseq == (invite.cseq[0], "ACK")
    assert transaction.receive(answer(invite, 200)) == (False, ack)
    assert transaction.receive(answer(invite, 180)) == (False, None)
