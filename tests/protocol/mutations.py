"""Instances one step away from valid ones, each step aimed at a keyword of the schema."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Place = tuple[str | int, ...]

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, "", " ", "x", "a\n", "-", "A" * 65, "x" * 97, "x" * 129, "é😀",
    0, -1, 1, 1.0, 1.5, -0.0, 2**53, 2**62,
    [], ["x"], ["x", "x"], [""], [1], {}, {"x": 1}, {"x": True}, {"": None},
)  # fmt: skip
ODD = st.sampled_from(ODD_VALUES).map(copy.deepcopy)


@st.composite
def mutated(draw: st.DrawFn, valid: st.SearchStrategy[Any], schema: dict[str, Any]) -> Any:
    """A valid instance with one to three changes: a field added, dropped, renamed or replaced."""
    value = copy.deepcopy(draw(valid))
    for _ in range(draw(st.integers(1, 3))):
        value = _changed(draw, value, schema)
    return value


def _changed(draw: st.DrawFn, value: Any, schema: dict[str, Any]) -> Any:
    place = draw(st.sampled_from(list(_places(value))))
    if not place:
        return draw(ODD) if draw(st.integers(0, 9)) == 0 else _extended(draw, value, schema)
    parent = value
    for step in place[:-1]:
        parent = parent[step]
    last: Any = place[-1]
    match draw(st.sampled_from(("replace", "drop", "rename", "double"))):
        case "replace":
            parent[last] = draw(ODD)
        case "drop":
            del parent[last]
        case "rename" if isinstance(parent, dict):
            parent[draw(st.sampled_from(_near(last)))] = parent.pop(last)
        case _ if isinstance(parent, list):
            parent.append(copy.deepcopy(parent[last]))
    return value


def _extended(draw: st.DrawFn, value: Any, schema: dict[str, Any]) -> Any:
    """Add a field of the schema, or of nobody, with an odd value."""
    if isinstance(value, dict):
        names = [*schema.get("properties", {}), "zzz"]
        value[draw(st.sampled_from(names))] = draw(ODD)
    return value


def _near(name: str) -> list[str]:
    snake = "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
    return [snake, name.upper(), name + " ", ""]


def _places(value: Any, at: Place = ()) -> Iterator[Place]:
    yield at
    if isinstance(value, dict):
        for name in sorted(value):
            yield from _places(value[name], (*at, name))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from _places(value[index], (*at, index))
