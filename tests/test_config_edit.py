"""openclaw.json edited as text: what was written there by hand stays."""

from __future__ import annotations

import json

import json5
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openclaw_core.config_edit import set_keys
from openclaw_core.errors import ConfigError

BY_HAND = """\
// Ours.
{
  tools: { exec: { host: 'node' } }, // of another program
  gateway: {
    port: 18790, /* not the default:
      that one is taken { */
    auth: {mode: "token"} // "quotes" in a comment
  },
}
"""


def test_comments_order_and_layout_stay() -> None:
    edited = set_keys(
        BY_HAND,
        {"gateway.bind": "lan", "gateway.port": 1, "gateway.auth.token": "t", "gateway.tls.enabled": True},
    )
    assert (
        edited
        == """\
// Ours.
{
  tools: { exec: { host: 'node' } }, // of another program
  gateway: {
    port: 1, /* not the default:
      that one is taken { */
    auth: {mode: "token", token: "t"}, // "quotes" in a comment
    bind: "lan",
    tls: {
      "enabled": true
    }
  },
}
"""
    )


@pytest.mark.parametrize("text", ["", "{}", "{ }\n", "// only this\n{}", "{\n  // nothing yet\n}\n"])
def test_from_nothing(text: str) -> None:
    edited = set_keys(text, {"gateway.bind": "loopback"})
    assert json5.loads(edited) == {"gateway": {"bind": "loopback"}}
    assert [line for line in text.splitlines() if line.strip().startswith("//")] == [
        line for line in edited.splitlines() if line.strip().startswith("//")
    ]


@pytest.mark.parametrize("text", ["[1]", "3", "{gateway: {a: 1}"])
def test_what_is_no_object_is_left_alone(text: str) -> None:
    with pytest.raises((ConfigError, ValueError)):
        set_keys(text, {"gateway.bind": "lan"})


NAMES = st.sampled_from(["gateway", "auth", "a", "b-c", "ü", 'q"'])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
COMMENTS = st.sampled_from(["", " ", "\n", " /* }, */ ", " // x: {\n", "\n\n  "])


@st.composite
def json5_texts(draw: st.DrawFn) -> str:
    """Any document, with comments and line breaks between its tokens and trailing commas here and there."""
    document = draw(st.dictionaries(NAMES, VALUES, max_size=4))
    words: list[str] = []

    def write(value: object) -> None:
        if isinstance(value, dict | list) and value:
            opening, closing = "{}" if isinstance(value, dict) else "[]"
            words.append(opening)
            for index, item in enumerate(value):
                words.append("," if index else "")
                if isinstance(value, dict):
                    words.extend((item if item in ("gateway", "a") else json.dumps(item), ":"))
                write(value[item] if isinstance(value, dict) else item)
            words.extend((draw(st.sampled_from(["", ","])), closing))
        else:
            words.append(json.dumps(value))

    write(document)
    return "".join(draw(COMMENTS) + word for word in words) + draw(COMMENTS)


@settings(max_examples=30, deadline=None)
@given(json5_texts(), st.lists(NAMES, min_size=1, max_size=3), VALUES)
def test_only_the_named_value_changes(text: str, path: list[str], value: object) -> None:
    wanted = json5.loads(text)
    place = wanted
    for name in path[:-1]:
        place[name] = place[name] if isinstance(place.get(name), dict) else {}
        place = place[name]
    place[path[-1]] = value
    assert json5.loads(set_keys(text, {".".join(path): value})) == wanted
