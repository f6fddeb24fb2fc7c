"""The pages of capability families, from their declarations and package files."""

from __future__ import annotations

import inspect
import json
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from docs.generators.schema import fields_table
from docs.generators.table import table
from openclaw_core.cli.family_commands import build_commands
from openclaw_core.commands import ALL_PLATFORMS, DESKTOP_PLATFORMS, Command, Family
from openclaw_core.discovery import discover
from openclaw_core.plugins import Plugins

__all__ = ["overview", "own_families", "reference"]

PLUGINS = Path(__file__).parents[2] / "plugins"


@cache
def own_plugins() -> Plugins:
    """The families of this repository, loaded."""
    own = {package["name"] for package in map(_package, PLUGINS.glob("*/pyproject.toml"))}
    return Plugins(item for item in discover() if item.distribution in own)


def own_families() -> dict[str, Family]:
    """The families of this repository, by name."""
    return {family.name: family for family in own_plugins().families}


def _package(path: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))["project"]
    return project


def overview(_: str) -> str:
    """One line for each family."""
    rows = [
        (
            f"[{family.title}]({family.name}.md)",
            f"`{_package(PLUGINS / family.name / 'pyproject.toml')['name']}`",
            _names(family),
        )
        for family in own_families().values()
    ]
    return table(("family", "package", "commands"), rows)


def _names(family: Family) -> str:
    shown = [f"`{item.name}`" for item in family.commands[:6]]
    return ", ".join(shown) + (f" and {len(family.commands) - 6} more" if len(family.commands) > 6 else "")


def reference(name: str) -> str:
    """The generated part of one family's page."""
    family = own_families()[name]
    parts = ["## Commands", _commands(family), "## Parameters and results"]
    parts += [_details(item) for item in family.commands]
    if subcommands := _subcommands(name):
        lead = "With the flags of [commands that ask a gateway](../cli.md); one about a node takes `--node`."
        parts += ["## On the command line", lead, table(("sub-command", "what it does"), subcommands)]
    if family.events:
        parts += ["## Events", table(("event", "seen by"), _events(family))]
    if family.config is not None:
        parts += [
            "## Settings",
            f"Below `plugins.entries.{name}.config` of `openclaw.json`:",
            fields_table(family.config, "key"),
        ]
    parts += ["## Packages", _packages(name)]
    return "\n\n".join(parts) + "\n"


def _subcommands(name: str) -> list[tuple[str, str]]:
    plugins = own_plugins()
    family = own_families()[name]
    if family not in plugins.implementers("openclaw_cli"):
        return []
    bodies = build_commands(plugins, family, ()).bodies
    return [
        (f"`openclaw {words}`", (inspect.getdoc(body) or "").splitlines()[0])
        for words, body in bodies.items()
    ]


def _commands(family: Family) -> str:
    rows = [(f"[`{item.name}`](#{_anchor(item)})", item.title, _platforms(item), _care(item), _runs(item))
            for item in family.commands]  # fmt: skip
    return table(("command", "what it does", "allowed on", "care", "headless node"), rows)


def _anchor(item: Command) -> str:
    """As the site makes it from the command's heading."""
    return item.name.lower().replace(".", "")


def _platforms(item: Command) -> str:
    if item.platforms == ALL_PLATFORMS:
        return "everything"
    if item.platforms == DESKTOP_PLATFORMS:
        return "desktops"
    return ", ".join(sorted(item.platforms)) or "nothing, unless allowed by name"


def _care(item: Command) -> str:
    """What an operator has to know before it is allowed or invoked."""
    facts = (
        (item.dangerous, "dangerous: name it in `gateway.nodes.commands.allow`"),
        (item.admin_approval, "an administrator approves it"),
        (item.admin_invoke, "only administrators invoke it"),
        (item.foreground, "the app must be in the foreground"),
        (item.destructive, "may destroy"),
        (item.queueable, "may wait for the node"),
        (bool(item.permission), f"system permission {item.permission}"),
        (bool(item.private), "not by `nodes invoke`: a method of the family does it"),
    )
    return "; ".join(text for holds, text in facts if holds)


def _runs(item: Command) -> str:
    return "yes" if item.handler is not None else "apps only"


def _details(item: Command) -> str:
    text = item.description if item.description.strip() != item.title else f"{item.title}."
    parts = [f"### {item.name}", text, f"Time: {item.timeout_ms} ms when the caller names none."]
    parts += list(_models(item))
    parts += [_example(example.says, example.params, example.result) for example in item.examples]
    return "\n\n".join(part for part in parts if part)


def _models(item: Command) -> Iterator[str]:
    yield fields_table(item.params, "param") or "It takes no params."
    yield fields_table(item.result, "result") or "It answers nothing more."


def _example(says: str, params: Any, result: Any) -> str:
    given = json.dumps(params, ensure_ascii=False)
    answer = "" if result is None else f"\n{json.dumps(result, ensure_ascii=False)}"
    return f"{says.rstrip('.').capitalize() or 'For example'}:\n\n```json\n{given}{answer}\n```"


def _events(family: Family) -> Iterator[tuple[str, str]]:
    yield from ((f"`{name}`", f"operators with `{scope}`") for name, scope in family.events.items())
    yield from ((f"`{name}`", "nodes") for name in family.pushes if name not in family.events)


def _packages(name: str) -> str:
    project = _package(PLUGINS / name / "pyproject.toml")
    extras = project.get("optional-dependencies", {})
    rows = [
        (f"`pip install {project['name']}`", "the gateway's half", _list(project.get("dependencies", ())))
    ]
    rows += [
        (f"`pip install '{project['name']}[{extra}]'`", f"a node, extra `{extra}`", _list(needs))
        for extra, needs in extras.items()
    ]
    return table(("what to install", "for", "brings"), rows)


def _list(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)
