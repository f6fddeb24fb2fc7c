"""What a waiting client is told (PROTOCOL 6.2; chapter 27 rows 10 and 25)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.auth.pairing_rules import Approved, Asked, pair_close_reason, pairing_error
from openclaw_core.protocol.limits import CLOSE_REASON_BYTES

REQUEST = "21919807-5b1a-4c3d-8e7f-9a0b1c2d3e4f"
ASKED = Asked("dev", "operator", frozenset({"b", "a"}), "linux", "Linux")
APPROVED = Approved(frozenset({"node"}), frozenset({"s"}), "linux", None, frozenset({"node"}))
TABLE = [
    ("not-paired", "device is not approved yet", "Approve this device from the pending pairing requests."),
    (
        "role-upgrade",
        "device is asking for a higher role than currently approved",
        "Review the requested role upgrade, then approve the pending request.",
    ),
    (
        "scope-upgrade",
        "device is asking for more scopes than currently approved",
        "Review the requested scopes, then approve the pending upgrade.",
    ),
    (
        "metadata-upgrade",
        "device identity changed and must be re-approved",
        "Review the refreshed device details, then approve the pending request.",
    ),
]


@pytest.mark.parametrize(("reason", "requirement", "hint"), TABLE)
def test_refusal_while_the_request_waits(reason, requirement, hint):
    assert pairing_error(reason, REQUEST, ASKED, APPROVED).to_wire() == {
        "code": "NOT_PAIRED",
        "message": f"pairing required: {requirement}",
        "retryable": True,
        "details": {
            "code": "PAIRING_REQUIRED",
            "reason": reason,
            "requestId": REQUEST,
            "remediationHint": hint,
            "deviceId": "dev",
            "requestedRole": "operator",
            "requestedScopes": ["a", "b"],
            "approvedRoles": ["node"],
            "approvedScopes": ["s"],
            "recommendedNextStep": "wait_then_retry",
            "retryable": True,
            "pauseReconnect": False,
        },
    }


def test_a_refusal_that_nobody_can_cure_promises_no_retry():
    wire = pairing_error(
        "not-paired", REQUEST, Asked("d", "node", frozenset(), "linux"), None, waiting=False
    ).to_wire()
    assert "retryable" not in wire
    assert set(wire["details"]) == {
        "code",
        "reason",
        "requestId",
        "remediationHint",
        "deviceId",
        "requestedRole",
    }


@pytest.mark.parametrize("reason", [row[0] for row in TABLE])
def test_close_reason_holds_the_whole_id(reason):
    text = pair_close_reason(pairing_error(reason, REQUEST, ASKED, APPROVED), REQUEST)
    assert text.startswith("pairing required: ")
    assert text.endswith(f" (requestId: {REQUEST})")
    assert len(text.encode()) <= CLOSE_REASON_BYTES


def test_a_short_message_is_not_shortened():
    assert pair_close_reason("pairing required", "r1") == "pairing required (requestId: r1)"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.uuids().map(str))
def test_close_reason_is_never_too_long_nor_splits_a_character(message, request_id):
    text = pair_close_reason(message, request_id)
    suffix = f" (requestId: {request_id})"
    assert text.endswith(suffix)
    assert len(text.encode()) <= CLOSE_REASON_BYTES
    kept = text.removesuffix(suffix)
    assert kept == message or message.startswith(kept.removesuffix("…"))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_even_an_absurd_id_fits(request_id):
    assert len(pair_close_reason("pairing required: x", request_id).encode()) <= CLOSE_REASON_BYTES
