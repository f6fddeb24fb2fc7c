"""Surface reconciliation (PROTOCOL 8.1, 8.2)."""

from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.auth.surface_rules import Outcome, Surface, effective_permissions, reconcile

NAMES = st.frozensets(st.sampled_from("abc"))
PERMISSIONS = st.dictionaries(st.sampled_from("xyz"), st.booleans())
SURFACES = st.builds(Surface, NAMES, NAMES, PERMISSIONS)

ONE = Surface(frozenset({"a"}), frozenset({"a.x"}), {"mic": True})
MORE = Surface(frozenset({"a"}), frozenset({"a.x", "a.y"}), {"mic": True})


def test_table():
    nothing = Surface()
    assert reconcile(ONE, None, None) == Outcome("create", "pending-approval", ONE)
    assert reconcile(nothing, None, None) == Outcome("create", "pending-approval", nothing)
    assert reconcile(ONE, None, ONE) == Outcome("keep", "pending-approval", ONE)
    assert reconcile(MORE, None, ONE) == Outcome("supersede", "pending-approval", MORE)
    assert reconcile(ONE, ONE, None) == Outcome("none", "approved")
    assert reconcile(ONE, MORE, None) == Outcome("none", "approved")
    assert reconcile(ONE, MORE, MORE) == Outcome("drop", "approved")
    assert reconcile(MORE, ONE, None) == Outcome("create", "pending-reapproval", MORE)
    assert reconcile(MORE, ONE, MORE) == Outcome("keep", "pending-reapproval", MORE)


def test_a_permission_asks_when_it_turns_true_and_not_when_it_turns_false():
    off = Surface(permissions={"mic": False})
    on = Surface(permissions={"mic": True})
    assert reconcile(on, off, None).action == "create"
    assert reconcile(off, on, None).action == "none"
    assert reconcile(off, Surface(), None).action == "none"


@given(SURFACES, st.none() | SURFACES, st.none() | SURFACES)
def test_something_waits_exactly_when_more_is_declared_than_approved(declared, approved, pending):
    outcome = reconcile(declared, approved, pending)
    within = approved is not None and declared.within(approved)
    assert (outcome.pending is None) == within == (outcome.state == "approved")
    assert outcome.pending in (None, declared)
    assert (outcome.action in ("drop", "keep", "supersede")) == (pending is not None)


@given(SURFACES, st.none() | SURFACES, st.none() | SURFACES)
def test_connecting_again_changes_nothing(declared, approved, pending):
    first = reconcile(declared, approved, pending)
    assert reconcile(declared, approved, first.pending).action in ("none", "keep")


@given(SURFACES)
def test_an_approved_surface_never_asks_again(declared):
    assert reconcile(declared, declared, None).action == "none"


@given(PERMISSIONS, st.none() | PERMISSIONS)
def test_false_is_always_shown_and_true_only_when_approved(declared, approved):
    shown = effective_permissions(declared, approved)
    assert shown.items() <= declared.items()
    for name, value in declared.items():
        assert (name in shown) == (not value or (approved or {}).get(name) is True)
