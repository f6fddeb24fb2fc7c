"""Rules that approve without a person: PROTOCOL 6.4 `trusted-cidr`, 6.6."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.auth.auto_approval import ACCESS_SCOPES, admits_network, setup_grants
from openclaw_core.auth.pairing_rules import Asked
from openclaw_core.auth.scopes import ADMIN

NODE = Asked("d", "node", frozenset(), "linux", "Linux")
OPERATOR = Asked("d", "operator", frozenset(("operator.read",)), "linux", "Linux")
SCOPED = Asked("d", "node", frozenset(("operator.read",)), "linux", "Linux")
REASONS = ("not-paired", "role-upgrade", "scope-upgrade", "metadata-upgrade")
NETWORKS = ("10.0.0.0/8", "2001:db8::/32", "192.168.7.9")


def admits(ip="10.1.2.3", **changes):
    facts = {
        "networks": NETWORKS,
        "loopback": False,
        "proxied_by_loopback": False,
        "browser_origin": False,
        "reason": "not-paired",
        "asked": NODE,
    }
    return admits_network(ip=ip, **{**facts, **changes})


@pytest.mark.parametrize("ip", ["10.1.2.3", "2001:db8::5", "192.168.7.9", "::ffff:10.1.2.3"])
def test_a_new_node_from_the_network(ip):
    assert admits(ip)


@pytest.mark.parametrize("ip", ["11.1.2.3", "192.168.7.8", "2001:db9::5", "::ffff:11.0.0.1", "", "nonsense"])
def test_from_elsewhere(ip):
    assert not admits(ip)


@pytest.mark.parametrize(
    "changes",
    [
        {"loopback": True},
        {"proxied_by_loopback": True},
        {"browser_origin": True},
        {"asked": OPERATOR},
        {"asked": SCOPED},
        {"networks": ()},
        *({"reason": reason} for reason in REASONS[1:]),
    ],
)
def test_never(changes):
    assert not admits(**changes)


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_no_network(ip):
    assert not admits(ip, networks=("127.0.0.0/8", "::/0", "0.0.0.0/0"))


SCOPES = st.frozensets(st.sampled_from(sorted(ACCESS_SCOPES["full"])))


@given(
    st.sampled_from(("full", "limited", "node")),
    st.sampled_from(("cli", "node-host", "openclaw-ios")),
    st.sampled_from(REASONS),
    st.sampled_from(("node", "operator")),
    SCOPES,
)
def test_no_code_gives_more_than_it_holds(access, client_id, reason, role, scopes):
    asked = Asked("d", role, scopes, "linux", None)
    if not setup_grants(access, client_id=client_id, reason=reason, asked=asked):
        return
    assert reason in ("not-paired", "role-upgrade")
    assert role == "node" or access != "node"
    assert ADMIN not in scopes or access == "full"
    assert role == "operator" or not scopes


def test_a_node_host_needs_a_node_code():
    facts = {"client_id": "node-host", "reason": "not-paired", "asked": NODE}
    assert setup_grants("node", **facts)
    assert not setup_grants("full", **facts)
    assert not setup_grants("limited", **facts)
