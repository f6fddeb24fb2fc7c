"""What is an A2UI message: versions 0.8 and 0.9, told apart and checked before anything is sent.

Only the envelope is looked at, and the fields by which a renderer finds its way: which surface,
which components. A component's own properties are the renderer's affair.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

__all__ = ["find_problem", "parse_lines"]

VERSION_8 = ("surfaceUpdate", "dataModelUpdate", "beginRendering", "deleteSurface")
VERSION_9 = ("createSurface", "updateComponents", "updateDataModel", "deleteSurface")


def find_problem(message: Any) -> str | None:
    """Why this is no A2UI message, with what to write instead; None when it is one."""
    if not isinstance(message, dict):
        return f"is {_kind(message)}, not an object"
    versioned = "version" in message
    version = message.get("version")
    if versioned and not (isinstance(version, str) and version.startswith("v0.9")):
        return f'has version {version!r}; write "v0.9", or leave it out for A2UI 0.8'
    known = VERSION_9 if versioned else VERSION_8
    kinds = [name for name in message if name != "version"]
    if len(kinds) != 1:
        return f"needs exactly one of {', '.join(known)}; it has {', '.join(kinds) or 'none'}"
    (kind,) = kinds
    if kind not in known:
        return _explain_unknown(kind, versioned=versioned)
    body = message[kind]
    if not isinstance(body, dict):
        return f"{kind} is {_kind(body)}, not an object"
    if not _is_text(body.get("surfaceId")):
        return f"{kind}.surfaceId must be a non-empty string"
    return _CHECKS[kind](body) if kind in _CHECKS else None


def parse_lines(text: str) -> list[tuple[int, Any, str | None]]:
    """Every line of JSONL that is not blank: its number from 1, its message, what is wrong with it."""
    found: list[tuple[int, Any, str | None]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            message = json.loads(line)
        except ValueError as error:
            found.append((number, None, f"is not JSON: {error}"))
        except RecursionError:
            found.append((number, None, "nests too deep"))
        else:
            found.append((number, message, find_problem(message)))
    return found


def _explain_unknown(kind: str, *, versioned: bool) -> str:
    if not versioned and kind in VERSION_9:
        return f'{kind} belongs to A2UI 0.9: add "version": "v0.9"'
    if versioned and kind in VERSION_8:
        return f'{kind} belongs to A2UI 0.8: leave "version" out'
    known = VERSION_9 if versioned else VERSION_8
    return f"has {kind!r}, which is none of {', '.join(known)}"


def _check_update_8(body: dict[str, Any]) -> str | None:
    form = 'an object with one key, e.g. {"Text": {…}}'
    return _check_components("surfaceUpdate", body, _is_component_8, form)


def _check_update_9(body: dict[str, Any]) -> str | None:
    return _check_components("updateComponents", body, _is_text, 'the name of a component, e.g. "Text"')


def _is_component_8(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1


def _check_components(kind: str, body: dict[str, Any], fits: Callable[[Any], bool], form: str) -> str | None:
    components = body.get("components")
    problem = _check_list(f"{kind}.components", components)
    if problem or not isinstance(components, list):
        return problem
    for index, item in enumerate(components):
        where = f"{kind}.components[{index}]"
        if not isinstance(item, dict) or not _is_text(item.get("id")):
            return f"{where}.id must be a non-empty string"
        if not fits(item.get("component")):
            return f"{where}.component must be {form}"
    return None


def _check_data_8(body: dict[str, Any]) -> str | None:
    return _check_list("dataModelUpdate.contents", body.get("contents"), least=0)


def _check_begin(body: dict[str, Any]) -> str | None:
    return None if _is_text(body.get("root")) else "beginRendering.root must be the id of a component"


def _check_create(body: dict[str, Any]) -> str | None:
    return None if _is_text(body.get("catalogId")) else "createSurface.catalogId must be a non-empty string"


_CHECKS: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "surfaceUpdate": _check_update_8,
    "dataModelUpdate": _check_data_8,
    "beginRendering": _check_begin,
    "createSurface": _check_create,
    "updateComponents": _check_update_9,
}


def _check_list(name: str, value: Any, least: int = 1) -> str | None:
    if not isinstance(value, list) or len(value) < least:
        return f"{name} must be a list" + (" with at least one item" if least else "")
    return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _kind(value: Any) -> str:
    names = {list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
