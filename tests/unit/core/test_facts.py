"""OFFHOOK_FACTS in both of its forms."""

from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.facts import MAX_CHARACTERS, format_facts, parse_facts

_NAMES = st.text(alphabet="abcXYZ_0", min_size=1, max_size=8)


@given(st.dictionaries(_NAMES, st.text(alphabet=st.characters(exclude_categories=["Z", "C"]), max_size=20), max_size=5))
def test_what_is_written_is_read_again(facts):
    assert parse_facts(format_facts(facts)) == facts


def test_json_and_pairs_and_loose_words():
    assert parse_facts('{"name": "Mary", "age": 7, "tags": ["a"]}') == {"name": "Mary", "age": "7", "tags": '["a"]'}
    assert parse_facts("menu=1/2; caller is angry ;x=") == {"menu": "1/2", "note": "caller is angry", "x": ""}
    assert parse_facts("") == {}


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_error(text):
    parse_facts(text)


def test_endless_facts_are_cut():
    assert len(parse_facts("a=" + "x" * 100_000)["a"]) < MAX_CHARACTERS
