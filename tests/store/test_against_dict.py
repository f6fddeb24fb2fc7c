"""Any sequence of saves, removals and ways to hand them over leaves what a dict would hold."""

import asyncio
import tempfile

from hypothesis import given, settings
from hypothesis import strategies as st

from openclaw_core.store.base import Remove, Save
from openclaw_core.store.models import DeviceToken
from openclaw_core.store.sql import SqlStore

names = st.sampled_from(["a", "b", "ü'%s", ""])
rows = st.builds(
    DeviceToken,
    device_id=names,
    role=names,
    scopes=st.lists(st.text(max_size=5).filter(lambda value: value.isprintable()), max_size=3),
    generation=st.integers(0, 5),
    created_at_ms=st.integers(0, 2**53),
    revoked_at_ms=st.none() | st.integers(0, 2**53),
    previous_valid=st.booleans(),
)
changes = st.one_of(rows.map(Save), st.builds(lambda d, r: Remove(DeviceToken, d, r), names, names))
calls = st.lists(st.tuples(st.booleans(), st.lists(changes, max_size=6)), max_size=12)


def apply(model, change):
    if isinstance(change, Remove):
        model.pop(change.values, None)
    else:
        model[change.values[:2]] = change.values


async def play(url, sequence):
    model = {}
    store = SqlStore(url)
    await store.start()
    waiting = []
    for behind, call in sequence:
        for change in call:
            apply(model, change)
        if behind:
            store.write_behind(*call)
        else:
            waiting.append(asyncio.ensure_future(store.write(*call)))
            await asyncio.sleep(0)  # lets the call hand over its changes, in this order
    await asyncio.gather(*waiting)
    await store.close()
    await store.start()
    held = {Save(row).values[:2]: Save(row).values for row in await store.load(DeviceToken)}
    await store.close()
    assert held == model
    assert store.failed == 0


@settings(max_examples=40, deadline=None)
@given(calls)
def test_the_store_holds_what_a_dict_would(sequence):
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(play(f"sqlite:///{directory}/openclaw.db", sequence))
