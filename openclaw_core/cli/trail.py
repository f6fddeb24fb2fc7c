"""The audit chain of a state directory, checked without a gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from openclaw_core.cli.failure import CliError
from openclaw_core.config import Settings
from openclaw_core.services.audit_trail import HEAD_FILE, load_audit_key
from openclaw_core.store.chain import Head, HeadDamagedError, read_head
from openclaw_core.store.chain_check import Break, ChainReport, check_chain
from openclaw_core.store.offline import read_database

__all__ = ["TrailReport", "verify_trail"]


@dataclass(frozen=True, slots=True)
class TrailReport:
    """What `audit verify` says.

    Attributes:
        head: where the trail ends, as kept beside the database; None when nothing is kept.
    """

    chain: ChainReport
    head: Head | None

    @property
    def ok(self) -> bool:
        """True when every row is as it was written."""
        return not self.chain.breaks

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "ok": self.ok,
            "rows": self.chain.rows,
            "rowsBeforeChain": self.chain.older,
            "head": None
            if self.head is None
            else {"row": self.head.row_id, "hash": self.head.chain_hash.hex()},
            "breaks": [{"row": item.row_id, "why": item.why} for item in self.chain.breaks],
        }

    def lines(self) -> list[str]:
        """For people; the first broken row comes first."""
        chain = self.chain
        if not self.ok:
            told = [f"row {item.row_id} {item.why}" for item in chain.breaks]
            return [
                f"BROKEN: {told[0]}",
                *(f"        {line}" for line in told[1:]),
                f"{chain.rows} rows were checked. What was there is in a backup, if you made one.",
            ]
        older = f", {chain.older} of them from before the chain began" if chain.older else ""
        lines = [f"ok: {chain.rows} rows are as they were written{older}"]
        if self.head is not None:
            lines.append(f"head: row {self.head.row_id} {self.head.chain_hash.hex()}")
        return lines


def verify_trail(settings: Settings) -> TrailReport:
    """Check the trail of a state directory.

    Raises:
        CliError: no gateway was ever started here.
        StoreError: the database cannot be read.
        ConfigError: the audit key is damaged.
    """
    key = load_audit_key(settings.state_dir)
    if key is None:
        raise CliError(
            f"{settings.state_dir} holds no audit key: no gateway of this version was started with it yet",
            code="NO_AUDIT_TRAIL",
            steps=("name the gateway's state directory: OPENCLAW_STATE_DIR=DIR openclaw audit verify",),
        )
    # The head is read first: beside a running gateway the rows may be ahead of it, never behind.
    try:
        head = read_head(settings.state_dir / HEAD_FILE, key)
    except HeadDamagedError as error:
        damaged: str | None = str(error)
        head = None
    else:
        damaged = None if head is not None else f"{HEAD_FILE} is missing"
    report = read_database(settings.database_url, lambda connection: check_chain(connection, key, head))
    if damaged is not None and report.rows:
        report.breaks.append(Break(report.rows, f"may not be the last: {damaged}"))
    return TrailReport(report, head)
