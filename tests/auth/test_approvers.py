"""Who may approve, rotate and revoke (PROTOCOL 6.5, 7.1, 7.2, 8.3, 8.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.auth import scopes as rights
from openclaw_core.auth.pairing_rules import (
    Approved,
    Approver,
    check_device_approver,
    check_surface_approver,
    check_token_owner,
    may_manage_device,
)
from openclaw_core.errors import RpcError

MINE, OTHER = "mine", "other"
ADMIN = Approver(frozenset({rights.ADMIN}))
SHARED = Approver(frozenset({rights.PAIRING, rights.WRITE}))
DEVICE = Approver(frozenset({rights.PAIRING, rights.WRITE}), MINE, by_device_token=True)
DEVICE_ADMIN = Approver(frozenset({rights.ADMIN}), MINE, by_device_token=True)
BASE = Approved(frozenset({"operator", "node"}), frozenset({rights.WRITE}), None, None, frozenset())


def refusal(check, *args, **options):
    try:
        check(*args, **options)
    except RpcError as error:
        return error.to_wire()
    return None


@pytest.mark.parametrize(
    ("approver", "device", "roles", "scopes", "message", "missing"),
    [
        (ADMIN, OTHER, ["node"], ["own.scope"], None, None),
        (DEVICE_ADMIN, OTHER, ["node"], [rights.READ], None, None),
        (SHARED, OTHER, ["operator"], [rights.READ], None, None),
        (DEVICE, MINE, ["operator"], [rights.READ], None, None),
        (SHARED, OTHER, ["node"], [], "device pairing approval denied", rights.ADMIN),
        (SHARED, OTHER, ["operator", "node"], [], "device pairing approval denied", rights.ADMIN),
        (DEVICE, OTHER, ["operator"], [], "device pairing approval denied", rights.ADMIN),
        (SHARED, OTHER, ["operator"], ["own.scope", rights.READ], "missing scope: own.scope", "own.scope"),
        (DEVICE, MINE, ["operator"], [rights.ADMIN], "missing scope: operator.admin", rights.ADMIN),
    ],
)
def test_device_approval(approver, device, roles, scopes, message, missing):
    wire = refusal(check_device_approver, approver, device, roles, scopes)
    if message is None:
        assert wire is None
        return
    assert (wire["code"], wire["message"]) == ("INVALID_REQUEST", message)
    assert wire["details"]["missingScope"] == missing
    assert wire["details"]["code"] == "MISSING_SCOPE"


SCOPES = st.frozensets(
    st.sampled_from([rights.READ, rights.WRITE, rights.ADMIN, rights.PAIRING, "own.scope"])
)
ROLES = st.frozensets(st.sampled_from(["node", "operator", "else"]))
APPROVERS = st.builds(Approver, SCOPES, st.sampled_from([MINE, OTHER, None]), st.booleans())


@given(APPROVERS, st.sampled_from([MINE, OTHER]), ROLES, SCOPES)
def test_nobody_gives_more_than_he_has(approver, device, roles, scopes):
    if refusal(check_device_approver, approver, device, roles, scopes) is None and not approver.is_admin:
        assert roles <= {"operator"}
        assert rights.covers(approver.scopes, scopes)
        assert may_manage_device(approver, device)


@given(APPROVERS)
def test_a_device_token_session_without_admin_reaches_its_own_device_only(approver):
    limited = approver.by_device_token and not approver.is_admin
    for device in (MINE, OTHER):
        assert may_manage_device(approver, device) == (not limited or approver.device_id == device)


@pytest.mark.parametrize("action", ["rotation", "revocation"])
@pytest.mark.parametrize(
    ("approver", "device", "role", "approved", "scopes", "allowed"),
    [
        (ADMIN, OTHER, "node", BASE, None, True),
        (ADMIN, OTHER, "operator", BASE, {rights.READ}, True),
        (DEVICE, MINE, "operator", BASE, None, True),
        (DEVICE, MINE, "operator", BASE, {rights.READ}, True),
        (ADMIN, OTHER, "node", None, None, False),
        (ADMIN, OTHER, "else", BASE, None, False),
        (ADMIN, OTHER, "operator", BASE, {rights.ADMIN}, False),
        (DEVICE, OTHER, "operator", BASE, None, False),
        (DEVICE, MINE, "node", BASE, None, False),
        (SHARED, OTHER, "operator", BASE, None, False),
        (Approver(frozenset({rights.PAIRING}), MINE), MINE, "operator", BASE, {rights.WRITE}, False),
    ],
)
def test_token_owner(action, approver, device, role, approved, scopes, allowed):
    asked = None if scopes is None else frozenset(scopes)
    wire = refusal(check_token_owner, action, approver, device, role, approved, scopes=asked)
    expected = {"code": "INVALID_REQUEST", "message": f"device token {action} denied"}
    assert wire == (None if allowed else expected)


ORDINARY = (rights.PAIRING, rights.WRITE)
CRITICAL = (rights.PAIRING, rights.ADMIN)


def test_surface_approval():
    assert refusal(check_surface_approver, SHARED, OTHER, ORDINARY) is None
    assert refusal(check_surface_approver, DEVICE, MINE, ORDINARY) is None
    assert refusal(check_surface_approver, DEVICE_ADMIN, OTHER, CRITICAL) is None
    assert refusal(check_surface_approver, SHARED, OTHER, CRITICAL) == {
        "code": "FORBIDDEN",
        "message": "missing scope: operator.admin",
        "details": {
            "code": "MISSING_SCOPE",
            "missingScope": rights.ADMIN,
            "requiredScopes": list(CRITICAL),
        },
    }
    wire = refusal(check_surface_approver, DEVICE, OTHER, ORDINARY)
    assert (wire["code"], wire["message"]) == ("INVALID_REQUEST", "node pairing approval denied")


@given(APPROVERS, st.sampled_from([MINE, OTHER]), st.sampled_from([ORDINARY, CRITICAL, (rights.PAIRING,)]))
def test_an_accepted_surface_approver_holds_every_required_scope(approver, node, required):
    if refusal(check_surface_approver, approver, node, required) is None:
        assert rights.covers(approver.scopes, required)
        assert may_manage_device(approver, node)
