"""ui/src/gateway/protocol.ts holds: what pages send is what the gateway takes."""

import importlib.util
from pathlib import Path

import pytest

from openclaw_core.protocol.base import Omittable, Wire

SCRIPT = Path(__file__).parents[1] / "ui" / "protocol_types.py"


@pytest.fixture(scope="module")
def script():
    """The generator, which is no package."""
    spec = importlib.util.spec_from_file_location("protocol_types", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_file_is_current(script):
    assert script.FILE.read_text("utf-8") == script.render(), "run: python ui/protocol_types.py"


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"type": "integer"}, "number"),
        ({"type": "array", "items": {"type": "string"}}, "string[]"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, '("a" | "b")[]'),
        ({"anyOf": [{"type": "number"}, {"type": "integer"}, {"type": "null"}]}, "number | null"),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, "Record<string, boolean>"),
        ({"type": "object"}, "Record<string, unknown>"),
        ({"const": "x"}, '"x"'),
        ({}, "unknown"),
    ],
)
def test_schemas_become_types(script, schema, written):
    assert script.typed(schema) == written


def test_what_may_be_left_out_may_not_be_null(script):
    class Probe(Wire):
        left_out: Omittable[str] = None
        nothing: str | None

    (_, text) = next(iter(script.shapes([Probe])))
    assert "leftOut?: string | undefined;" in text
    assert "nothing: string | null;" in text


def test_every_method_of_operators_is_there_and_no_node_s(script):
    text = script.render()
    assert "  'node.invoke': NodeInvokeParams;" in text
    assert "node.invoke.result" not in text
