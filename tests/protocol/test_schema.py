"""Our models accept and refuse what the published schema accepts and refuses.

The schema is that of the npm registry: OPENCLAW_PROTOCOL_SCHEMA, or what the interop suite installs.
Deliberate differences are in `supersets.py` and nowhere else.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.interop.peers import ensure_peers

from .edges import complete, edges
from .generation import valid
from .mutations import mutated
from .supersets import DIFFERENCES, MODELS, relaxed

pytestmark = pytest.mark.interop

NAMES = sorted(MODELS)
GENERATED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@cache
def definitions() -> dict[str, Any]:
    path = os.environ.get("OPENCLAW_PROTOCOL_SCHEMA") or ensure_peers().schema
    found: dict[str, Any] = json.loads(Path(path).read_text())["definitions"]
    return found


@pytest.fixture(scope="module", autouse=True)
def _published() -> None:
    """Fetched before the first example is drawn, whichever file of the suite comes first."""
    definitions()


@cache
def relaxed_definitions() -> dict[str, Any]:
    return relaxed(definitions())


@cache
def checker(name: str, *, published: bool = False) -> Any:
    source = definitions() if published else relaxed_definitions()
    return fastjsonschema.compile(source[name], use_default=False)


def schema_accepts(name: str, value: Any, *, published: bool = False) -> bool:
    try:
        checker(name, published=published)(value)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


def refusal(name: str, value: Any) -> str | None:
    try:
        MODELS[name].model_validate(value)
    except ValidationError as error:
        return str(error)
    return None


@cache
def instances(name: str) -> st.SearchStrategy[Any]:
    return valid(definitions()[name]).filter(lambda value: schema_accepts(name, value, published=True))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_published_is_accepted(name: str) -> None:
    @GENERATED
    @given(st.data())
    def check(data: st.DataObject) -> None:
        assert refusal(name, data.draw(instances(name))) is None

    check()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_near_it_is_judged_alike(name: str) -> None:
    @GENERATED
    @given(st.data())
    def check(data: st.DataObject) -> None:
        value = data.draw(mutated(instances(name), relaxed_definitions()[name]))
        problem = refusal(name, value)
        assert (problem is None) == schema_accepts(name, value), problem or f"our model accepts {value!r}"

    check()


@pytest.mark.parametrize("name", NAMES)
def test_each_limit_is_drawn_at_the_same_point(name: str) -> None:
    """Systematic where the generated instances are random: both sides of every limit."""
    schema = relaxed_definitions()[name]
    assert schema_accepts(name, complete(schema))
    wrong = []
    for value in edges(schema):
        problem = refusal(name, value)
        if (problem is None) != schema_accepts(name, value):
            wrong.append((problem, value))
    assert wrong == []


def test_every_difference_is_still_one() -> None:
    """An edit that the published schema has caught up with must go."""
    published = definitions()
    for difference in DIFFERENCES:
        *parents, last = difference.path.split("/")
        place = published[difference.definition]
        for part in parents:
            place = place[part]
        assert place.get(last) != difference.schema, difference


INVOKE = {"nodeId": "n", "command": "c", "idempotencyKey": "k"}
ROTATED = {"deviceId": "d", "role": "r", "scopes": [], "rotatedAtMs": 0}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NodeInvokeParams", {"node_id": "n", "command": "c", "idempotencyKey": "k"}),
        ("NodeInvokeParams", INVOKE | {"timeoutMs": True}),
        ("NodeInvokeParams", INVOKE | {"timeoutMs": "1"}),
        ("NodeInvokeParams", INVOKE | {"timeoutMs": 1.5}),
        ("NodeInvokeParams", INVOKE | {"turnSourceThreadId": True}),
        ("DeviceTokenRotateParams", {"deviceId": "d", "role": "node", "scopes": None}),
        ("DeviceTokenRotateResult", ROTATED | {"tokenDelivery": "in-band"}),
        ("DeviceTokenRotateResult", ROTATED | {"tokenDelivery": "withheld-cross-device", "token": "t"}),
        ("NodeSkillDescriptor", {"name": "a--b", "description": "d", "content": "c"}),
        ("NodeListParams", []),
        ("RequestFrame", None),
    ],
)
def test_known_traps_are_refused_by_both(name: str, value: Any) -> None:
    assert not schema_accepts(name, value, published=True)
    assert refusal(name, value) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NodeInvokeParams", INVOKE | {"timeoutMs": 3.0}),
        ("NodeInvokeParams", INVOKE | {"turnSourceThreadId": 1.5}),
        ("NodeInvokeParams", INVOKE | {"params": None}),
        ("DeviceTokenRotateResult", ROTATED | {"token": "t"}),
        ("NodeSkillDescriptor", {"name": "a" * 64, "description": "d", "content": "c"}),
    ],
)
def test_known_traps_are_accepted_by_both(name: str, value: Any) -> None:
    assert schema_accepts(name, value, published=True)
    assert refusal(name, value) is None
