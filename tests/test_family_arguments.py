"""Every bad argument of every installed family's commands is refused before anything reaches the node."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openclaw_core.commands import Command
from openclaw_core.plugins import load_plugins
from openclaw_core.testing import FakeDevice, TestGateway, Wire

PLUGINS = load_plugins()
COMMANDS = {
    item.name: item for family in PLUGINS.families for item in family.commands if item.private is None
}


def bad_arguments(command: Command) -> Iterator[tuple[str, Any]]:
    """(field, value) pairs that the command's own schema excludes, from its top level."""
    schema = command.params.model_json_schema(by_alias=True)
    for name, field in schema.get("properties", {}).items():
        for member in _members(schema, field):
            yield from ((name, value) for value in _outside(member))


def _members(root: dict[str, Any], field: dict[str, Any]) -> list[dict[str, Any]]:
    """The field's one kind of value; nothing for a field that takes several kinds."""
    while "$ref" in field:
        field = root["$defs"][field["$ref"].rpartition("/")[2]]
    kinds = [item for item in field.get("anyOf", [field]) if item.get("type") != "null"]
    if len(kinds) != 1:
        return []
    return _members(root, kinds[0]) if "$ref" in kinds[0] else kinds


def _outside(field: dict[str, Any]) -> Iterator[Any]:
    if "enum" in field or "const" in field:
        yield "none of these"
    if "minimum" in field:
        yield field["minimum"] - 1
    if "maximum" in field:
        yield field["maximum"] + 1
    if "minLength" in field and field["minLength"] > 0:
        yield ""
    if "maxLength" in field and field["maxLength"] < 1_000_000:
        yield "x" * (field["maxLength"] + 1)
    if "minItems" in field and field["minItems"] > 0:
        yield []
    if field.get("type") in ("integer", "number", "boolean", "array", "object"):
        yield "a word"
    if field.get("type") == "string" and "enum" not in field:
        yield {"no": "text"}


CASES = [(name, *case) for name, command in COMMANDS.items() for case in bad_arguments(command)]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The error of each case, in order; a node that is there for all of them hears of none."""
    return asyncio.run(_ask_all(tmp_path_factory.mktemp("gateway")))


async def _ask_all(directory: Path) -> list[dict[str, Any]]:
    settings = {"nodes.commands.allow": sorted(COMMANDS)}
    async with TestGateway(directory, PLUGINS, settings) as gateway:
        operator = await gateway.operator()
        caps = sorted({cap for family in PLUGINS.families for cap in family.caps})
        node, node_id = await gateway.node(sorted(COMMANDS), device=FakeDevice(), caps=caps)
        found = []
        for number, (name, field, value) in enumerate(CASES):
            params = {"nodeId": node_id, "command": name, "params": {field: value}}
            answer = await operator.request("node.invoke", {**params, "idempotencyKey": f"k{number}"})
            found.append(answer.get("error") or {"code": f"accepted: {answer}"})
        await _assert_untouched(node)
        return found


async def _assert_untouched(node: Wire) -> None:
    await node.call("health")  # whatever was sent before has arrived
    assert [frame for frame in node.events if frame["event"] == "node.invoke.request"] == []


def test_there_is_something_to_refuse() -> None:
    assert len(CASES) > 10


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{name}-{field}" for name, field, _ in CASES])
def test_refused_with_field_problem_and_range(number: int, answers: list[dict[str, Any]]) -> None:
    name, field, _ = CASES[number]
    error = answers[number]
    assert error["code"] == "INVALID_REQUEST", error
    assert error["message"].startswith(f"invalid {name} params: ")
    problem = next(item for item in error["details"]["problems"] if item["path"].startswith(f"/{field}"))
    assert problem["problem"]
    assert f"at {problem['path']}: {problem['problem']}" in error["message"]
