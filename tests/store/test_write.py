"""`write`: atomic, grouped, isolated failures, read back as given."""

import asyncio

import pytest

from openclaw_core.errors import StoreError
from openclaw_core.store.base import Append, Remove, Save
from openclaw_core.store.models import (
    AuditEvent,
    Device,
    DeviceToken,
    NodeSurface,
    PairRequest,
    SurfaceRequest,
)


def test_every_table_reads_back_what_was_saved(run, device, pair_request):
    rows = [
        device(roles=["node", "operator"], scopes=["a"], last_seen_at_ms=2**41, operator_label="Küche %s ?"),
        DeviceToken(
            device_id="d1", role="node", scopes=["x"], generation=3, created_at_ms=1, previous_valid=True
        ),
        pair_request("r1", "d1"),
        NodeSurface(node_id="d1", caps=["c"], commands=["m"], permissions={"p": True}, created_at_ms=5),
        SurfaceRequest(request_id="s1", node_id="d1", permissions={"p": False}, silent=True, ts_ms=9),
    ]

    async def scenario(store):
        await store.write(*map(Save, rows))
        for row in rows:
            assert await store.load(type(row)) == [row]

    run(scenario)


def test_save_replaces_the_row_of_the_same_key_and_remove_deletes_it(run, device):
    async def scenario(store):
        await store.write(Save(device(version="1")))
        await store.write(Save(device(version="2")), Save(device("d2")))
        assert [(d.device_id, d.version) for d in await store.load(Device)] == [("d1", "2"), ("d2", None)]
        await store.write(Remove(Device, "d1"), Remove(Device, "never-there"))
        assert [d.device_id for d in await store.load(Device)] == ["d2"]

    run(scenario)


def test_changes_of_one_call_apply_in_order(run, device, pair_request):
    async def scenario(store):
        await store.write(Save(device(version="1")), Save(device(version="2")), Save(device(version="3")))
        assert [d.version for d in await store.load(Device)] == ["3"]
        await store.write(Save(pair_request("r1", "d1")))
        await store.write(Remove(PairRequest, "r1"), Save(pair_request("r2", "d1")))
        assert [r.request_id for r in await store.load(PairRequest)] == ["r2"]

    run(scenario)


def test_the_values_are_taken_when_the_change_is_made(run, device):
    async def scenario(store):
        row = device(roles=["node"])
        change = Save(row)
        row.roles.append("later")
        row.version = "later"
        await store.write(change)
        assert await store.load(Device) == [device(roles=["node"])]

    run(scenario)


def test_a_call_is_stored_whole_or_not_at_all(run, device, pair_request):
    async def scenario(store):
        await store.write(Save(pair_request("r1", "d1")))
        with pytest.raises(StoreError, match="storing failed"):
            await store.write(Save(device()), Save(pair_request("r2", "d1")))
        assert await store.load(Device) == []

    run(scenario)


def test_a_failing_call_fails_alone(run, device, pair_request):
    async def scenario(store):
        await store.write(Save(pair_request("taken", "d0")))
        calls = [store.write(Save(device(f"d{i:03}"))) for i in range(50)]
        calls.insert(25, store.write(Save(device("d999")), Save(pair_request("other", "d0"))))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [i for i, outcome in enumerate(outcomes) if outcome is not None] == [25]
        assert isinstance(outcomes[25], StoreError)
        assert [d.device_id for d in await store.load(Device)] == [f"d{i:03}" for i in range(50)]

    run(scenario)


def test_a_value_the_database_cannot_hold_is_a_store_error(run, device):
    async def scenario(store):
        with pytest.raises(StoreError, match="storing failed"):
            await store.write(Save(device(roles=[object()])))
        await store.write(Save(device()))
        assert len(await store.load(Device)) == 1

    run(scenario)


def test_concurrent_calls_share_commits(run, device):
    async def scenario(store):
        before = store.commits
        await asyncio.gather(*(store.write(Save(device(f"d{i}"))) for i in range(128)))
        assert len(await store.load(Device)) == 128
        assert store.commits - before <= 8

    run(scenario)


def test_a_cancelled_call_harms_nobody(run, device):
    async def scenario(store):
        task = asyncio.create_task(store.write(Save(device("d1"))))
        await asyncio.sleep(0)
        task.cancel()
        await store.write(Save(device("d2")))
        assert task.cancelled()
        assert "d2" in [d.device_id for d in await store.load(Device)]

    run(scenario)


def test_a_cancelled_call_ends_when_its_outcome_is_known(run, device):
    async def scenario(store):
        known = []

        async def write():
            await store.write(Save(device("d1")))
            known.append("d1")
            await asyncio.sleep(0)
            known.append("went on")

        task = asyncio.create_task(write())
        await asyncio.sleep(0)
        for _ in range(2):  # whoever cancels again learns nothing sooner
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.wait({task})
        assert (task.cancelled(), known) == (True, ["d1"])
        assert len(await store.load(Device)) == 1

    run(scenario)


def test_a_time_limit_around_a_call_is_still_one(run, device):
    async def scenario(store):
        async def limited():
            async with asyncio.timeout(0):
                await store.write(Save(device("d1")))
                await asyncio.sleep(0)

        with pytest.raises(TimeoutError):
            await limited()
        assert len(await store.load(Device)) == 1

    run(scenario)


def test_changes_that_cannot_be_right_are_refused_when_made(device):
    with pytest.raises(TypeError, match="keyed by device_id, role"):
        Remove(DeviceToken, "d1")
    with pytest.raises(TypeError, match="not wrong"):
        Append(AuditEvent, {"wrong": 1})
    with pytest.raises(TypeError, match="not id"):
        Append(AuditEvent, {"id": 1})
    with pytest.raises(TypeError, match="Device has no column nope"):
        device(nope=1)


def test_a_copy_is_a_row_of_its_own(device):
    row = device(version="1")
    copy = row.model_copy(update={"version": "2"})
    del row
    copy.version = "3"
    assert (copy.version, copy.device_id) == ("3", "d1")


def test_of_two_versions_in_one_group_the_later_one_stays(run, device):
    async def scenario(store):
        await asyncio.gather(*(store.write(Save(device(display_name=name))) for name in "abc"))
        assert [row.display_name for row in await store.load(Device)] == ["c"]

    run(scenario)


def test_plain_values_are_stored_like_a_row(run, device):
    async def scenario(store):
        row = device(display_name="a")
        await store.write(Save.values_of(Device, Save(row).values))
        assert await store.load(Device) == [row]

    run(scenario)


def test_plain_values_are_refused_when_they_are_no_row():
    with pytest.raises(TypeError, match="Device takes a value for each of device_id"):
        Save.values_of(Device, ("d1",))
    with pytest.raises(TypeError, match="only appended"):
        Save.values_of(AuditEvent, (1,))
