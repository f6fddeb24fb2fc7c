"""docs/plugin-tutorial.md, from its first line to the wheel: every file is written, every command is run."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.environments import Environment
from tests.interop.process import Program, await_value

PAGE = Path(__file__).parents[1] / "docs" / "plugin-tutorial.md"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: `sh` is run, `python` written to the file its title names, `text` expected."""

    kind: str
    title: str | None
    text: str


def blocks() -> Iterator[Block]:
    for kind, title, text in BLOCK.findall(PAGE.read_text("utf-8")):
        yield Block(kind, title or None, text)


class Reader:
    """A person who does what the page says, in one shell and a second terminal."""

    def __init__(self, own: Environment, place: Path, stack: ExitStack) -> None:
        self.own = own
        self.place = place
        self.directory = place
        self.said = ""
        self._stack = stack

    def do(self, block: Block) -> None:
        if block.kind == "text":
            missing = [line for line in block.text.splitlines() if line not in self.said]
            assert missing == [], self.said
        elif block.kind == "python":
            assert block.title is not None
            (self.directory / block.title).write_text(block.text)
        elif block.title is not None:
            self._second_terminal(block.text.split())
        else:
            self._run(block.text)

    def _run(self, commands: str) -> None:
        if "REQUEST_ID" in commands:
            commands = commands.replace("REQUEST_ID", self._request_id())
        script = f"set -e\n{commands}\nprintf '\\n%s' \"$PWD\""
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.directory, env=self.own.variables,
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (commands, done.stdout, done.stderr)
        self.said, _, directory = done.stdout.rpartition("\n")
        self.directory = Path(directory)

    def _second_terminal(self, argv: list[str]) -> None:
        program = str(self.own.python.parent / argv[0])
        up = self._stack.enter_context(
            Program([program, *argv[1:]], self.own.variables, self.place / "terminal.log")
        )
        await_value(lambda: "Next, in another terminal" in up.output(), "it is up", evidence=up.tail)

    def _request_id(self) -> str:
        rows = await_value(
            lambda: json.loads(self.own.run("openclaw", "nodes", "pending", "--json")), "the node asks"
        )
        return str(rows[0]["requestId"])


def test_the_page_has_what_it_promises() -> None:
    kinds = [block.kind for block in blocks()]
    assert kinds.count("sh") >= 7
    assert kinds.count("python") == 3


@pytest.mark.timeout(300)
def test_everything_on_the_page_is_true(tmp_path: Path) -> None:
    with ExitStack() as stack:
        reader = Reader(Environment(tmp_path), tmp_path, stack)
        for block in blocks():
            reader.do(block)
