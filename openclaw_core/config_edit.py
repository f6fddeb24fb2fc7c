"""Set keys in openclaw.json as text, so that comments, order and layout of the rest stay."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from openclaw_core.errors import ConfigError

__all__ = ["set_keys"]

_SPACE = re.compile(r"(?:\s|﻿|//[^\n\r\u2028\u2029]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", re.DOTALL)
_SCALAR = re.compile(r"(?:[^\s,{}\[\]:/\"']|/(?![/*]))+")
_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$]*\Z")
_STEP = "  "


@dataclass(slots=True)
class _Member:
    key: str
    at: int
    value: int
    end: int


@dataclass(slots=True)
class _Object:
    """Where an object lies: its brace, its members, the end of its last comment, its closing brace."""

    start: int
    close: int
    members: list[_Member] = field(default_factory=list)
    trailing_comma: bool = False


def set_keys(text: str, changes: dict[str, Any]) -> str:
    """The text with these values.

    Args:
        text: JSON5 with an object, or nothing.
        changes: dotted keys, e.g. `{"gateway.bind": "lan"}`; objects on the way are made.

    Raises:
        ConfigError: the text cannot be edited without a doubt; the person has to.
    """
    import json5  # 20 ms that only a configuring command pays

    edited = text if text.strip() else "{}\n"
    wanted = json5.loads(edited)
    for dotted, value in changes.items():
        edited = _set(edited, dotted.split("."), value)
        _put(wanted, dotted.split("."), value)
    try:
        same = json5.loads(edited) == wanted
    except ValueError:
        same = False
    if not same:
        keys = ", ".join(f"{key} = {json.dumps(changes[key])}" for key in changes if "auth." not in key)
        raise ConfigError(f"openclaw.json cannot be edited safely; set these keys in it by hand: {keys}")
    return edited


def _put(document: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        if not isinstance(document.get(name), dict):
            document[name] = {}
        document = document[name]
    document[path[-1]] = value


def _set(text: str, path: list[str], value: Any) -> str:
    found = _read_object(text, _skip(text, 0))
    for depth, name in enumerate(path):
        member = next((item for item in reversed(found.members) if item.key == name), None)
        rest = path[depth + 1 :]
        if member is None:
            return _insert(text, found, name, _nest(rest, value))
        if not rest or text[member.value] != "{":
            indent = _line_indent(text, member.at)
            written = _write(_nest(rest, value), indent)
            return text[: member.value] + written + text[member.end :]
        found = _read_object(text, member.value)
    raise AssertionError("a path has at least one name")


def _nest(path: list[str], value: Any) -> Any:
    for name in reversed(path):
        value = {name: value}
    return value


def _write(value: Any, indent: str) -> str:
    return json.dumps(value, ensure_ascii=False, indent=len(_STEP)).replace("\n", f"\n{indent}")


def _insert(text: str, found: _Object, name: str, value: Any) -> str:
    outer = _line_indent(text, found.start)
    if not found.members:
        inner = outer + _STEP
        body = text[found.start + 1 : found.close].rstrip()  # comments of an empty object stay
        line = f"\n{inner}{_key(name, True)}: {_write(value, inner)}\n{outer}"
        return text[: found.start + 1] + body + line + text[found.close :]
    last = found.members[-1]
    quoted = text[last.at] in "\"'"
    head, tail = text[: last.end], text[last.end : found.close]
    comma = "" if found.trailing_comma else ","
    if "\n" not in text[found.start : found.close]:
        spaced = tail.rstrip() if found.trailing_comma else ""
        pad = tail[len(tail.rstrip()) :]
        kept = tail if not found.trailing_comma and tail.strip() else spaced
        return f"{head}{comma}{kept} {_key(name, quoted)}: {_write(value, outer)}{pad}{text[found.close :]}"
    inner = _line_indent(text, last.at)
    end = "," if found.trailing_comma else ""
    closing = tail[len(tail.rstrip()) :]
    closing = closing if "\n" in closing else f"\n{outer}"
    line = f"\n{inner}{_key(name, quoted)}: {_write(value, inner)}{end}"
    return f"{head}{comma}{tail.rstrip()}{line}{closing}{text[found.close :]}"


def _key(name: str, quoted: bool) -> str:
    return name if not quoted and _PLAIN_KEY.match(name) else json.dumps(name)


def _line_indent(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at


def _read_object(text: str, start: int) -> _Object:
    if start >= len(text) or text[start] != "{":
        raise ConfigError("openclaw.json must hold an object at its top; correct it there")
    found, at = _Object(start, start), _skip(text, start + 1)
    while text[at : at + 1] not in ("}", ""):
        key_end = _read_token(text, at)
        key = _name(text[at:key_end])
        value = _skip(text, _skip(text, key_end) + 1)
        end = _skip_value(text, value)
        found.members.append(_Member(key, at, value, end))
        after = _skip(text, end)
        found.trailing_comma = text[after : after + 1] == ","
        at = _skip(text, after + 1) if found.trailing_comma else after
    found.close = at
    return found


def _name(token: str) -> str:
    if token[:1] not in ("'", '"'):
        return token
    import json5

    return str(json5.loads(token))


def _read_token(text: str, at: int) -> int:
    found = _STRING.match(text, at) or _SCALAR.match(text, at)
    if found is None:
        raise ConfigError(f"openclaw.json cannot be edited: {text[at : at + 20]!r} is not understood there")
    return found.end()


def _skip_value(text: str, at: int) -> int:
    if text[at : at + 1] not in ("{", "["):
        return _read_token(text, at)
    depth = 0
    while at < len(text):
        char = text[at]
        depth += (char in "{[") - (char in "}]")
        at = at + 1 if char in "{}[],:" else _read_token(text, at)
        if depth == 0:
            return at
        at = _skip(text, at)
    raise ConfigError("openclaw.json ends within an object or array; correct it there")
