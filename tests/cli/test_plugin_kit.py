"""The kit for authors, as they use it: `plugins new` writes a package, `plugins check` judges one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import BaseModel

from openclaw_core.cli.plugin_new import write_package
from openclaw_core.cli.subcommand_check import check_subcommands
from openclaw_core.commands import Command, Family
from openclaw_core.errors import PluginError
from openclaw_core.testing import plugins_of
from openclaw_core.testing.conformance import check_package, load_family, load_plugin
from tests.packages import environment, openclaw


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kit")


def make(
    place: Path,
    name: str,
    *changes: tuple[str, str],
    project: tuple[str, str] = ("", ""),
    cli: tuple[str, str] = ("", ""),
) -> Path:
    """A fresh package with some texts of its module, and one of two other files, replaced."""
    package = write_package(name, place)
    for file, pairs in (
        (package / f"openclaw_{name}" / "__init__.py", changes),
        (package / "pyproject.toml", [project]),
        (package / f"openclaw_{name}" / "cli.py", [cli]),
    ):
        text = file.read_text()
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new, 1) if old else text
        file.write_text(text)
    return package


@pytest.mark.timeout(150)
def test_what_new_writes_passes_its_own_test_and_the_check(place: Path) -> None:
    env = environment(place, place)
    made = openclaw(env, "plugins", "new", "door_bell", "--directory", str(place))
    assert made.returncode == 0, made.stderr
    package = place / "openclaw-door-bell"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(package)],
        env={**env, "PYTHONPATH": str(package)},
        cwd=package,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout
    said = openclaw(env, "plugins", "check", str(package))
    assert said.returncode == 0, said.stdout
    said_so = "1 command (door_bell.greet), 1 sub-command (nodes door-bell greet)"
    assert f"openclaw-door-bell: family door_bell conforms; {said_so}" in said.stdout
    again = openclaw(env, "plugins", "new", "door_bell", "--directory", str(place))
    assert again.returncode == 1
    assert "is there already" in again.stderr


CASES = {
    "examples": ('Example({"name": "Ada"}', 'Example({"name": ""}', "must not have fewer than 1"),
    "imports": ("from pydantic import", "import openclaw_core.services\nfrom pydantic import", "not public"),
    "failures": (
        "return GreetResult",
        'raise RuntimeError("no")\n    return GreetResult',
        "bare RuntimeError",
    ),
    "texts": ('"""Greet somebody from this node."""', "pass", "no description"),
    "names": ('"names.greet"', '"greet"', "family.verb"),
    "hints": ("read_only=True", "read_only=True, destructive=True", "both"),
    "schemas": ("name: str", "seen: Callable[[], str] = str\n    name: str", "no JSON Schema"),
}


@pytest.mark.parametrize("check", CASES)
def test_what_does_not_conform_is_named(place: Path, check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new, words = CASES[check]
    package = make(place, check, (old, new), ("from pydantic", "from typing import Callable\nfrom pydantic"))
    monkeypatch.syspath_prepend(package)
    family, source = load_family(f"openclaw_{check}")
    findings = check_package(family, source)
    assert any(item.check == check and words in item.problem and item.cure for item in findings), findings


def test_a_package_that_does_not_load_is_told_why(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = make(place, "gone", ("from pydantic import", "import nothing_here\nfrom pydantic import"))
    monkeypatch.syspath_prepend(package)
    with pytest.raises(PluginError, match="No module named 'nothing_here'"):
        load_family("openclaw_gone")


def test_another_family_with_such_a_command_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = make(place, "second", ('"second.greet"', '"first.greet"'))
    monkeypatch.syspath_prepend(package)
    first = Family("first", "First", (Command("first.greet", BaseModel, BaseModel),))
    with pytest.raises(PluginError, match=r"family 'first' owns first\.greet too"):
        load_family("openclaw_second", plugins_of(first))


def test_the_gateway_side_must_do_without_the_extra(place: Path) -> None:
    package = make(
        place, "heavy", ("from pydantic import", "import psutil\nfrom pydantic import"),
        project=("node = []", 'node = ["psutil>=7"]'),
    )  # fmt: skip
    done = openclaw(environment(place, place), "plugins", "check", str(package), "--json")
    assert done.returncode == 1
    ((check, _, problem, _),) = json.loads(done.stdout)["findings"]
    assert check == "load"
    assert "psutil" in problem
    assert "extra [node]" in problem


_GREET = '"""Greet somebody from a node."""'
_ADD = '.add("greet", greet)'
WRONG_CLI = {
    "private": (("answer = await call.invoke", "answer = await call._x.invoke"), "call._x, which is not"),
    "helpless": ((_GREET, ""), "no docstring"),
    "taken": (('"taken", "Taken."', '"status", "Taken."'), "status is there already"),
    "twice": ((_ADD, f'{_ADD}\n    nodes.group("twice", "Again.")'), "it adds 'nodes twice' twice"),
    "option": (('name: Annotated[str, typer.Option("--name",', 'url: Annotated[str, typer.Option("--name",'),
               "duplicate parameter name: 'url'"),
    "plain": (("async def greet(", "def plain(call):\n    pass\n\n\nasync def greet("), None),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_CLI)
def test_sub_commands_keep_what_the_command_line_needs(
    place: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, words = WRONG_CLI[case]
    package = make(place, case, cli=change)
    monkeypatch.syspath_prepend(package)
    plugins = load_plugin(f"openclaw_{case}")
    if words is None:
        monkeypatch.setattr(f"openclaw_{case}.cli.greet", import_module(f"openclaw_{case}.cli").plain)
        words = "no coroutine function"
    _, (finding,) = check_subcommands(plugins)
    assert words in finding.problem
    assert finding.cure


@pytest.mark.parametrize(
    ("case", "change"),
    [
        ("heavy_body", (_GREET, f"{_GREET}\n    import psutil")),
        ("heavy_file", ("import typer", "import psutil\nimport typer")),
    ],
)
def test_the_command_line_must_do_without_the_extra(place: Path, case: str, change: tuple[str, str]) -> None:
    package = make(place, case, project=("node = []", 'node = ["psutil>=7"]'), cli=change)
    done = openclaw(environment(place, place), "plugins", "check", str(package), "--json")
    assert done.returncode == 1, done.stdout
    ((check, _, problem, _),) = json.loads(done.stdout)["findings"]
    assert check == "cli"
    assert "No module named 'psutil' (it belongs to the extra [node])" in problem


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("new", "Door-Bell"), "is no name for a family"),
        (("new", "core"), "is no name for a family"),
        (("check", "."), "holds no pyproject.toml"),
    ],
)
def test_mistakes_say_what_to_do(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "openclaw_core", "plugins", *arguments],
        env={**os.environ, "HOME": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert words in done.stderr
