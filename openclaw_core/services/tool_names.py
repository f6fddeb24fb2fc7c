"""Names of node commands as tools: unique, stable, and valid for every maker's agents.

A name is `<node>__<command>`, at most 64 characters of `A-Z a-z 0-9 _ -`, which is what the
strictest known client takes. The node's part ends with the beginning of its id: the same name
never comes to mean another device, whatever people call theirs.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

__all__ = ["MAX_NAME_CHARS", "distinct_name", "node_part", "tool_name"]

MAX_NAME_CHARS = 64

_LABEL_CHARS = 16
_ID_CHARS = 6
_VERB_CHARS = MAX_NAME_CHARS - _LABEL_CHARS - 1 - _ID_CHARS - 2
_DIGEST_CHARS = 8
_PLAIN_ID = re.compile(r"[0-9a-f]{6}")
_PLAIN_COMMAND = re.compile(r"[A-Za-z0-9_.]+\Z")


def tool_name(display_name: str, node_id: str, command: str) -> str:
    """The name of one command on one node, e.g. `desk_6f5a22__system-which`."""
    return f"{node_part(display_name, node_id)}__{_verb(command)}"


def distinct_name(display_name: str, node_id: str, command: str) -> str:
    """A longer one, for the rare case that two nodes or commands share `tool_name`."""
    digest = _digest(f"{node_id}\0{command}", 2 * _DIGEST_CHARS)
    return f"{node_part(display_name, node_id)}__{_safe(command)[: _VERB_CHARS - len(digest) - 1]}-{digest}"


@lru_cache(maxsize=4096)
def node_part(display_name: str, node_id: str) -> str:
    """What all tools of a node begin with: its name, and the beginning of its id."""
    # One underscore at a time: the two that follow end the node's part.
    label = re.sub(r"[^a-z0-9]+", "_", display_name.lower()).strip("_")[:_LABEL_CHARS].strip("_") or "node"
    short = node_id[:_ID_CHARS] if _PLAIN_ID.match(node_id) else _digest(node_id, _ID_CHARS)
    return f"{label}_{short}"


def _verb(command: str) -> str:
    """The command with `-` for each dot; marked with a digest when that loses something."""
    if _PLAIN_COMMAND.match(command) and len(command) <= _VERB_CHARS:
        return command.replace(".", "-")
    return f"{_safe(command)[: _VERB_CHARS - _DIGEST_CHARS - 1]}-{_digest(command, _DIGEST_CHARS)}"


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "-", text)


def _digest(text: str, chars: int) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=chars // 2).hexdigest()
