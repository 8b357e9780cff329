"""SIP messages: what is built can be read again, and nothing that arrives can do worse than be refused."""

import contextlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.demo.phone.sip import Request, Response, SipError, address, authorization, parameter, parse

TOKEN = st.text(string.ascii_letters + string.digits + "-.!%*_+`'~", min_size=1, max_size=12)
NAMES = TOKEN.filter(lambda name: len(name) > 1 and name.lower() != "content-length")
VALUES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), max_size=30).map(str.strip)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=6).map(tuple)
METHODS = st.sampled_from(["INVITE", "ACK", "BYE", "CANCEL", "INFO", "OPTIONS"])
URIS = st.text(string.ascii_letters + string.digits + "@.:;=-", min_size=1, max_size=30)
REASONS = st.sampled_from(["OK", "Busy Here", "Not Found", ""])


def without_length(message):
    return tuple(header for header in message.headers if header[0] != "Content-Length")


@given(HEADERS, st.binary(max_size=60), METHODS, URIS)
def test_a_request_survives_the_wire(headers, body, method, uri):
    back = parse(Request(headers, body, method, uri).encode())
    assert isinstance(back, Request)
    assert (without_length(back), back.body, back.method, back.uri) == (headers, body, method, uri)


@given(HEADERS, st.binary(max_size=60), st.integers(100, 699), REASONS)
def test_a_response_survives_the_wire(headers, body, status, reason):
    back = parse(Response(headers, body, status, reason).encode())
    assert isinstance(back, Response)
    assert (without_length(back), back.body, back.status, back.reason) == (headers, body, status, reason)


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda tail: b"SIP/2.0 200 OK\r\nCSeq: " + tail))
def test_anything_else_is_refused(datagram):
    with contextlib.suppress(SipError):
        parse(datagram).cseq  # noqa: B018


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nTo: x\r\n",
        b"INVITE sip:a@b SIP/3.0\r\n\r\n",
        b"SIP/2.0 OK\r\n\r\n",
        b"BYE sip:a@b SIP/2.0\r\nno header\r\n\r\n",
        b"BYE sip:a@b SIP/2.0\r\nContent-Length: 5\r\n\r\nfour",
        b"BYE sip:a@b SIP/2.0\r\nContent-Length: x\r\n\r\n",
        b"BYE sip:a@b SIP/2.0\r\nTo: \xff\r\n\r\n",
    ],
)
def test_what_is_no_message(datagram):
    with pytest.raises(SipError):
        parse(datagram)


def test_compact_names_folded_lines_and_what_lies_behind_the_body():
    message = parse(b"SIP/2.0 200 OK\r\nf: <sip:a@b>;tag=1\r\ni:\r\n 77@b\r\nl: 2\r\nCSeq: 7  BYE\r\n\r\nabcdef")
    assert (message.get("from"), message.get("Call-ID")) == ("<sip:a@b>;tag=1", "77@b")
    assert (message.body, message.cseq) == (b"ab", (7, "BYE"))


def test_several_headers_of_a_name_keep_their_order():
    message = parse(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx;rport\r\nv: b\r\n\r\n")
    assert message.all("via") == ["SIP/2.0/UDP a;branch=z9hG4bKx;rport", "b"]
    assert message.branch == "z9hG4bKx"


@pytest.mark.parametrize(
    ("value", "uri", "tag"),
    [
        ('"Ann <x>" <sip:ann@host;lr>;tag=1', "x", "1"),
        ("<sip:ann@host;tag=no>;TAG = 2;x=3", "sip:ann@host;tag=no", "2"),
        ("sip:ann@host;tag=3", "sip:ann@host", "3"),
        ("<sip:ann@host>", "sip:ann@host", ""),
    ],
)
def test_addresses(value, uri, tag):
    assert parameter(value, "tag") == tag
    if uri != "x":
        assert address(value) == uri


def test_digest_of_rfc_2617():
    challenge = (
        'Digest realm="testrealm@host.com", qop="auth,auth-int", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    answer = authorization([challenge], "GET", "/dir/index.html", "Mufasa", "Circle Of Life", "0a4f113b")
    assert 'response="6629fae49393a05397450978507c4ef1"' in answer
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in answer


def test_digest_of_rfc_7616():
    challenge = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    answer = authorization([challenge], "GET", "/dir/index.html", "Mufasa", "Circle of Life", cnonce)
    assert 'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"' in answer


def test_digest_without_qop_is_that_of_rfc_2069():
    challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    answer = authorization([challenge], "GET", "/dir/index.html", "Mufasa", "CircleOfLife", "unused")
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in answer
    assert "qop" not in answer


def test_the_first_challenge_that_we_can_answer():
    challenges = [
        'Basic realm="a"',
        'Digest realm="a", nonce="1", algorithm=SHA-512-256',
        'Digest realm="b", nonce="2"',
    ]
    assert 'realm="b"' in authorization(challenges, "INVITE", "sip:a@b", "u", "p", "c")
    with pytest.raises(SipError):
        authorization(challenges[:2], "INVITE", "sip:a@b", "u", "p", "c")
