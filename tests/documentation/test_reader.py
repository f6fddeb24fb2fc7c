"""The reader notices what is wrong on a page; else none of its tests could fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from openclaw_core.errors import ConfigError
from tests.documentation.blocks import Block
from tests.documentation.reader import Reader


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with ExitStack() as stack:
        yield Reader(tmp_path, stack)


def block(kind: str, text: str) -> Block:
    return Block("a-page.md", 1, kind, None, text, None)


def test_what_is_true_passes_and_the_shell_goes_on(reader: Reader) -> None:
    reader.do(block("console", "$ mkdir there && cd there\n$ export NAME=Ada\n"))
    reader.do(block("console", "$ basename $PWD; echo $NAME\nthere\nAda\n"))
    reader.do(block("console", "$ echo error: no; false\nerror: …\n"))
    reader.do(block("json5", "{gateway: {port: 18789}}"))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("console", "$ echo one\ntwo\n"),
        ("console", "$ echo one\n"),
        ("console", "$ echo one; false\none\n"),
        ("console", "$ echo 'error: one'\nerror: one\n"),
        ("json5", "{plugins: {entries: {no_such_family: {config: {}}}}}"),
    ],
)
def test_what_is_not_true_fails(reader: Reader, kind: str, text: str) -> None:
    with pytest.raises(AssertionError):
        reader.do(block(kind, text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{gateway: {prot: 1}}", "did you mean 'port'"),
        ("{gateway: {port: 'x'}}", "gateway.port"),
        ("{plugins: {entries: {location: {config: {enabled: 'perhaps'}}}}}", "plugins.entries.location"),
    ],
)
def test_settings_that_would_be_refused_fail(reader: Reader, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        reader.do(block("json5", text))


def test_a_sequence_that_cannot_be_drawn_fails(reader: Reader) -> None:
    with pytest.raises(ValueError, match="not a line of a sequence"):
        reader.do(block("sequence", "Node says hello"))
