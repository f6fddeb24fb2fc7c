"""For every place of a definition: the instances just inside and just outside each of its limits."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

__all__ = ["complete", "edges"]

Json = dict[str, Any]


def complete(schema: Json) -> Any:
    """A valid instance that has every field."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return complete(schema["anyOf"][0])
    match schema.get("type"):
        case "object" | ["object", "null"]:
            return {name: complete(sub) for name, sub in schema.get("properties", {}).items()}
        case "array":
            return [complete(schema.get("items", {}))]
        case "string" | ["string", "null"]:
            return "a" * schema.get("minLength", 1)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    return {"any": [1, None]}


def edges(schema: Json) -> Iterator[Any]:
    """Instances of `schema` with one place changed, at every place in turn."""
    yield complete(schema)
    yield from _of_any_type()
    yield from _AT_LIMIT.get(_kind(schema), _nothing)(schema)
    for name, sub in schema.get("properties", {}).items():
        for value in edges(sub):
            yield {**complete(schema), name: value}
    if "items" in schema:
        for value in edges(schema["items"]):
            yield [value]


def _kind(schema: Json) -> str | None:
    kind = schema.get("type")
    return kind[0] if isinstance(kind, list) else kind


def _of_any_type() -> Iterator[Any]:
    yield from (None, True, False, 0, 1, 1.5, "", "1", "A", "a-", "-a", "a--a", "a\n", [], [1], {}, {"x": 1})


def _of_text(schema: Json) -> Iterator[Any]:
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    yield from ("a" * least, "a" * max(least - 1, 0), "a" * (least + 1), "😀" * (least + 1))
    if most is not None:
        yield from ("a" * most, "a" * (most + 1), "😀" * most, "😀" * (most + 1))


def _of_number(schema: Json) -> Iterator[Any]:
    for limit in (schema.get("minimum"), schema.get("maximum")):
        if limit is not None:
            yield from (limit - 1, limit, limit + 1, float(limit), limit + 0.5, str(limit))


def _of_list(schema: Json) -> Iterator[Any]:
    item = complete(schema.get("items", {}))
    most = schema.get("maxItems", 2)
    for count in (2, most, most + 1):
        yield [copy.deepcopy(item) for _ in range(count)]
    if isinstance(item, str):
        yield from ([f"{item}{n}" for n in range(count)] for count in (most, most + 1))


def _of_object(schema: Json) -> Iterator[Any]:
    whole = complete(schema)
    yield {**whole, "zzz": 1}
    for name in whole:
        rest = {key: value for key, value in whole.items() if key != name}
        yield rest
        yield {**rest, "".join(f"_{char.lower()}" if char.isupper() else char for char in name): whole[name]}


def _nothing(_: Json) -> Iterator[Any]:
    yield from ()


_AT_LIMIT = {
    "array": _of_list,
    "integer": _of_number,
    "number": _of_number,
    "object": _of_object,
    "string": _of_text,
}
