"""The conformance kit: what every capability package must keep; `openclaw plugins check` runs it.

Each check yields findings; one without problems yields nothing. The package is installed, or
its directory is on the path.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from openclaw_core.commands import Command, Family
from openclaw_core.discovery import Candidate
from openclaw_core.errors import PluginError
from openclaw_core.plugins import Plugins
from openclaw_core.protocol.arguments import explain_arguments
from openclaw_core.testing.sources import check_sources

__all__ = ["Finding", "check_family", "check_package", "load_family", "load_plugin"]

_NAME = re.compile(r"[a-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)+")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not conform: which check, where, what to do."""

    check: str
    where: str
    problem: str
    cure: str


def load_family(entry_point: str, others: Plugins | None = None) -> tuple[Family, Path]:
    """The family behind `module:attribute`, loaded as a gateway does, and its package's folder.

    Args:
        others: families it must get along with: command, method and family names are unique.

    Raises:
        PluginError: it does not load; the text says why.
    """
    (family,) = load_plugin(entry_point).families
    for other in others.families if others is not None else ():
        clash = {item.name for item in family.commands} & {item.name for item in other.commands}
        if other.name != family.name and clash:
            raise PluginError(
                f"family {other.name!r} owns {', '.join(sorted(clash))} too", "choose other command names"
            )
    root = importlib.import_module(entry_point.partition(":")[0].partition(".")[0])
    place = inspect.getsourcefile(root)
    assert place is not None
    file = Path(place)
    return family, file.parent if file.name == "__init__.py" else file


def load_plugin(entry_point: str) -> Plugins:
    """The one plugin behind `module:attribute`, loaded as a gateway does.

    Raises:
        PluginError: it does not load; the text says why.
    """
    module_name, _, attribute = entry_point.partition(":")
    try:
        module = importlib.import_module(module_name)
        plugin: Any = module
        for part in filter(None, attribute.split(".")):
            plugin = getattr(plugin, part)
    except Exception as error:
        raise PluginError(
            f"{entry_point} cannot be imported: {type(error).__name__}: {error}",
            "correct the module, or its name under [project.entry-points] in pyproject.toml",
        ) from error
    plugins = Plugins([Candidate("checked", "checked", "0", plugin)])
    if plugins.failed:
        raise PluginError(plugins.failed[0].reason, plugins.failed[0].cure)
    return plugins


def check_package(family: Family, place: Path) -> list[Finding]:
    """Everything that can be said of a package without running its commands.

    Args:
        place: the package's folder, or its one module.
    """
    found = list(check_family(family))
    found += [Finding(*item) for item in check_sources(place)]
    return found


def check_family(family: Family) -> Iterator[Finding]:
    """The declaration: names, texts, schemas, examples, scopes of events."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", family.name):
        yield Finding(
            "names", family.name, "a family's name is lower case, e.g. lamp", "rename it in Family(...)"
        )
    for item in family.commands:
        yield from _check_command(item)
    for event, scope in family.events.items():
        if not scope.startswith("operator."):
            yield Finding("events", event, f"scope {scope!r} lets no operator see it", "use operator.read")


def _check_command(command: Command) -> Iterator[Finding]:
    if not _NAME.fullmatch(command.name):
        yield Finding("names", command.name, "a command's name is family.verb", "rename the command")
    if command.description in ("", command.name):
        yield Finding(
            "texts", command.name, "it has no description for people and agents", "write a docstring"
        )
    if command.read_only and command.destructive:
        yield Finding(
            "hints", command.name, "it cannot be both read_only and destructive", "drop one of the two"
        )
    for role, model in (("params", command.params), ("result", command.result)):
        try:
            schema = model.model_json_schema(by_alias=True)
            if names := sorted(_unwritten_ranges(schema)):
                yield Finding(
                    "schemas",
                    command.name,
                    f"the {role} schema lacks the range of {', '.join(names)}",
                    "put Field(ge=…) before validators: Annotated[int, Field(ge=1), Whole]",
                )
        except Exception as error:
            yield Finding(
                "schemas",
                command.name,
                f"its {role} model has no JSON Schema: {error}",
                "use types that JSON has; see pydantic's JSON Schema page",
            )
    for number, example in enumerate(command.examples, 1):
        yield from _check_example(command, number, "params", command.params, example.params)
        if example.result is not None:
            yield from _check_example(command, number, "result", command.result, example.result)


def _unwritten_ranges(schema: Any, name: str = "the whole") -> Iterator[str]:
    """Fields whose range pydantic could not write as JSON Schema has it, and left under its own keys."""
    if isinstance(schema, list):
        for part in schema:
            yield from _unwritten_ranges(part, name)
    elif isinstance(schema, dict):
        if any(isinstance(schema.get(key), int | float) for key in ("ge", "gt", "le", "lt")):
            yield name
        for key, part in schema.items():
            inner = part if key in ("properties", "$defs") and isinstance(part, dict) else None
            if inner is not None:
                for field, value in inner.items():
                    yield from _unwritten_ranges(value, field)
            elif key not in ("default", "examples", "enum", "const"):
                yield from _unwritten_ranges(part, name)


def _check_example(
    command: Command, number: int, role: str, model: type[BaseModel], data: Any
) -> Iterable[Finding]:
    try:
        model.__pydantic_validator__.validate_python(data, by_alias=True, by_name=False)
    except ValidationError as error:
        text, _ = explain_arguments(error, model)
        yield Finding(
            "examples", command.name, f"the {role} of example {number}: {text}", "correct the example"
        )
