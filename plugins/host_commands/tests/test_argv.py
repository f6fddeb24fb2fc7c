from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openclaw_host_commands.argv import format_argv, join_arguments, matches_raw, plain_words, shell_payload

ARGV = st.lists(st.text(max_size=8), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["echo", "hi"], "echo hi"),
        (["echo", ""], 'echo ""'),
        (["echo", "it's", "$x", "a*", "a\\b"], "echo it's $x a* a\\b"),
        (["echo", 'a"b', "a b", "a\tb"], 'echo "a\\"b" "a b" "a\tb"'),
        (["bash", "-lc", "ls -l"], 'bash -lc "ls -l"'),
    ],
)
def test_format_is_the_one_real_gateways_use(argv: list[str], text: str) -> None:
    assert format_argv(argv) == text


@given(ARGV, ARGV)
def test_joined_arguments_are_never_ambiguous(left: list[str], right: list[str]) -> None:
    assert (join_arguments(left) == join_arguments(right)) is (left == right)


@given(ARGV)
def test_a_command_matches_its_own_text(argv: list[str]) -> None:
    assert matches_raw(argv, format_argv(argv))


def test_a_shell_line_matches_its_script() -> None:
    assert matches_raw(["/bin/sh", "-c", "echo hi"], "echo hi")
    assert not matches_raw(["echo", "hi"], "echo  hi")
    assert not matches_raw(["notashell", "-c", "echo hi"], "echo hi")
    assert shell_payload(["bash", "-lc", "ls"]) == "ls"
    assert shell_payload(["bash", "-c", "ls", "x"]) is None


@given(st.text(max_size=20))
def test_plain_words_hold_nothing_a_shell_would_change(script: str) -> None:
    words = plain_words(script)
    if words is not None:
        assert shlex.split(script) == words
        assert not set(script) & set("\"'\\$`;&|<>(){}[]*?~!#\n\r\t")
        assert "=" not in words[0]
