"""`openclaw plugins check`: the conformance kit over a package, in processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any

from openclaw_core.cli.output import Column, Table, print_json, print_line, print_table
from openclaw_core.cli.waiting import Waiting
from openclaw_core.errors import ConfigError

__all__ = ["WITHOUT_EXTRAS", "check_path", "heavy_modules"]

GROUP = "openclaw.capabilities"
_COLUMNS = (Column("Check", no_wrap=True), Column("Where"), Column("Problem"), Column("Do"))

WITHOUT_EXTRAS = """
import json, sys, time
blocked = set(json.loads(sys.argv[2]))
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r} (it belongs to the extra [node])", name=name)
sys.meta_path.insert(0, Block())
"""
"""The beginning of a program that cannot import the modules its second argument lists."""

# Runs in a process of its own: the package may be another version of one that is loaded here.
_CHECK = (
    WITHOUT_EXTRAS
    + """
from openclaw_core.errors import PluginError
from openclaw_core.cli.subcommand_check import check_subcommands
from openclaw_core.testing.conformance import check_package, load_family, load_plugin
try:
    begun = time.perf_counter()
    family, place = load_family(sys.argv[1])
    took_ms = (time.perf_counter() - begun) * 1000
except PluginError as error:
    print(json.dumps({"findings": [["load", sys.argv[1], str(error), error.cure]]}))
    raise SystemExit
subcommands, found = check_subcommands(load_plugin(sys.argv[1]))
found += check_package(family, place)
rows = [[item.check, item.where, item.problem, item.cure] for item in found]
commands = sorted(item.name for item in family.commands)
told = {
    "family": family.name, "commands": commands, "subcommands": subcommands, "importMs": round(took_ms, 1)
}
print(json.dumps({**told, "findings": rows}))
"""
)


def check_path(path: Path, *, as_json: bool) -> int:
    """Check the package in a directory; the exit code.

    Raises:
        ConfigError: there is no package with a capability there.
    """
    project = _project(path)
    with Waiting(f"checking {project['name']}", quiet=as_json):
        report = _run(path, project)
    if as_json:
        print_json(report)
    elif report["findings"]:
        print_table(Table(_COLUMNS, tuple(tuple(map(str, row)) for row in report["findings"])))
    else:
        counted = [_count("command", report["commands"])]
        if report["subcommands"]:
            counted.append(_count("sub-command", report["subcommands"]))
        print_line(
            f"{project['name']}: family {report['family']} conforms; {', '.join(counted)}, "
            f"loaded in {report['importMs']} ms without its node extra"
        )
    return 1 if report["findings"] else 0


def _count(noun: str, names: list[str]) -> str:
    return f"{len(names)} {noun}{'s' * (len(names) != 1)} ({', '.join(names)})"


def _project(path: Path) -> dict[str, Any]:
    file = path / "pyproject.toml"
    try:
        project: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))["project"]
    except FileNotFoundError:
        raise ConfigError(
            f"{path} holds no pyproject.toml; name the directory of a capability package, or make one: "
            "openclaw plugins new NAME"
        ) from None
    except (KeyError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file} is not usable: {error}; it needs a [project] table") from None
    if not project.get("entry-points", {}).get(GROUP):
        raise ConfigError(
            f'{file} names no capability: add [project.entry-points."{GROUP}"] with NAME = "module"'
        )
    return project


def _run(path: Path, project: dict[str, Any]) -> dict[str, Any]:
    findings: list[Any] = []
    report: dict[str, Any] = {}
    roots = [str(folder) for folder in (path / "src", path) if folder.is_dir()]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*roots, os.environ.get("PYTHONPATH", "")])}
    for entry_point in project["entry-points"][GROUP].values():
        argv = [sys.executable, "-c", _CHECK, entry_point, json.dumps(sorted(heavy_modules(project)))]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, cwd=path)  # noqa: S603
        if done.returncode != 0:
            raise ConfigError(f"the check of {entry_point} ended early:\n{done.stderr.strip()[-2000:]}")
        report = json.loads(done.stdout.splitlines()[-1])
        findings += report["findings"]
    return {**report, "findings": findings}


def heavy_modules(project: dict[str, Any]) -> set[str]:
    """Top-level modules of the distributions that only the extras bring, as installed here."""
    extras = project.get("optional-dependencies", {})
    heavy = {_name(item) for group in extras.values() for item in group}
    heavy -= {_name(item) for item in project.get("dependencies", ())}
    heavy -= {_name(item) for item in requires("openclaw-core") or () if "extra ==" not in item}
    return {
        module
        for module, owners in packages_distributions().items()
        if {_normal(owner) for owner in owners} <= heavy
    }


def _name(requirement: str) -> str:
    for position, char in enumerate(requirement):
        if not (char.isalnum() or char in "-_."):
            return _normal(requirement[:position])
    return _normal(requirement)


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
