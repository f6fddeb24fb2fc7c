"""Valid instances of the published definitions, for the JSON Schema keywords these use.

hypothesis-jsonschema cannot do it: its last release calls an internal of Hypothesis that is gone.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["valid"]

Json = dict[str, Any]

MAX_ITEMS = 4
SAFE_INTEGER = 2**53 - 1
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(-2, 2), st.text(max_size=5))
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def valid(schema: Json) -> st.SearchStrategy[Any]:
    """Instances of `schema`. `allOf` and `not` are left to the caller's filter."""
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([valid(option) for option in schema["anyOf"]])
    kind = schema.get("type")
    return GENERATORS[kind](schema) if kind is not None else ANYTHING


def _object(schema: Json) -> st.SearchStrategy[Any]:
    known = {name: valid(sub) for name, sub in schema.get("properties", {}).items()}
    required = {name: known.pop(name) for name in schema.get("required", ())}
    fields = st.fixed_dictionaries(required, optional=known)
    values = [valid(sub) for sub in schema.get("patternProperties", {}).values()]
    if not values:
        return fields
    named = st.dictionaries(st.text(max_size=6), st.one_of(values), max_size=3)
    return st.builds(lambda one, two: {**one, **two}, named, fields)


def _array(schema: Json) -> st.SearchStrategy[Any]:
    most = min(schema.get("maxItems", MAX_ITEMS), MAX_ITEMS)
    unique = repr if schema.get("uniqueItems") else None
    return st.lists(
        valid(schema.get("items", {})), min_size=schema.get("minItems", 0), max_size=most, unique_by=unique
    )


def _string(schema: Json) -> st.SearchStrategy[Any]:
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if "pattern" in schema:
        # `$` of JSON Schema is the end of the text, in Python it also stands before a last line break.
        exact = schema["pattern"].removesuffix("$") + r"\Z"
        texts = st.from_regex(exact, alphabet=st.characters(max_codepoint=127))
        return texts.filter(lambda text: least <= len(text) <= (most or len(text)))
    whole = st.text(min_size=least, max_size=min(most or 12, 12))
    longest = st.just("é" * most) if most else st.nothing()
    return whole | longest


def _integer(schema: Json) -> st.SearchStrategy[Any]:
    least, most = schema.get("minimum", -SAFE_INTEGER), schema.get("maximum", SAFE_INTEGER)
    whole = st.sampled_from((least, most)) | st.integers(least, most)
    return whole | whole.filter(lambda number: abs(number) <= SAFE_INTEGER).map(float)


def _number(schema: Json) -> st.SearchStrategy[Any]:
    least, most = schema.get("minimum"), schema.get("maximum")
    return st.floats(least, most, allow_nan=False, allow_infinity=False) | _integer(schema)


GENERATORS = {
    "array": _array,
    "boolean": lambda _: st.booleans(),
    "integer": _integer,
    "null": lambda _: st.none(),
    "number": _number,
    "object": _object,
    "string": _string,
}
