"""Messages for fuzzing: noise, any JSON, and valid requests with parts replaced."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

__all__ = ["BIG", "DEPTHS", "JSON", "encode", "messages", "mutated"]

_DEEP = "deep:"
_TWICE = "twice"
# orjson reads 1024 levels and writes 254: the borders are where a relay can break.
DEPTHS = (50, 120, 125, 250, 252, 253, 254, 255, 256, 300, 900, 1023, 1024, 5_000)
BIG = (2**53, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**400)
_WORDS = ("", " ", "\x00", "\ud800", "é" * 200, "a" * 5_000, "demo.any", "__proto__", "null", "🦞")

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(BIG)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(_WORDS)
    | st.sampled_from(DEPTHS).map(lambda depth: f"{_DEEP}{depth}")
)
KEYS = st.text(max_size=4) | st.sampled_from(("type", "id", "method", "params", "nodeId", "ok", _TWICE))
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def encode(value: Any) -> bytes:
    """JSON text with what only hand-made JSON has: NaN, lone surrogates, depth, repeated keys."""
    text = json.dumps(value)
    for depth in DEPTHS:
        text = text.replace(f'"{_DEEP}{depth}"', "[" * depth + "]" * depth)
    return text.replace(f'"{_TWICE}":', '"id":"other","id":').encode()


def mutated(requests: dict[str, dict[str, Any]]) -> st.SearchStrategy[bytes]:
    """One of the requests (method → params) with up to three parts replaced, added or left out."""
    frames = [
        {"type": "req", "id": name, "method": name, "params": given} for name, given in requests.items()
    ]

    @st.composite
    def build(draw: st.DrawFn) -> bytes:
        frame = copy.deepcopy(draw(st.sampled_from(frames)))
        for _ in range(draw(st.integers(0, 3))):
            places = list(_places(frame["params"])) + [(frame, key) for key in frame]
            holder, key = places[draw(st.integers(0, len(places) - 1))]
            _change(draw, holder, key)
            if not isinstance(frame.get("params"), dict):
                break
        return encode(frame)

    return build()


def _change(draw: st.DrawFn, holder: Any, key: Any) -> None:
    action = draw(st.sampled_from(("replace", "replace", "add", "remove")))
    if action == "remove":
        del holder[key]
    elif action == "add" and isinstance(holder, dict):
        holder[draw(KEYS)] = draw(JSON)
    else:
        holder[key] = draw(JSON)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        items = list(value.items() if isinstance(value, dict) else enumerate(value))
        for key, inner in items:
            yield value, key
            yield from _places(inner)


def messages(requests: dict[str, dict[str, Any]]) -> st.SearchStrategy[list[tuple[int, bytes]]]:
    """One to four messages: WebSocket opcode (text or binary) and payload."""
    payload = mutated(requests) | mutated(requests) | JSON.map(encode) | st.binary(max_size=60)
    return st.lists(st.tuples(st.sampled_from((1, 1, 2)), payload), min_size=1, max_size=4)
