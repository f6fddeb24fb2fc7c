"""Pydantic's findings in the protocol's own words (PROTOCOL 2.4)."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

__all__ = ["describe_problem", "describe_problems"]

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


def describe_problem(item: ErrorDetails) -> tuple[str, str]:
    """One finding: the JSON pointer of its field, empty for the whole, and what is wrong there."""
    kind, context = item["type"], item.get("ctx", {})
    *parents, last = item["loc"] or ("",)
    if kind == "missing":
        return _pointer(parents), f"must have required property '{last}'"
    if kind == "extra_forbidden":
        return _pointer(parents), f"unexpected property '{last}'"
    return _pointer(item["loc"]), _phrase(kind, context) or item["msg"]


def _describe(item: ErrorDetails) -> str:
    pointer, phrase = describe_problem(item)
    if not pointer:
        return phrase if item["type"] == "missing" else f"at root: {phrase}"
    return f"at {pointer}: {phrase}"


def _phrase(kind: str, context: dict[str, Any]) -> str | None:
    if kind in _TYPES:
        return f"must be {_TYPES[kind]}"
    if kind in _BOUNDS:
        return _BOUNDS[kind].format_map(context)
    if kind == "string_pattern_mismatch":
        return f'must match pattern "{context["pattern"]}"'
    return str(context["error"]) if kind == "value_error" else None


_BOUNDS = {
    "enum": "must be equal to one of the allowed values",
    "literal_error": "must be equal to one of the allowed values",
    "greater_than": "must be > {gt}",
    "greater_than_equal": "must be >= {ge}",
    "less_than": "must be < {lt}",
    "less_than_equal": "must be <= {le}",
    "string_too_long": "must not have more than {max_length} characters",
    "string_too_short": "must not have fewer than {min_length} characters",
    "too_long": "must not have more than {max_length} items",
    "too_short": "must not have fewer than {min_length} items",
}
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
