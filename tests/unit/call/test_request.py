"""What the dialplan asks for."""

import pytest

from ari_app.call.request import read_request
from ari_app.settings import AgentSettings


def test_the_argument_names_the_agent_and_the_rest_are_facts():
    request = read_request(["sales", "menu=1/2"], {"OFFHOOK_AGENT": "other", "OFFHOOK_FACTS": "name=Mary;menu=9"})
    assert request.agent == "sales"
    assert request.facts == {"name": "Mary", "menu": "1/2"}


def test_the_variable_names_the_agent_when_no_argument_does():
    assert read_request([], {"OFFHOOK_AGENT": " night "}).agent == "night"
    assert read_request([""], {}).agent == ""


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), ("", 900), ("0", 900), ("-5", 900), ("²", 900), ("x", 900)])
def test_wishes_change_the_agent_and_nonsense_does_not(text, seconds):
    request = read_request(["a"], {"OFFHOOK_MAX_SECONDS": text, "OFFHOOK_GREETING": "Hi.", "OFFHOOK_LANGUAGE": "de"})
    agent = request.adapt(AgentSettings())
    assert (agent.max_seconds, agent.greeting, agent.language) == (seconds, "Hi.", "de")
