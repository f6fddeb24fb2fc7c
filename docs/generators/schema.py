"""JSON Schemas as tables: what a field takes, its default, whether it must be there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from docs.generators.table import bounds, code, table
from docs.guide import attributes

__all__ = ["fields_table"]

MOST_DEPTH = 4


def fields_table(model: type[BaseModel], head: str, texts: dict[str, str] | None = None) -> str:
    """Every field of a model, nested ones as `outer.inner`; an empty text for a model without any."""
    schema = model.model_json_schema()
    rows = list(_rows(schema, schema.get("$defs", {}), texts or _texts(model), ""))
    return table((head, "takes", "default", "meaning"), rows) if rows else ""


def _texts(model: type[BaseModel]) -> dict[str, str]:
    """What docstrings say of fields, by the field's name in JSON; those of nested models included."""
    found: dict[str, str] = {}
    for names, text in attributes(model):
        for name in names.split(", "):
            field = model.model_fields.get(name)
            found[(field.alias if field else None) or name] = text
    return found


def _rows(
    schema: dict[str, Any], known: dict[str, Any], texts: dict[str, str], prefix: str
) -> Iterator[tuple[str, str, str, str]]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        inner = _object(field, known)
        says = field.get("description") or texts.get(path) or texts.get(name, "")
        if inner is not None and prefix.count(".") < MOST_DEPTH:
            yield from _rows(inner, known, {**texts, **_described(inner)}, f"{path}.")
            continue
        default = "required" if name in required else _value(field.get("default"))
        yield code(path), _takes(field, known), default, says


def _described(schema: dict[str, Any]) -> dict[str, str]:
    class Holder:
        __doc__ = schema.get("description", "")

    found = {}
    for names, text in attributes(Holder):
        for name in names.split(", "):
            head, *rest = name.split("_")
            found["".join([head, *(word.title() for word in rest)])] = text
    return found


def _object(field: dict[str, Any], known: dict[str, Any]) -> dict[str, Any] | None:
    """The schema of an object with named fields, however it is referred to."""
    options = [item for item in field.get("anyOf", [field]) if item.get("type") != "null"]
    if len(options) != 1:
        return None
    target = _resolve(options[0], known)
    return target if target.get("properties") else None


def _resolve(field: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    name = field.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = known.get(name, field)
    return found


def _takes(field: dict[str, Any], known: dict[str, Any]) -> str:
    if "anyOf" in field:
        options = [_takes(item, known) for item in field["anyOf"] if item.get("type") != "null"]
        return " or ".join(dict.fromkeys(options))
    field = _resolve(field, known)
    if "enum" in field or "const" in field:
        return " ".join(code(item) for item in field.get("enum", [field.get("const")]))
    kind = str(field.get("type", "anything"))
    if kind == "array":
        kind = f"list of {_takes(field.get('items', {}), known)}"
    return " ".join([kind, *_bounds(field)])


def _bounds(field: dict[str, Any]) -> Iterator[str]:
    low = field.get("minimum", field.get("ge", field.get("exclusiveMinimum")))
    high = field.get("maximum", field.get("le", field.get("exclusiveMaximum")))
    yield from filter(None, [bounds(low, high)])
    low, high = field.get("minLength", field.get("minItems")), field.get("maxLength", field.get("maxItems"))
    unit = "characters" if field.get("type") == "string" else "items"
    if high is not None:
        yield f"of {low or 0} … {high} {unit}"
    elif low:
        yield f"of at least {low} {unit}"


def _value(value: Any) -> str:
    return "" if value is None else code(json.dumps(value, ensure_ascii=False))
