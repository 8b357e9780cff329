"""Tool calls out of streamed text, whatever the pieces."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.toolcalls import CLOSE, MAX_CHARACTERS, OPEN, BadToolCall, Part, ToolCall, ToolCallParser


def parse(*pieces: str) -> list[Part]:
    parser = ToolCallParser()
    return [part for piece in pieces for part in parser.feed(piece)] + parser.end()


def merged(parts: list[Part]) -> list[Part]:
    """Neighbouring texts as one: where a text is parted says nothing."""
    out: list[Part] = []
    for part in parts:
        if isinstance(part, str) and out and isinstance(out[-1], str):
            out[-1] += part
        else:
            out.append(part)
    return out


HANG_UP = ToolCall("hang_up", {})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", []),
        ("Hello.", ["Hello."]),
        ('<tool_call>{"name":"hang_up","arguments":{}}</tool_call>', [HANG_UP]),
        ('Bye. <tool_call>\n{"name": "hang_up", "arguments": {}}\n</tool_call>', ["Bye. ", HANG_UP]),
        ('a<tool_call>{"name":"hang_up"}</tool_call>b', ["a", HANG_UP, "b"]),
        ('<tool_call>{"name":"hang_up","arguments":null}</tool_call>', [HANG_UP]),
        ('<tool_call>{"name":" hang_up ","arguments":""}</tool_call>', [HANG_UP]),
        ('<tool_call>{"name":"t","arguments":{"a":{"b":[{}]}}}</tool_call>', [ToolCall("t", {"a": {"b": [{}]}})]),
        ('<tool_call>{"name":"t","arguments":"{\\"a\\":1}"}</tool_call>', [ToolCall("t", {"a": 1})]),
        (
            '<tool_call>{"name":"t","arguments":{"a":"</tool_call><tool_call>\\""}}</tool_call>.',
            [ToolCall("t", {"a": '</tool_call><tool_call>"'}), "."],
        ),
        (
            '<tool_call>{"name":"hang_up"}</tool_call><tool_call>{"name":"t"}</tool_call>',
            [HANG_UP, ToolCall("t", {})],
        ),
        ('<tool_call>{"name":"hang_up"}', [HANG_UP]),  # nothing is missing but the tag
        ("1 < 2 <tool", ["1 < 2 <tool"]),
        ("so </tool_call>it goes", ["so it goes"]),
        ("so </tool_cal", ["so </tool_cal"]),
        ("<tool_call></tool_call>x", [BadToolCall("", "not JSON: Expecting value: line 1 column 1 (char 0)"), "x"]),
    ],
)
def test_parts(text: str, wanted: list[Part]) -> None:
    assert merged(parse(text)) == wanted
    assert merged(parse(*text)) == wanted, "character by character"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ('{"name":"t","arguments":{', "not JSON"),
        ("{'name':'t'}", "not JSON"),
        ('{"name":"t"} {"name":"u"}', "not JSON: Extra data"),
        ('[{"name":"t"}]', "not a JSON object"),
        ("5", "not a JSON object"),
        ('{"arguments":{}}', "no name"),
        ('{"name":""}', "no name"),
        ('{"name":5}', "no name"),
        ('{"name":"t","arguments":[1]}', "arguments are not a JSON object"),
        ('{"name":"t","arguments":"[1]"}', "arguments are not a JSON object"),
        ('{"name":"t","arguments":{"a":NaN}}', "not JSON: NaN is not JSON"),
        ('{"name":"t","arguments":{"a":"\\ud800"}}', "not JSON"),
        ("[" * 4000, "nested too deeply"),
        ("9" * 4096, "not"),
    ],
)
def test_a_call_that_cannot_be_read(raw: str, reason: str) -> None:
    before, bad, after = parse(f"a{OPEN}{raw}{CLOSE}b")
    assert isinstance(bad, BadToolCall)
    assert (before, bad.raw, after) == ("a", raw, "b")
    assert bad.reason.startswith(reason)


def test_an_open_quote_does_not_swallow_what_follows() -> None:
    parts = parse('<tool_call>{"name":"t}</tool_call>Goodbye. ', '<tool_call>{"name":"hang_up"}</tool_call>')
    assert isinstance(parts[0], BadToolCall)
    assert merged(parts[1:]) == ["Goodbye. ", HANG_UP]


def test_an_unclosed_call_is_reported_at_the_end() -> None:
    parser = ToolCallParser()
    assert parser.feed('One moment. <tool_call>{"name":') == ["One moment. "]
    (bad,) = parser.end()
    assert isinstance(bad, BadToolCall)
    assert bad.raw == '{"name":'


@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_an_endless_call_is_reported_once_and_never_spoken(piece: int) -> None:
    text = OPEN + "x" * (MAX_CHARACTERS * 2) + CLOSE + "Hello."
    parts = merged(parse(*(text[at : at + piece] for at in range(0, len(text), piece))))
    assert len(parts) == 2
    assert isinstance(parts[0], BadToolCall)
    assert parts[1] == "Hello."
    assert len(parse(OPEN, "x" * MAX_CHARACTERS, "yy", "z" * 9)) == 1


def test_text_is_released_at_once() -> None:
    parser = ToolCallParser()
    assert parser.feed("Hello") == ["Hello"]
    assert parser.feed(", 1 <") == [", 1 "]
    assert parser.feed(" 2 <too") == ["< 2 "]
    assert parser.feed("l boxes") == ["<tool boxes"]
    assert parser.feed("!<tool_call>{") == ["!"]


def test_memory_is_bounded_while_it_waits() -> None:
    parser = ToolCallParser()
    parser.feed(OPEN)
    for _ in range(3 * MAX_CHARACTERS):
        parser.feed("x")
    assert len(parser._text) <= MAX_CHARACTERS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab<>/", max_size=3), inner, max_size=3),
    max_leaves=8,
)
calls = st.builds(
    ToolCall,
    st.text("abc_", min_size=1),
    st.dictionaries(st.text("ab", max_size=2) | st.just(CLOSE), json_values, max_size=3),
)
texts = st.text("abc <>/_{}\"'\n", max_size=20)


@given(st.lists(texts | calls, max_size=6), st.data())
def test_what_was_written_is_read_however_it_is_cut(parts: list[Part], data: st.DataObject) -> None:
    wanted = merged([part for part in parts if part])
    written = "".join(
        part if isinstance(part, str) else OPEN + json.dumps({"name": part.name, "arguments": part.arguments}) + CLOSE  # type: ignore[union-attr]
        for part in wanted
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(written)), max_size=12)))
    pieces = [written[start:end] for start, end in zip([0, *cuts], [*cuts, len(written)], strict=True)]
    assert merged(parse(*pieces)) == wanted


@given(st.lists(st.sampled_from([OPEN, CLOSE, '"', "{", "}", "\\", "x", "<", "tool_call>", '{"name":"t"}', "</"])))
def test_any_broken_text_gives_the_same_whole_or_in_characters(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert merged(parse(text)) == merged(parse(*text)) == merged(parse(*pieces))
    assert not any(OPEN in part or CLOSE in part for part in parse(text) if isinstance(part, str))
