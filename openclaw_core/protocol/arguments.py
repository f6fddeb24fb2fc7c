"""What is wrong with a command's params or result: field, problem, what is allowed, what came."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema

from openclaw_core.protocol.problems import describe_problem

__all__ = ["ArgumentProblem", "explain_arguments"]

_MOST_PROBLEMS = 8
_MOST_CHARS = 60
ArgumentProblem = dict[str, Any]
"""`path` (JSON pointer), `problem`, and where they are known `allowed` and `got`, all texts."""


def explain_arguments(error: ValidationError, model: type[BaseModel]) -> tuple[str, list[ArgumentProblem]]:
    """One sentence, and the same as data: what each field must be and what it was."""
    found: dict[tuple[str, str], ArgumentProblem] = {}
    for item in error.errors(include_url=False):
        pointer, phrase = describe_problem(item)
        problem: ArgumentProblem = {"path": pointer, "problem": phrase}
        if item["type"] != "missing":
            allowed = _allowed(model, item["loc"])
            if allowed:
                problem["allowed"] = allowed
            if item["type"] not in ("value_error", "extra_forbidden"):
                problem["got"] = _shorten(item["input"])
        # A union reports each member's complaint; the first one per place is enough.
        found.setdefault((pointer, phrase), problem)
    problems = list(found.values())
    texts = [_sentence(item) for item in problems[:_MOST_PROBLEMS]]
    if len(problems) > _MOST_PROBLEMS:
        texts.append(f"and {len(problems) - _MOST_PROBLEMS} more")
    return "; ".join(texts), problems[:_MOST_PROBLEMS]


def _sentence(item: ArgumentProblem) -> str:
    place = f"at {item['path']}: " if item["path"] else ""
    facts = [f"{name} {item[key]}" for key, name in (("allowed", "allowed:"), ("got", "got")) if key in item]
    more = f" ({', '.join(facts)})" if facts else ""
    return f"{place}{item['problem']}{more}"


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_CHARS else f"{text[: _MOST_CHARS - 1]}…"


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    try:
        return model.model_json_schema(by_alias=True)
    except PydanticInvalidForJsonSchema:
        return {}


def _allowed(model: type[BaseModel], path: tuple[int | str, ...]) -> str | None:
    root = _schema(model)
    return _words(_walk(root, root, path))


def _walk(root: dict[str, Any], node: dict[str, Any], path: tuple[int | str, ...]) -> dict[str, Any]:
    """The schema of the field at `path`; steps that name a member of a union are passed over."""
    node = _resolve(root, node)
    if not path:
        return node
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        return _walk(root, node.get("items", {}), rest)
    fields = node.get("properties", {})
    if step in fields:
        return _walk(root, fields[step], rest)
    more = node.get("additionalProperties")
    return _walk(root, more, rest) if isinstance(more, dict) else _walk(root, node, rest)


def _resolve(root: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = root["$defs"][node["$ref"].rpartition("/")[2]]
    members = [_resolve(root, item) for item in node.get("anyOf", ()) if item.get("type") != "null"]
    return members[0] if len(members) == 1 else node


def _words(node: dict[str, Any]) -> str | None:
    """What the schema allows, for people."""
    if "enum" in node:
        return " | ".join(str(item) for item in node["enum"])
    if "const" in node:
        return str(node["const"])
    for low, high, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
    ):
        if low in node and high in node:
            return f"{node[low]} to {node[high]}{unit}"
        if low in node:
            return f"at least {node[low]}{unit}"
        if high in node:
            return f"at most {node[high]}{unit}"
    above, below = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
    bounds = [f"more than {above}"] * (above is not None) + [f"less than {below}"] * (below is not None)
    return " and ".join(bounds) or None
