"""Names of tools: valid for every client, unique, and never another device's."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.services.tool_names import distinct_name, node_part, tool_name

STRICTEST = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
DESK = "6f5a22" + "0" * 58

names = st.text(max_size=40)
ids = st.text("0123456789abcdef", min_size=64, max_size=64) | st.text(min_size=1, max_size=20)
commands = st.from_regex(r"[a-z]{1,8}(\.[A-Za-z0-9_]{1,30}){1,3}", fullmatch=True) | st.text(min_size=1)


@pytest.mark.parametrize(
    ("label", "command", "expected"),
    [
        ("Desk", "system.which", "desk_6f5a22__system-which"),
        ("Ann's  iPhone 15", "demo.a_b", "ann_s_iphone_15_6f5a22__demo-a_b"),
        ("", "demo.x", "node_6f5a22__demo-x"),
        ("会議室", "demo.x", "node_6f5a22__demo-x"),
    ],
)
def test_examples(label, command, expected):
    assert tool_name(label, DESK, command) == expected


@given(names, ids, commands)
def test_every_name_is_valid_and_begins_with_its_node(label, node_id, command):
    for make in (tool_name, distinct_name):
        name = make(label, node_id, command)
        assert STRICTEST.match(name)
        assert name.startswith(f"{node_part(label, node_id)}__")
        assert "__" not in node_part(label, node_id)


@given(st.lists(commands, min_size=2, max_size=6, unique=True))
def test_two_commands_of_a_node_have_two_names(several):
    assert len({tool_name("Desk", DESK, command) for command in several}) == len(several)


@given(names, st.text("0123456789abcdef", min_size=64, max_size=64))
def test_another_device_of_the_same_name_has_other_tools(label, other):
    if other[:6] != DESK[:6]:
        assert tool_name(label, other, "demo.x") != tool_name(label, DESK, "demo.x")
    elif other != DESK:
        assert distinct_name(label, other, "demo.x") != distinct_name(label, DESK, "demo.x")
