"""When a connect waits for an approval (PROTOCOL 6.2, 6.3, 6.4)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.auth import scopes as rights
from openclaw_core.auth.pairing_rules import (
    Approved,
    Asked,
    compare_metadata,
    judge,
    may_approve_silently,
    request_covers,
)

ASKED = Asked("d", "node", frozenset(), "linux", "Linux")
APPROVED = Approved(frozenset({"node"}), frozenset(), "linux", "Linux", frozenset({"node"}))
OPERATOR = replace(
    APPROVED,
    roles=frozenset({"operator"}),
    scopes=frozenset({rights.WRITE}),
    live_token_roles=frozenset({"operator"}),
)


@pytest.mark.parametrize(
    ("asked", "approved", "reason"),
    [
        (ASKED, None, "not-paired"),
        (ASKED, APPROVED, None),
        (replace(ASKED, role="operator"), APPROVED, "role-upgrade"),
        (ASKED, replace(APPROVED, live_token_roles=frozenset()), "role-upgrade"),
        (ASKED, replace(APPROVED, roles=frozenset()), "role-upgrade"),
        (replace(ASKED, scopes=frozenset({rights.READ})), APPROVED, "scope-upgrade"),
        (replace(ASKED, role="operator", scopes=frozenset({rights.READ})), OPERATOR, None),
        (replace(ASKED, role="operator", scopes=frozenset({rights.ADMIN})), OPERATOR, "scope-upgrade"),
        (replace(ASKED, platform="macos", device_family="Mac"), APPROVED, "metadata-upgrade"),
        (replace(ASKED, role="operator", platform="macos"), APPROVED, "role-upgrade"),
    ],
)
def test_judgement(asked, approved, reason):
    assert judge(asked, approved) == reason


ROLES = st.sampled_from(["node", "operator", "else"])
SCOPES = st.frozensets(
    st.sampled_from([rights.READ, rights.WRITE, rights.ADMIN, rights.PAIRING, "own.scope"])
)
PLATFORMS = st.sampled_from(["linux", "Linux", "darwin", "macos", "iOS 18.4", "iOS 18.5", "haiku"])
FAMILIES = st.sampled_from([None, "Linux", "Mac", "iPhone"])
ASKS = st.builds(Asked, st.just("d"), ROLES, SCOPES, PLATFORMS, FAMILIES)
ROLE_SETS = st.frozensets(ROLES)
APPROVALS = st.builds(Approved, ROLE_SETS, SCOPES, st.none() | PLATFORMS, FAMILIES, ROLE_SETS)


@given(ASKS, APPROVALS, ROLES, SCOPES)
def test_a_larger_approval_never_refuses_more(asked, approved, role, scopes):
    larger = replace(
        approved,
        roles=approved.roles | {role},
        scopes=approved.scopes | scopes,
        live_token_roles=approved.live_token_roles | {role},
    )
    assert judge(asked, approved) is not None or judge(asked, larger) is None


@given(ASKS, APPROVALS)
def test_what_passes_has_a_live_approved_role_and_covered_scopes(asked, approved):
    if judge(asked, approved) is None:
        assert asked.role in approved.roles
        assert asked.role in approved.live_token_roles
        assert rights.covers(approved.scopes, asked.scopes)


@given(ASKS)
def test_an_approval_of_exactly_what_was_asked_is_enough(asked):
    role = frozenset({asked.role})
    assert judge(asked, Approved(role, asked.scopes, asked.platform, asked.device_family, role)) is None


@pytest.mark.parametrize(
    ("pinned", "said", "expected"),
    [
        (("linux", "Linux"), (" LINUX", "linux "), "same"),
        (("linux", "Linux"), ("linux", None), "same"),
        (("linux", None), ("linux", "Linux"), "same"),
        (("darwin", "Mac"), ("macos", "Mac"), "same"),
        (("win32", None), ("windows", "Windows"), "same"),
        (("iOS 18.4.0", "iPhone"), ("iOS 18.5.0", "iPhone"), "refresh"),
        (("iOS 18.4", "iPad"), ("iPadOS 19", "iPad"), "refresh"),
        (("Android 14", "Android"), ("Android 15", "Android"), "refresh"),
        (("iOS 18.4.0", "iPhone"), ("iOS 18.5.0", "iPad"), "changed"),
        (("iOS 18.4.0", "iPhone"), ("iOS 18.5.0", None), "changed"),
        (("iOS 18.4.0", "iPhone"), ("Android 15", "iPhone"), "changed"),
        (("linux", "Linux"), ("macos", "Mac"), "changed"),
        (("linux", "Linux"), ("linux", "Mac"), "changed"),
        (("linux 6.1", None), ("linux 6.2", None), "changed"),
        (("linux", "Linux"), ("haiku", "Linux"), "changed"),
        ((None, None), ("linux", None), "refresh"),
        ((None, "Mac"), ("linux", "Linux"), "changed"),
        (("haiku", None), ("haiku", "BeBox"), "refresh"),
    ],
)
def test_metadata_pin(pinned, said, expected):
    assert compare_metadata(*pinned, *said) == expected


@given(PLATFORMS | st.text(max_size=5), FAMILIES | st.text(max_size=5))
def test_saying_the_same_again_is_the_same(platform, family):
    if platform.strip():
        assert compare_metadata(platform, family, platform, family) == "same"


@given(ASKS, ROLE_SETS, SCOPES)
def test_a_waiting_request_keeps_its_id_only_when_it_asks_for_as_much(asked, roles, scopes):
    covered = request_covers("key", roles, scopes, asked, "key")
    assert covered == (asked.role in roles and rights.covers(scopes, asked.scopes))
    assert not request_covers("other", roles, scopes, asked, "key")


REASONS = ["not-paired", "role-upgrade", "scope-upgrade", "metadata-upgrade"]
LOCAL = {"loopback": True, "shared_secret_ok": True, "browser_origin": False, "auto_local": True}


@pytest.mark.parametrize(
    ("reason", "role", "changes", "expected"),
    [
        ("not-paired", "node", {}, True),
        ("not-paired", "operator", {}, True),
        ("scope-upgrade", "operator", {}, True),
        ("metadata-upgrade", "node", {}, True),
        ("role-upgrade", "operator", {}, True),
        ("role-upgrade", "node", {}, False),
        ("not-paired", "node", {"shared_secret_ok": False}, False),
        ("scope-upgrade", "operator", {"shared_secret_ok": False, "native_app": True}, False),
        ("metadata-upgrade", "node", {"shared_secret_ok": False}, False),
        ("metadata-upgrade", "node", {"shared_secret_ok": False, "native_app": True}, True),
    ],
)
def test_silent_approval(reason, role, changes, expected):
    assert may_approve_silently(reason=reason, role=role, **(LOCAL | changes)) is expected


@given(
    st.fixed_dictionaries(dict.fromkeys([*LOCAL, "native_app"], st.booleans())),
    st.sampled_from(REASONS),
    ROLES,
)
def test_nobody_from_afar_nor_a_page_nor_against_the_switch_is_approved_silently(facts, reason, role):
    if may_approve_silently(reason=reason, role=role, **facts):
        assert facts["loopback"]
        assert facts["auto_local"]
        assert not facts["browser_origin"]
        assert facts["shared_secret_ok"] or (facts["native_app"] and reason == "metadata-upgrade")
