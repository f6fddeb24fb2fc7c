"""The journal of work begun and done: PROTOCOL 14, issue "pending work, durable"."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading

import pytest

from openclaw_core.errors import ConfigError
from openclaw_core.node_host import journal as journals
from openclaw_core.node_host.journal import Entry, Journal

DONE = {"ok": True, "payloadJSON": "{}"}


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "node" / "journal.db")
    yield opened
    opened.close()


def test_begun_then_finished_then_reported(journal):
    assert journal.find("a") is None
    assert journal.begin("a", "demo.do") is True
    assert journal.find("a") == Entry("a", "demo.do", None)
    assert journal.unreported() == []
    journal.finish("a", DONE)
    assert journal.unreported() == [Entry("a", "demo.do", DONE)]
    journal.note_reported("a")
    assert journal.unreported() == [Entry("a", "demo.do", DONE)] or journal.unreported() == []
    assert journal.unreported() == []
    assert journal.find("a") == Entry("a", "demo.do", DONE)


def test_only_one_can_begin_an_item(journal):
    other = Journal(journal.path)
    won: list[bool] = []
    threads = [
        threading.Thread(target=lambda one=one: won.append(one.begin("a", "demo.do")))
        for one in (journal, other) * 8
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    other.close()
    assert sorted(won) == [False] * 15 + [True]


def test_everything_is_there_after_a_restart_and_close_stores_reports(journal):
    journal.begin("a", "demo.do")
    journal.begin("b", "demo.do")
    journal.finish("b", DONE)
    journal.note_reported("b")
    journal.close()
    again = Journal(journal.path)
    assert (again.find("a"), again.unreported()) == (Entry("a", "demo.do", None), [])
    again.close()


def test_what_is_noted_survives_kill_9(tmp_path):
    path = tmp_path / "journal.db"
    program = (
        "import os, sys; from pathlib import Path; from openclaw_core.node_host.journal import Journal\n"
        "j = Journal(Path(sys.argv[1])); j.begin('a', 'demo.do'); j.begin('b', 'demo.do')\n"
        "j.finish('b', {'ok': True}); os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], timeout=30, check=False)
    assert ended.returncode == -9
    journal = Journal(path)
    assert journal.find("a") == Entry("a", "demo.do", None)
    assert journal.unreported() == [Entry("b", "demo.do", {"ok": True})]
    journal.close()


def test_the_file_is_private(journal):
    journal.begin("a", "demo.do")
    for path in journal.path.parent.glob("journal.db*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_reported_entries_are_pruned_and_others_never(journal, monkeypatch):
    for item_id in ("begun", "done", "old", "new"):
        journal.begin(item_id, "demo.do")
    for item_id in ("done", "old", "new"):
        journal.finish(item_id, DONE)
    journal.note_reported("old", "new")
    journal.close()
    with sqlite3.connect(journal.path) as database:
        database.execute("UPDATE work SET ts_ms = 1 WHERE id != 'new'")
    database.close()
    assert [item for item in ("begun", "done", "old", "new") if journal.find(item)] == [
        "begun",
        "done",
        "new",
    ]
    journal.close()
    monkeypatch.setattr(journals, "KEEP_ENTRIES", 0)
    assert [item for item in ("begun", "done", "new") if journal.find(item)] == ["begun", "done"]


def test_a_damaged_file_says_what_to_do(tmp_path):
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(ConfigError, match=r"journal\.db .*not a database.*move it away"):
        Journal(path).begin("a", "demo.do")
