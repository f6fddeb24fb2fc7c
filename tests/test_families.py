"""Every family of this repository keeps what families must keep; one that is added is checked by itself."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from openclaw_core.cli.plugin_check import WITHOUT_EXTRAS, heavy_modules
from openclaw_core.discovery import discover
from openclaw_core.plugins import Plugins
from openclaw_core.testing.conformance import check_package, load_family

PLUGINS = Path(__file__).parents[1] / "plugins"
PROJECTS = {
    path.parent.name: tomllib.loads(path.read_text("utf-8"))["project"]
    for path in sorted(PLUGINS.glob("*/pyproject.toml"))
}
ENTRY_POINTS = {
    name: tuple(project["entry-points"]["openclaw.capabilities"].values())
    for name, project in PROJECTS.items()
}
IMPORT_ALL = (
    WITHOUT_EXTRAS
    + """
from openclaw_core.cli.subcommand_check import check_subcommands
from openclaw_core.testing.conformance import load_plugin
for item in json.loads(sys.argv[1]):
    subcommands, found = check_subcommands(load_plugin(item))
    print(len(subcommands), found)
"""
)


@pytest.mark.parametrize("package", PROJECTS)
def test_it_conforms(package: str) -> None:
    (entry_point,) = ENTRY_POINTS[package]
    family, place = load_family(entry_point)
    assert family.name == package
    assert check_package(family, place) == []


def test_they_get_along_with_each_other() -> None:
    own = {project["name"] for project in PROJECTS.values()}
    plugins = Plugins(item for item in discover() if item.distribution in own)
    assert plugins.failed == ()
    assert {family.name for family in plugins.families} == PROJECTS.keys()


def test_all_of_them_and_their_sub_commands_do_without_any_extra() -> None:
    heavy = sorted(set().union(*(heavy_modules(project) for project in PROJECTS.values())))
    entries = [item for group in ENTRY_POINTS.values() for item in group]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, json.dumps(entries), json.dumps(heavy)],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert [found for _, found in said] == ["[]"] * len(entries)
    assert all(int(count) >= 1 for count, _ in said)
