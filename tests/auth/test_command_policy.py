"""Command policy (PROTOCOL 8.1, 8.3, 9.4)."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from openclaw_core.auth.command_policy import CommandPolicy, Declared, Refusal, to_error
from openclaw_core.commands import ALL_PLATFORMS, Command, CommandTable, Family, Platform


class Nothing(BaseModel):
    pass


def command(name, **facts):
    return Command(name, Nothing, Nothing, **facts)


DEMO = (
    command("demo.any", platforms=ALL_PLATFORMS),
    command("demo.linux", platforms=frozenset({"linux"})),
    command("demo.risky", platforms=ALL_PLATFORMS, dangerous=True),
    command("demo.admin", platforms=frozenset({"linux"}), admin_approval=True, admin_invoke=True),
    command("demo.hidden", platforms=ALL_PLATFORMS, private="use the family's own method"),
)
TABLE = CommandTable([Family("demo", "Demo", DEMO)])
OPEN = CommandPolicy(TABLE)
NAMES = st.sampled_from([*TABLE, "new.thing", "new.other"])
SETS = st.frozensets(NAMES)
PLATFORMS = st.sampled_from(get_args(Platform))
POLICIES = st.builds(CommandPolicy, st.just(TABLE), SETS, SETS)


def wire(policy, name, platform="linux", text="Linux 6"):
    refusal = policy.refuse(name, platform, text)
    return None if refusal is None else to_error(refusal, name).to_wire()


@pytest.mark.parametrize(
    ("policy", "name", "why"),
    [
        (OPEN, "new.thing", 'is not in the allowlist for platform "Linux 6"'),
        (OPEN, "demo.risky", "requires explicit gateway.nodes.commands.allow opt-in"),
        (
            CommandPolicy(TABLE, deny=frozenset({"demo.any"})),
            "demo.any",
            "is blocked by gateway.nodes.commands.deny",
        ),
        (
            CommandPolicy(TABLE, *[frozenset({"demo.risky"})] * 2),
            "demo.risky",
            "is blocked by gateway.nodes.commands.deny",
        ),
    ],
)
def test_refusals_of_the_lists(policy, name, why):
    assert wire(policy, name) == {
        "code": "INVALID_REQUEST",
        "message": f'node command not allowed: "{name}" {why}',
        "details": {"reason": "command not allowlisted", "command": name},
    }


def test_refusals_of_what_the_node_lacks():
    assert OPEN.explain_missing("demo.any", frozenset({"demo.linux"}), "Linux 6") == Refusal(
        "command not declared by node",
        'node command not allowed: the node (platform: Linux 6) does not support "demo.any"',
    )
    assert OPEN.explain_missing("demo.any", frozenset(), "Linux 6") == Refusal(
        "node did not declare commands",
        "node command not allowed: the node did not declare any supported commands",
    )


def test_private_commands_are_shown_and_refused():
    assert wire(OPEN, "demo.hidden") == {
        "code": "INVALID_REQUEST",
        "message": "use the family's own method",
        "details": {"command": "demo.hidden"},
    }
    assert OPEN.refuse("demo.hidden", "linux", "linux", within_family=True) is None
    assert OPEN.refuse_private("demo.any") is None
    names = frozenset({"demo.hidden"})
    assert OPEN.declare(names, "linux").commands == names
    assert OPEN.effective(names, names, "linux") == names


@given(POLICIES, NAMES, PLATFORMS)
def test_deny_beats_everything(policy, name, platform):
    if name in policy.deny:
        assert policy.refuse(name, platform, "x", within_family=True) is not None
        assert name not in policy.declare({name}, platform).commands
        assert name not in policy.effective({name}, {name}, platform)


@given(POLICIES, NAMES, PLATFORMS)
def test_what_no_family_knows_or_is_dangerous_needs_its_exact_name_in_allow(policy, name, platform):
    known = TABLE.get(name)
    if known is None or known.dangerous:
        assert not policy.permits(name, platform) or name in policy.allow
        assert not policy.permits(f"{name}.x", platform)


@given(POLICIES, PLATFORMS, SETS, SETS)
def test_effective_is_within_declared_and_approved_and_never_refused(policy, platform, declared, approved):
    effective = policy.effective(declared, approved, platform)
    assert effective <= declared & approved
    assert effective <= policy.declare(declared, platform).commands
    assert all(policy.refuse(name, platform, "x", within_family=True) is None for name in effective)
    assert all(not policy.permits(name, platform) for name in (declared & approved) - effective)


@given(POLICIES, PLATFORMS, st.lists(NAMES))
def test_every_requested_command_is_declared_or_withheld_with_its_reason(policy, platform, requested):
    declared = policy.declare(requested, platform, "Text")
    assert declared.commands | set(declared.withheld) == set(requested)
    assert not declared.commands & set(declared.withheld)
    for name, why in declared.withheld.items():
        assert why == policy.refuse(name, platform, "Text", within_family=True).message


@given(POLICIES, NAMES, PLATFORMS, NAMES)
def test_a_longer_deny_list_never_allows_more(policy, name, platform, denied):
    stricter = CommandPolicy(TABLE, policy.allow, policy.deny | {denied})
    assert policy.permits(name, platform) or not stricter.permits(name, platform)


def test_nothing_requested_is_nothing_declared():
    assert OPEN.declare([], "linux") == Declared(frozenset(), {})


@pytest.mark.parametrize(
    ("commands", "needed"),
    [
        ([], ("operator.pairing",)),
        (["demo.any", "new.thing"], ("operator.pairing", "operator.write")),
        (["demo.any", "demo.admin"], ("operator.pairing", "operator.admin")),
    ],
)
def test_scopes_of_an_approval(commands, needed):
    assert OPEN.required_approve_scopes(commands) == needed


def test_scopes_of_an_invoke():
    assert OPEN.invoke_scopes("demo.admin") == ("operator.admin",)
    assert OPEN.invoke_scopes("demo.any") == OPEN.invoke_scopes("new.thing") == ("operator.write",)


# Capability names


SHUTTER = command("shutter.snap", dangerous=True)
LISTING = command("shutter.list", platforms=ALL_PLATFORMS)


@pytest.mark.parametrize(
    ("asked", "follow", "idle"),
    [
        (["shutter.snap"], True, {"shutter"}),
        (["shutter.snap", "shutter.list"], True, set()),
        ([], True, set()),  # a node that asks for no command of it may still have the capability
        (["shutter.snap"], False, set()),
    ],
)
def test_caps_that_lost_all_their_commands(asked, follow, idle):
    family = Family("shutter", "Shutter", (SHUTTER, LISTING), caps=("shutter",), caps_follow_commands=follow)
    declared = CommandPolicy(CommandTable([family])).declare([*asked, "made.up"], "linux")
    assert declared.idle_caps == idle
