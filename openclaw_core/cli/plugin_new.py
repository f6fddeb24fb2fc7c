"""`openclaw plugins new NAME`: a capability package that works, with its test."""

from __future__ import annotations

import re
from pathlib import Path

from openclaw_core.errors import ConfigError

__all__ = ["write_package"]

_PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "openclaw-{dashed}"
version = "0.1.0"
description = "OpenClaw capability family: {title}."
requires-python = ">=3.11"
dependencies = ["openclaw-core>=0.1", "pydantic>=2.14"]

[project.optional-dependencies]
node = []  # what only a node needs; import it inside the commands
dev = ["pytest>=9"]

[project.entry-points."openclaw.capabilities"]
{name} = "openclaw_{name}"

[tool.hatch.build.targets.wheel]
packages = ["openclaw_{name}"]

[tool.pytest.ini_options]
pythonpath = ["."]
"""

_MODULE = '''\
"""{title}: one command to start from."""

from pydantic import BaseModel, Field

from openclaw_core import Example, Family, NodeContext, command, hookimpl
from openclaw_core.commands import ALL_PLATFORMS
from openclaw_core.hookspecs import NodeCommands


class GreetArgs(BaseModel):
    name: str = Field(min_length=1, max_length=64)


class GreetResult(BaseModel):
    text: str


@command(
    "{name}.greet",
    platforms=ALL_PLATFORMS,
    read_only=True,
    idempotent=True,
    examples=(Example({{"name": "Ada"}}, {{"text": "Hello Ada, this is desk"}}),),
)
async def greet(args: GreetArgs, node: NodeContext) -> GreetResult:
    """Greet somebody from this node."""
    return GreetResult(text=f"Hello {{args.name}}, this is {{node.display_name}}")


FAMILY = Family("{name}", "{title}", (greet,), caps=("{name}",))


@hookimpl
def openclaw_family() -> Family:
    return FAMILY


@hookimpl
def openclaw_cli(nodes: NodeCommands) -> None:
    from openclaw_{name}.cli import add_commands

    add_commands(nodes)
'''

_CLI = '''\
"""`openclaw nodes {dashed} …`: what people type. Remove this and its hook when agents are enough."""

from typing import Annotated

import typer

from openclaw_core.hookspecs import NodeCall, NodeCommands


def add_commands(nodes: NodeCommands) -> None:
    """Add the group; `--node`, `--json` and the like come by themselves."""
    nodes.group("{dashed}", "{title}.").add("greet", greet)


async def greet(
    call: NodeCall, name: Annotated[str, typer.Option("--name", help="Whom to greet.")] = "you"
) -> None:
    """Greet somebody from a node."""
    answer = await call.invoke("{name}.greet", {{"name": name}})
    call.show(answer, answer["text"])
'''

_TEST = '''\
"""The family on a real gateway and a real node host, both in this process."""

import asyncio

from openclaw_{name} import FAMILY

from openclaw_core.testing import FakeNode


def test_a_node_greets(openclaw_gateway):
    async def scenario():
        async with openclaw_gateway(FAMILY) as gateway, FakeNode(gateway, FAMILY, name="desk") as node:
            greeted = await node.invoke("{name}.greet", {{"name": "Ada"}})
            assert greeted["text"] == "Hello Ada, this is desk"
            refused = await node.attempt("{name}.greet", {{"name": ""}})
            assert refused["error"]["code"] == "INVALID_REQUEST"

    asyncio.run(scenario())
'''

_README = """\
# openclaw-{dashed}

{title}, as a capability family of openclaw-core.

    pip install openclaw-{dashed}          # where the gateway runs
    pip install "openclaw-{dashed}[node]"  # where a node runs
    openclaw plugins reload                # a running gateway serves it from now on
    openclaw nodes {dashed} greet --node NODE --name Ada

While you write it: `pip install --editable ".[dev]"`, `pytest`, `openclaw plugins check .`
"""


def write_package(name: str, directory: Path | None = None) -> Path:
    """Write the package `openclaw-NAME`; its directory.

    Args:
        name: the family's name: lower case letters, digits and underscores.
        directory: where the package's own directory is made; the current one by default.

    Raises:
        ConfigError: the name is not usable, or the directory is there already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name == "core":  # openclaw_core is this very package
        raise ConfigError(f"{name!r} is no name for a family: use lower case, digits and _, e.g. door_bell")
    dashed = name.replace("_", "-")
    root = (directory or Path()) / f"openclaw-{dashed}"
    facts = {"name": name, "dashed": dashed, "title": name.replace("_", " ").capitalize()}
    files = {
        "pyproject.toml": _PYPROJECT,
        "README.md": _README,
        f"openclaw_{name}/__init__.py": _MODULE,
        f"openclaw_{name}/cli.py": _CLI,
        f"openclaw_{name}/py.typed": "",
        f"tests/test_{name}.py": _TEST,
    }
    try:
        root.mkdir(parents=True)
    except FileExistsError:
        raise ConfigError(f"{root} is there already; choose another name, or remove it") from None
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text.format_map(facts))
    return root
