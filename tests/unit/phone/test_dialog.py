"""Who is who in a dialog."""

from ari_app.demo.phone.dialog import Dialog
from ari_app.demo.phone.sip import Request, Response, parameter


def established():
    dialog = Dialog("caller", "127.0.0.1", 5070, "echo", "127.0.0.1:5060")
    invite = dialog.request("INVITE", b"sdp")
    routes = (("Record-Route", "<sip:near;lr>"), ("Record-Route", "<sip:far;lr>"))
    headers = (*routes, ("To", f"{invite.get('To')};tag=theirs"), ("Contact", '"E" <sip:echo@192.0.2.9:5099>'))
    dialog.established(Response(headers, b"", 200, "OK"))
    return dialog, invite


def test_requests_of_a_dialog():
    dialog, invite = established()
    bye = dialog.request("BYE")
    assert bye.uri == "sip:echo@192.0.2.9:5099"
    assert bye.all("Route") == ["<sip:far;lr>", "<sip:near;lr>"]
    assert (bye.get("Call-ID"), bye.get("From")) == (invite.get("Call-ID"), invite.get("From"))
    assert parameter(bye.get("To"), "tag") == "theirs"
    assert bye.cseq[0] == invite.cseq[0] + 1
    assert bye.branch != invite.branch
    assert bye.get("Content-Type") == ""


def test_a_cancel_belongs_to_its_invite():
    dialog = Dialog("caller", "127.0.0.1", 5070, "echo", "127.0.0.1:5060")
    invite = dialog.request("INVITE", b"sdp")
    cancel = dialog.cancel(invite)
    assert (cancel.branch, cancel.uri, cancel.body) == (invite.branch, invite.uri, b"")
    assert cancel.cseq == (invite.cseq[0], "CANCEL")


def test_a_challenge_is_answered_with_the_same_offer():
    dialog = Dialog("caller", "127.0.0.1", 5070, "echo", "127.0.0.1:5060")
    invite = dialog.request("INVITE", b"sdp")
    asked = (("Proxy-Authenticate", 'Digest realm="r", nonce="n"'),)
    again = dialog.authorized(invite, Response(asked, b"", 407, ""), "caller", "secret")
    assert (again.body, again.get("Content-Type")) == (b"sdp", "application/sdp")
    assert again.get("Proxy-Authorization").startswith('Digest username="caller"')
    assert again.cseq[0] == invite.cseq[0] + 1


def test_only_requests_between_us_two_belong_to_it():
    dialog, invite = established()

    def bye(to, sender):
        return Request((("To", to), ("From", sender)), b"", "BYE", "sip:caller@127.0.0.1")

    ours, theirs = invite.get("From"), f"{invite.get('To')};tag=theirs"
    assert dialog.holds(bye(ours, theirs))
    assert not dialog.holds(bye(ours, f"{invite.get('To')};tag=stranger"))
    assert not dialog.holds(bye("<sip:caller@x>;tag=other", theirs))


def test_a_response_carries_what_its_request_asked():
    dialog, _ = established()
    headers = (("Via", "a"), ("Via", "b"), ("From", "f"), ("To", "t"), ("Call-ID", "c"), ("CSeq", "9 INVITE"))
    response = dialog.respond(Request((*headers, ("Subject", "no")), b"", "INVITE", "sip:x"), 200, "OK", b"sdp")
    assert response.headers[:6] == headers
    assert (response.get("Subject"), response.get("Content-Type")) == ("", "application/sdp")
