"""Problem texts of PROTOCOL 2.4, and what `Wire` reads."""

import inspect
from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from openclaw_core.protocol import connect, devices, frames, nodes
from openclaw_core.protocol.base import Integer, NonEmpty, Omittable, OpenWire, UniqueItems, Wire
from openclaw_core.protocol.problems import describe_problems

from .supersets import MODELS, UNPUBLISHED


class Sample(Wire):
    """The shapes that the texts captured from the original came from, and more."""

    request_id: NonEmpty
    type: Omittable[Literal["status.request", "location.request"]] = None
    max_items: Omittable[Annotated[Integer, Field(le=10)]] = None
    expires_in_ms: Omittable[Annotated[Integer, Field(ge=1000)]] = None
    ids: Omittable[Annotated[list[NonEmpty], Field(min_length=1, max_length=2), UniqueItems]] = None
    label: Omittable[Annotated[str, Field(min_length=1, max_length=64)]] = None
    name: Omittable[Annotated[str, Field(pattern="^[a-z]$")]] = None
    flag: Omittable[bool] = None
    ratio: Omittable[float] = None
    inner: Omittable[nodes.McpToolRef] = None
    map: Omittable[dict[str, bool]] = None


def problems(value, model=Sample):
    with pytest.raises(ValidationError) as refused:
        model.model_validate(value)
    return describe_problems(refused.value)


TABLE = [
    ({"x": 1}, "at root: unexpected property 'x'"),
    ({"type": "other"}, "at /type: must be equal to one of the allowed values"),
    ({"maxItems": 11}, "at /maxItems: must be <= 10"),
    ({"expiresInMs": 999}, "at /expiresInMs: must be >= 1000"),
    ({"ids": []}, "at /ids: must not have fewer than 1 items"),
    ({"ids": ["a", "b", "c"]}, "at /ids: must not have more than 2 items"),
    ({"ids": ["a", "a"]}, "at /ids: must not have duplicate items"),
    ({"ids": ["a", ""]}, "at /ids/1: must not have fewer than 1 characters"),
    ({"label": "x" * 65}, "at /label: must not have more than 64 characters"),
    ({"label": ""}, "at /label: must not have fewer than 1 characters"),
    ({"label": 1}, "at /label: must be string"),
    ({"label": "\ud800"}, "at /label: must be string"),
    ({"label": None}, "at /label: must not be null; leave the field out instead"),
    ({"name": "A"}, 'at /name: must match pattern "^[a-z]$"'),
    ({"flag": 1}, "at /flag: must be boolean"),
    ({"ratio": "1"}, "at /ratio: must be number"),
    ({"maxItems": 1.5}, "at /maxItems: must be integer"),
    ({"maxItems": "1"}, "at /maxItems: must be integer"),
    ({"ids": {}}, "at /ids: must be array"),
    ({"map": []}, "at /map: must be object"),
    ({"map": {"k": 1}}, "at /map/k: must be boolean"),
    ({"inner": []}, "at /inner: must be object"),
    ({"inner": {"server": "s"}}, "at /inner: must have required property 'tool'"),
    ({"inner": {"server": "s", "tool": "t", "y": 1}}, "at /inner: unexpected property 'y'"),
    ({"request_id": "r"}, "at root: unexpected property 'request_id'"),
]


@pytest.mark.parametrize(("fields", "text"), TABLE)
def test_text(fields, text):
    assert problems({"requestId": "r"} | fields) == text


def test_a_missing_field_and_a_value_that_is_no_object():
    assert problems({}) == "must have required property 'requestId'"
    assert problems([]) == "at root: must be object"
    assert problems(None) == "at root: must be object"


def test_a_union_has_one_text():
    wire = {"nodeId": "n", "command": "c", "idempotencyKey": "k", "turnSourceThreadId": []}
    assert problems(wire, nodes.NodeInvokeParams) == "at /turnSourceThreadId: must be string or number"


def test_several_problems_are_separated_and_a_flood_is_cut():
    two = problems({"requestId": "r", "label": 1, "flag": 1})
    assert two == "at /label: must be string; at /flag: must be boolean"
    flood = problems({"requestId": "r"} | {f"x{n}": 0 for n in range(100)})
    assert flood.count("unexpected property") == 8
    assert flood.endswith("; and 92 more")


def test_python_constructs_with_its_own_names_and_sends_wire_names():
    sample = Sample(request_id="r", max_items=3)
    assert sample.to_wire() == {"requestId": "r", "maxItems": 3}
    assert Sample.model_validate(sample.to_wire()) == sample
    assert Sample.model_validate({"requestId": "r", "maxItems": 3.0}).max_items == 3


def test_every_model_is_compared_with_the_schema_or_listed_as_unpublished():
    """A new model of a whole message needs a line in `supersets.py`."""
    modules = (connect, devices, frames, nodes)
    public = {getattr(module, name) for module in modules for name in module.__all__}
    models = {item for item in public if inspect.isclass(item) and issubclass(item, Wire | OpenWire)}
    compared = set(MODELS.values())
    parts = {part for model in compared | UNPUBLISHED for part in parts_of(model)}
    assert models - compared - UNPUBLISHED - parts == set()


def parts_of(annotation):
    """Every model that a model's fields are made of."""
    found = set()
    for part in getattr(annotation, "__args__", ()):
        found |= parts_of(part)
    if inspect.isclass(annotation) and issubclass(annotation, Wire):
        found.add(annotation)
        for field in annotation.model_fields.values():
            found |= parts_of(field.annotation)
    return found
