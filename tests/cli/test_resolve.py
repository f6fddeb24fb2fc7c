"""Which node a person means: never a guess between two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.cli.failure import CliError
from openclaw_core.cli.resolve import Candidate, candidates_of_devices, candidates_of_nodes, resolve

from .payloads import NODE_ID, OFFLINE_NODE, PAIRED_DEVICE, WAITING_NODE

ids = st.text("0123456789abcdef", min_size=64, max_size=64)
names = st.sampled_from(["Phone", "phone", "Living Room", "living-room!", "Büro", "電話", "!!!", "10.0.0.1"])
addresses = st.sampled_from([None, "10.0.0.1", "10.0.0.2"])
candidates = st.builds(Candidate, ids, names, addresses, st.booleans())
fleets = st.lists(candidates, max_size=8, unique_by=lambda item: item.id)
queries = st.one_of(names, st.text(max_size=12), st.sampled_from(["10.0.0.1", "PHONE", "living room"]))


@given(fleets, candidates)
def test_an_exact_id_always_wins(fleet: list[Candidate], wanted: Candidate) -> None:
    others = [item for item in fleet if item.id != wanted.id]
    assert resolve(wanted.id, [*others, wanted]) == wanted


@given(fleets, queries)
def test_an_answer_has_no_equal_rival(fleet: list[Candidate], query: str) -> None:
    found = next((item for item in fleet if item.id == _outcome(query, fleet)), None)
    if found is None:
        assert _outcome(query, fleet) in ("UNKNOWN_NODE", "AMBIGUOUS_NODE")
        return
    # Whoever shares the attribute that was matched must be away while the answer is here.
    matched = next((key for key in ("id", "remote_ip", "name") if getattr(found, key) == query), None)
    if matched is not None:
        equals = [item for item in fleet if item.id != found.id and getattr(item, matched) == query]
        assert not equals or (found.connected and not any(item.connected for item in equals))


@given(fleets, queries)
def test_the_order_of_the_fleet_decides_nothing(fleet: list[Candidate], query: str) -> None:
    assert _outcome(query, fleet) == _outcome(query, list(reversed(fleet)))


twins = st.builds(Candidate, ids, st.sampled_from(["Phone", "phone", "PHONE!"]), st.none(), st.booleans())
rivals = st.lists(twins, min_size=2, max_size=6, unique_by=lambda item: item.id).filter(
    lambda fleet: sum(item.connected for item in fleet) != 1
)


@given(rivals, st.sampled_from(["phone", "Phone"]))
def test_an_ambiguity_lists_every_match_by_id(fleet: list[Candidate], query: str) -> None:
    with pytest.raises(CliError) as caught:
        resolve(query, fleet)
    assert caught.value.code == "AMBIGUOUS_NODE"
    assert caught.value.details is not None
    assert [match["id"] for match in caught.value.details["matches"]] == [item.id for item in fleet]
    assert all(resolve(item.id, fleet) == item for item in fleet)


def _outcome(query: str, fleet: list[Candidate]) -> str:
    try:
        return resolve(query, fleet).id
    except CliError as error:
        return error.code


A = Candidate("a" * 64, "Phone", "192.0.2.1", connected=False)
B = Candidate("b" * 64, "phone!", "192.0.2.2", connected=True)
C = Candidate("abcdef" + "c" * 58, "Desk", None, connected=True)
D = Candidate("abcdef" + "d" * 58, "a" * 64, None, connected=True)


@pytest.mark.parametrize(
    ("query", "fleet", "expected"),
    [
        ("a" * 64, [A, D], A),  # an id beats a name that looks like it
        ("192.0.2.1", [A, B], A),
        ("PHONE", [A], A),
        ("Phone", [A, B], B),  # B is the only connected one of that name
        ("abcdefc", [C, D], C),
        ("ABCDEFC", [C, D], C),
        ("abcdefcccccc…", [C, D], C),  # as a terminal shortens it
        (" Desk ", [C], C),
    ],
)
def test_tiers(query: str, fleet: list[Candidate], expected: Candidate) -> None:
    assert resolve(query, fleet) == expected


def test_five_characters_are_no_prefix() -> None:
    with pytest.raises(CliError, match=r"^unknown node: abcde \(known: Desk\)$"):
        resolve("abcde", [C])


def test_an_ambiguous_name_lists_the_matches() -> None:
    pair = [Candidate("a1" + "0" * 62, "Twin", None, True), Candidate("b2" + "0" * 62, "Twin", None, True)]
    with pytest.raises(CliError) as caught:
        resolve("twin", pair)
    text = "ambiguous node: twin (matches: Twin (a10000000000…), Twin (b20000000000…))"
    assert str(caught.value) == text
    assert caught.value.steps[-1].endswith("--node a10000000000")


def test_listed_ids_are_long_enough_to_tell_apart() -> None:
    twins = [Candidate("0" * 63 + "1", "T", None, True), Candidate("0" * 63 + "2", "T", None, True)]
    with pytest.raises(CliError) as caught:
        resolve("t", twins)
    assert "0" * 63 + "1" in str(caught.value)
    assert "0" * 63 + "2" in str(caught.value)


def test_no_node_at_all() -> None:
    with pytest.raises(CliError, match=r"unknown node: x \(known: none\)"):
        resolve("x", [])


@pytest.mark.parametrize("query", ["", "   ", "…", "!!!"])
def test_an_empty_query_matches_nothing(query: str) -> None:
    with pytest.raises(CliError, match="unknown node"):
        resolve(query, [A, B, C])


def test_many_known_names_are_cut() -> None:
    fleet = [Candidate(f"{number:064x}", f"n{number:02}", None, False) for number in range(15)]
    with pytest.raises(CliError, match=r"n11, and 3 more\)"):
        resolve("x", fleet)


def test_candidates_of_payloads() -> None:
    nodes = candidates_of_nodes([WAITING_NODE, OFFLINE_NODE])
    assert [(item.name, item.remote_ip, item.connected) for item in nodes] == [
        ("Lab", None, True),
        ("Attic", "192.0.2.7", False),
    ]
    assert candidates_of_devices([{**PAIRED_DEVICE, "operatorLabel": "Mine"}]) == [
        Candidate(NODE_ID, "Mine", None, False)
    ]


def test_a_connected_device_is_not_preferred() -> None:
    twins = candidates_of_devices(
        [PAIRED_DEVICE, {**PAIRED_DEVICE, "deviceId": "f" * 64, "connected": False}]
    )
    with pytest.raises(CliError, match="ambiguous device"):
        resolve("Lab", twins, noun="device")
