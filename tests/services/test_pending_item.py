"""An item is the stored row itself, and its id goes to the end of the index."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.hookspecs import Caller
from openclaw_core.services.pending_item import Ids, Item, caller_of, encode_caller, new_item, save
from openclaw_core.store.base import column_names
from openclaw_core.store.models import PendingWork

CALLER = Caller("conn", "cli", "cli", "device", frozenset(("operator.write", "operator.read")))
COLUMNS = {
    "id": "i",
    "node_id": "n",
    "pairing_ms": 1,
    "kind": "node.invoke",
    "position": 1,
    "revision": 1,
    "caller": encode_caller(CALLER),
    "created_at_ms": 1,
    "expires_at_ms": 2,
}


def test_its_fields_are_the_columns_in_table_order():
    assert Item._fields == column_names(PendingWork)
    item = new_item(**COLUMNS)
    assert save(item).values is item


def test_a_new_one_is_queued_and_lacks_what_was_not_given():
    item = new_item(**COLUMNS)
    assert (item.state, item.priority, item.is_out) == ("queued", "normal", False)
    assert item.command is item.params_json is item.result_json is None


def test_what_many_items_share_is_one_string():
    rows = [list(new_item(**COLUMNS, command="".join(("a.", "b")))) for _ in range(2)]
    first, second = map(Item.stored, rows)
    assert first.command is second.command
    assert first.caller is second.caller
    assert encode_caller(CALLER) is encode_caller(Caller(**{f: getattr(CALLER, f) for f in CALLER.__slots__}))


def test_the_caller_comes_back_with_the_scopes_of_then():
    assert caller_of(encode_caller(CALLER)) == CALLER


@given(st.lists(st.integers(0, 2**47), min_size=2, max_size=50))
def test_ids_are_uuids_of_version_7_and_only_grow_whatever_the_clock_does(clock):
    ids = Ids()
    made = [ids.make(now) for now in clock]
    assert made == sorted(set(made))
    assert {(uuid.UUID(each).version, uuid.UUID(each).variant) for each in made} == {(7, uuid.RFC_4122)}


def test_an_id_tells_when_it_was_made():
    assert uuid.UUID(Ids().make(1_700_000_000_123)).int >> 80 == 1_700_000_000_123
