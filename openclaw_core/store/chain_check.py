"""Walking a stored audit trail: is every row as it was written, and is none missing?"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, select

from openclaw_core.store.base import table_of
from openclaw_core.store.chain import HASHED, START, Head, link
from openclaw_core.store.models import AuditEvent

__all__ = ["Break", "ChainReport", "check_chain"]

_MOST_BREAKS = 20


class Break(NamedTuple):
    """A place where the trail is not as it was written."""

    row_id: int
    why: str


@dataclass(slots=True)
class ChainReport:
    """What a walk over the trail found.

    Attributes:
        rows: rows there are.
        older: rows at the beginning that were written before the chain; the first row of the
            chain vouches for all of them together.
        breaks: the first 20 places that do not fit, oldest first.
    """

    rows: int = 0
    older: int = 0
    breaks: list[Break] = field(default_factory=list)

    def add(self, row_id: int, why: str) -> None:
        """Note a break."""
        if len(self.breaks) < _MOST_BREAKS:
            self.breaks.append(Break(row_id, why))


def check_chain(connection: Connection, key: bytes, head: Head | None) -> ChainReport:
    """Recompute every link.

    Args:
        head: what the head file says, read before this connection's transaction began;
            None when there is none.
    """
    columns = table_of(AuditEvent).columns
    report, last, met = ChainReport(), START, head is None or head == START
    names = [columns[name] for name in (*HASHED, "chain_hash")]
    for *values, stored in connection.execute(select(*names).order_by(columns.id)).yield_per(1000):
        report.rows += 1
        expected = link(key, last.chain_hash, values)
        if stored is None and report.older == report.rows - 1:
            report.older += 1
            last = Head(values[0], expected)
        else:
            _judge(report, last, values, stored, expected)
            last = Head(values[0], stored or b"")
        if head is not None and last.row_id == head.row_id:
            met = True
            if last != head:
                report.add(last.row_id, "is not the row that the head file names")
    if not met and head is not None:
        report.add(last.row_id + 1, f"to {head.row_id} are missing: the trail was cut off at its end")
    return report


def _judge(report: ChainReport, last: Head, values: list[Any], stored: bytes | None, expected: bytes) -> None:
    row_id, kind, details = values[0], values[2], values[6]
    if row_id != last.row_id + 1:
        report.add(last.row_id + 1, f"to {row_id - 1} are missing")
    elif stored is None:
        report.add(row_id, "has lost its hash")
    elif stored != expected:
        older = report.older and report.older == report.rows - 1
        report.add(row_id, "does not fit the older rows before it" if older else "was changed")
    elif kind == "audit.break":
        report.add(row_id, f"was written at a start of the gateway: {orjson.loads(details)['reason']}")
