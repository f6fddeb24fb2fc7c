"""Pydantic's findings in the protocol's own words (PROTOCOL 2.4)."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

__all__ = ["describe_problems"]

_MAX_PROBLEMS = 8


def describe_problems(error: ValidationError) -> str:
    """All problems of one validation, `; `-separated, each with the field's JSON pointer."""
    found = error.errors(include_url=False, include_input=False)
    # A union reports each member's complaint; the first one per place is enough.
    texts = list(dict.fromkeys(_describe(item) for item in found))
    shown = texts[:_MAX_PROBLEMS]
    if len(texts) > _MAX_PROBLEMS:
        shown.append(f"and {len(texts) - _MAX_PROBLEMS} more")
    return "; ".join(shown)


def _describe(item: ErrorDetails) -> str:
    kind, context = item["type"], item.get("ctx", {})
    *parents, last = item["loc"] or ("",)
    if kind == "missing":
        return f"{_at(parents)}must have required property '{last}'"
    if kind == "extra_forbidden":
        return f"at {_pointer(parents) or 'root'}: unexpected property '{last}'"
    return f"at {_pointer(item['loc']) or 'root'}: {_phrase(kind, context) or item['msg']}"


def _phrase(kind: str, context: dict[str, Any]) -> str | None:
    if kind in _TYPES:
        return f"must be {_TYPES[kind]}"
    match kind:
        case "literal_error" | "enum":
            return "must be equal to one of the allowed values"
        case "greater_than_equal":
            return f"must be >= {context['ge']}"
        case "less_than_equal":
            return f"must be <= {context['le']}"
        case "string_too_short":
            return f"must not have fewer than {context['min_length']} characters"
        case "string_too_long":
            return f"must not have more than {context['max_length']} characters"
        case "too_short":
            return f"must not have fewer than {context['min_length']} items"
        case "too_long":
            return f"must not have more than {context['max_length']} items"
        case "string_pattern_mismatch":
            return f'must match pattern "{context["pattern"]}"'
        case "value_error":
            return str(context["error"])
    return None


_TYPES = {
    "bool_type": "boolean",
    "dict_type": "object",
    "float_type": "number",
    "int_from_float": "integer",
    "int_type": "integer",
    "list_type": "array",
    "model_type": "object",
    "string_type": "string",
    "string_unicode": "string",
}


def _pointer(path: tuple[int | str, ...] | list[int | str]) -> str:
    return "".join(f"/{part}" for part in path)


def _at(path: list[int | str]) -> str:
    return f"at {_pointer(path)}: " if path else ""
