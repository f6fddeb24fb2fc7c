"""Scopes and their implications (PROTOCOL 16.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.auth import scopes
from openclaw_core.auth.scopes import ADMIN, PAIRING, READ, TALK, TALK_SECRETS, WRITE
from openclaw_core.errors import ForbiddenError

KNOWN = sorted(value for name, value in vars(scopes).items() if name.isupper() and name in scopes.__all__)
ANY_SCOPE = st.sampled_from(KNOWN) | st.text(max_size=8) | st.text(max_size=8).map("operator.{}".format)
SETS = st.frozensets(ANY_SCOPE, max_size=5)


@pytest.mark.parametrize(
    ("held", "needed", "expected"),
    [
        (ADMIN, PAIRING, True),
        (ADMIN, "operator.invented", True),
        (ADMIN, "node.invented", False),
        (ADMIN, "operator", False),
        (WRITE, READ, True),
        (WRITE, TALK, True),
        (WRITE, TALK_SECRETS, False),
        (WRITE, ADMIN, False),
        (READ, WRITE, False),
        (PAIRING, READ, False),
        ("operator.*", READ, False),
    ],
)
def test_implication(held, needed, expected):
    assert scopes.holds(frozenset({held}), needed) is expected


@given(SETS, ANY_SCOPE)
def test_nothing_but_admin_gives_admin_and_nothing_gives_what_nobody_named(held, needed):
    if ADMIN not in held:
        assert not scopes.holds(held, ADMIN)
        assert scopes.holds(held, needed) == (needed in held or (WRITE in held and needed in {READ, TALK}))


@given(SETS, ANY_SCOPE, ANY_SCOPE)
def test_more_scopes_never_hold_less(held, extra, needed):
    assert not scopes.holds(held, needed) or scopes.holds(held | {extra}, needed)


@given(SETS, SETS, SETS)
def test_covering_is_transitive_and_reflexive(first, second, third):
    assert scopes.covers(first, first)
    if scopes.covers(first, second) and scopes.covers(second, third):
        assert scopes.covers(first, third)


def test_the_refusal_names_the_first_missing_scope_and_all_required():
    with pytest.raises(ForbiddenError) as refused:
        scopes.require(frozenset({WRITE}), READ, PAIRING, ADMIN)
    assert refused.value.to_wire() == {
        "code": "FORBIDDEN",
        "message": "missing scope: operator.pairing",
        "details": {
            "code": "MISSING_SCOPE",
            "missingScope": PAIRING,
            "requiredScopes": [READ, PAIRING, ADMIN],
        },
    }
    scopes.require(frozenset({WRITE, PAIRING}), READ, PAIRING)
