"""Which node or device a person means (PROTOCOL 21.1). Pure; never guesses between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openclaw_core.cli.device_tables import device_name
from openclaw_core.cli.failure import CliError
from openclaw_core.cli.output import SHORT_ID_CHARS

__all__ = ["MIN_PREFIX_CHARS", "Candidate", "candidates_of_devices", "candidates_of_nodes", "resolve"]

MIN_PREFIX_CHARS = 6
_LISTED_NAMES = 12


@dataclass(frozen=True, slots=True)
class Candidate:
    """What can be meant: a node or a paired device."""

    id: str
    name: str
    remote_ip: str | None = None
    connected: bool = False


def candidates_of_nodes(nodes: Sequence[dict[str, Any]]) -> list[Candidate]:
    """From the `nodes` of `node.list` (chapter 10)."""
    return [
        Candidate(
            node["nodeId"],
            node.get("displayName") or node["nodeId"][:SHORT_ID_CHARS],
            node.get("remoteIp"),
            bool(node.get("connected")),
        )
        for node in nodes
    ]


def candidates_of_devices(devices: Sequence[dict[str, Any]]) -> list[Candidate]:
    """From the `paired` of `device.pair.list` (6.5). No device is preferred for being
    connected: what follows may cut it off."""
    return [
        Candidate(
            device["deviceId"],
            device_name(device),
            device.get("remoteIp"),
        )
        for device in devices
    ]


def resolve(query: str, candidates: Sequence[Candidate], noun: str = "node") -> Candidate:
    """The one candidate that `query` names.

    Tiers, first with a match wins: exact id, remote IP, name (case and punctuation aside),
    id prefix of at least 6 characters. Within a tier several matches are narrowed only
    when exactly one of them is connected.

    Raises:
        CliError: `UNKNOWN_NODE` or `AMBIGUOUS_NODE`, naming what could have been meant.
    """
    wanted = query.strip().rstrip("…")
    for matches in _tiers(wanted, candidates):
        if not matches:
            continue
        live = [item for item in matches if item.connected]
        if len(matches) == 1 or len(live) == 1:
            return (live if len(live) == 1 else matches)[0]
        raise _ambiguous(query, matches, noun)
    raise _unknown(query, candidates, noun)


def _tiers(wanted: str, candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    name, prefix = _normalise(wanted), wanted.casefold()
    return [
        [item for item in candidates if item.id == wanted],
        [item for item in candidates if wanted and item.remote_ip == wanted],
        [
            item
            for item in candidates
            if wanted and (item.name == wanted or (name and _normalise(item.name) == name))
        ],
        [
            item
            for item in candidates
            if len(prefix) >= MIN_PREFIX_CHARS and item.id.casefold().startswith(prefix)
        ],
    ]


def _normalise(name: str) -> str:
    return "-".join("".join(char if char.isalnum() else " " for char in name.casefold()).split())


def _ambiguous(query: str, matches: Sequence[Candidate], noun: str) -> CliError:
    length = _telling_length(matches)
    example = f"--{noun} {matches[0].id[:length]}"
    listed = ", ".join(f"{item.name} ({_shorten(item.id, length)})" for item in matches)
    return CliError(
        f"ambiguous {noun}: {query} (matches: {listed})",
        code=f"AMBIGUOUS_{noun.upper()}",
        details={"query": query, "matches": [{"id": item.id, "name": item.name} for item in matches]},
        steps=(f"give {MIN_PREFIX_CHARS} or more characters of the id, for example: {example}",),
    )


def _telling_length(matches: Sequence[Candidate]) -> int:
    longest = max(len(item.id) for item in matches)
    for length in range(SHORT_ID_CHARS, longest):
        if len({item.id[:length] for item in matches}) == len(matches):
            return length
    return longest


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "…"


def _unknown(query: str, candidates: Sequence[Candidate], noun: str) -> CliError:
    names = sorted({item.name for item in candidates})
    more = f", and {len(names) - _LISTED_NAMES} more" if len(names) > _LISTED_NAMES else ""
    known = ", ".join(names[:_LISTED_NAMES]) + more if names else "none"
    return CliError(
        f"unknown {noun}: {query} (known: {known})",
        code=f"UNKNOWN_{noun.upper()}",
        details={"query": query, "known": [{"id": item.id, "name": item.name} for item in candidates]},
        steps=(f"list the {noun}s: openclaw {noun}s list",),
    )
