"""The backlog keeps nothing of items that need not be kept."""

from __future__ import annotations

from openclaw_core.services.backlog import PURGE_BATCH, Backlog
from openclaw_core.services.pending_item import Item, new_item


def item_at(number: int, *, expires: int) -> Item:
    return new_item(
        id=f"item-{number}",
        node_id="n",
        pairing_ms=1,
        kind="node.invoke",
        position=number,
        revision=number,
        caller="{}",
        created_at_ms=1,
        expires_at_ms=expires,
    )


def test_what_was_handed_out_again_and_again_is_overdue_once():
    backlog = Backlog()
    item = item_at(1, expires=10)
    backlog.add(item)
    for revision in range(2, 6):
        backlog.replace(item := item._replace(state="delivered", revision=revision))
    assert backlog.due(10) == [item]
    assert backlog.due(10) == []


def test_an_item_that_was_given_more_time_is_overdue_at_the_later_time():
    backlog = Backlog()
    backlog.add(item := item_at(1, expires=10))
    backlog.replace(later := item._replace(expires_at_ms=20))
    assert backlog.due(10) == []
    assert backlog.due(20) == [later]


def test_finished_items_do_not_pile_up_in_the_line_of_those_that_expire():
    backlog = Backlog()
    backlog.add(kept := item_at(0, expires=10))
    for number in range(1, 10 * PURGE_BATCH):
        backlog.add(item := item_at(number, expires=10))
        backlog.finish(item._replace(state="done", finished_at_ms=1))
    assert len(backlog._expiries) <= PURGE_BATCH + 3
    assert backlog.due(10) == [kept]
