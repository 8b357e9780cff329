"""Which error an answer of ARI is, and what it tells the admin. The bodies are what Asterisk 22.10 sent."""

import pytest

from ari_app.ari.failures import failure, unreachable
from ari_app.errors import AriConflict, AriFailed, AriNotFound, AriRefused, ModuleMissing
from ari_app.settings import AsteriskSettings

SETTINGS = AsteriskSettings(ari_url="http://pbx:8088/asterisk", ari_username="agent")
BASE = "http://pbx:8088/asterisk/ari"
HTML = "<!DOCTYPE HTML><html><body><h1>Not Found</h1></body></html>"


def error(status, body, path="/channels/17.1/answer"):
    return failure(SETTINGS, status, "POST", BASE + path, body)


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (404, '{"message":"Channel not found"}', AriNotFound, "Channel not found"),
        (409, '{"message":"Channel not in Stasis application"}', AriConflict, "Channel not in Stasis application"),
        (400, '{"message":"Channel not found"}', AriNotFound, "Channel not found"),
        (400, '{"message":"Missing variable parameter."}', AriFailed, "Missing variable parameter."),
        (422, '{"message":"Channel not in Stasis application"}', AriConflict, "Channel not in Stasis application"),
        (422, '{"message":"Format not supported"}', AriFailed, "Format not supported"),
        (500, '{"message":"Possible duplicate bridge id"}', AriFailed, "Possible duplicate bridge id"),
        (503, HTML, AriFailed, "HTTP 503"),
    ],
)
def test_aris_own_words_and_what_was_asked(status, body, kind, words):
    raised = error(status, body)
    assert type(raised) is kind
    assert raised.status == status
    assert raised.message == f"POST /asterisk/ari/channels/17.1/answer: {words}"


def test_wrong_password_names_the_section_and_the_key():
    raised = error(401, '{"message":"Authentication required"}')
    assert isinstance(raised, AriRefused)
    assert "refused the user 'agent'" in raised.message
    assert "asterisk.ari_password" in raised.remedy
    assert "[agent] in ari.conf" in raised.remedy


def test_a_read_only_user_is_told_so():
    raised = error(403, '{"message":"Write access denied"}')
    assert isinstance(raised, AriRefused)
    assert "Write access denied" in raised.message
    assert "read_only = no" in raised.remedy


def test_no_ari_at_all_names_res_ari():
    raised = error(404, HTML, "/api-docs/resources.json")
    assert isinstance(raised, ModuleMissing)
    assert raised.module == "res_ari.so"
    assert "module load res_ari.so" in raised.remedy


def test_a_missing_part_of_ari_is_named():
    raised = error(404, '{"message":"Resource not found"}', "/bridges/offhook-1")
    assert isinstance(raised, ModuleMissing)
    assert raised.module == "res_ari_bridges.so"


def test_missing_api_docs_are_not_taken_for_a_module():
    raised = error(404, '{"message":"Resource not found"}', "/api-docs/resources.json")
    assert type(raised) is AriFailed
    assert "rest-api" in raised.remedy


@pytest.mark.parametrize("body", ["", "[]", "null", '{"error":1}', "{", "\x00"])
def test_a_body_that_says_nothing_is_no_second_error(body):
    assert error(500, body).message.endswith("HTTP 500")


def test_unreachable_names_the_url_and_the_cause():
    raised = unreachable(SETTINGS, TimeoutError())
    assert "http://pbx:8088/asterisk" in raised.message
    assert "TimeoutError" in raised.message
    assert "http.conf" in raised.remedy
