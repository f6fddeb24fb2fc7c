"""Pages that retell a file or a table: decisions, changes, limits, metrics, scopes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from docs.coverage import collect
from docs.generators.sentences import after_constants
from docs.generators.table import code, table
from openclaw_core.config import load_settings
from openclaw_core.gateway.gateway import Gateway
from openclaw_core.gateway.metrics import GatewayCollector
from openclaw_core.plugins import Plugins
from openclaw_core.protocol import limits as wire
from openclaw_core.services.runtime import Runtime
from openclaw_core.store.sql import SqlStore

__all__ = ["changelog", "decisions", "limits", "metrics", "scopes"]

ROOT = Path(__file__).parents[2]
UNITS = {"BYTES": "bytes", "MS": "ms", "CHARS": "characters"}  # by the end of a constant's name


def decisions(_: str) -> str:
    """Every record of a decision, by its first line."""
    files = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    return "\n".join(f"- [{_title(file)}]({file.name})" for file in files) + "\n"


def _title(file: Path) -> str:
    return file.read_text("utf-8").splitlines()[0].removeprefix("# ")


def changelog(_: str) -> str:
    """CHANGELOG.md below its heading."""
    return (ROOT / "CHANGELOG.md").read_text("utf-8").partition("\n")[2]


def limits(_: str) -> str:
    """The constants of the wire contract with what the code says of them."""
    texts = after_constants(Path(wire.__file__))
    rows = [
        (_words(name), f"{_figure(getattr(wire, name))}{_unit(name)}", text)
        for name, text in texts.items()
        if not name.startswith("CLOSE_") or name == "CLOSE_REASON_BYTES"
    ]
    return table(("limit", "value", "meaning"), rows)


def _words(name: str) -> str:
    kept = [word for word in name.lower().split("_") if word.upper() not in ("BYTES", "MS", "TTL")]
    return " ".join(kept).replace(" ip", " address").capitalize() + (" lives" if "_TTL_" in name else "")


def _figure(value: int | tuple[int, ...]) -> str:
    return f"{value:,}" if isinstance(value, int) else ", ".join(map(str, value))


def _unit(name: str) -> str:
    return next((f" {unit}" for end, unit in UNITS.items() if name.endswith(f"_{end}")), "")


def metrics(_: str) -> str:
    """Every metric of the gateway's own, from a collector of a gateway that does not serve."""
    return asyncio.run(_metrics())


async def _metrics() -> str:
    with TemporaryDirectory() as directory:
        settings = load_settings(Path(directory), {"auth.token": "only-its-tables-are-read"})
        runtime = Runtime(settings, SqlStore(settings.database_url), Plugins(), version="0")
        found = list(GatewayCollector(Gateway(runtime)).collect())
    rows = [
        (code(item.name + ("_total" if item.type == "counter" else "")), item.type, item.documentation)
        for item in found
    ]
    return table(("metric", "type", "meaning"), rows)


def scopes(_: str) -> str:
    """What each operator scope allows, by the methods that need it."""
    needed: dict[str, list[str]] = defaultdict(list)
    for row in collect().methods.values():
        if row.access.startswith("operator."):
            needed[row.access].append(f"`{row.name}`")
    return table(
        ("scope", "methods"), [(code(scope), ", ".join(names)) for scope, names in sorted(needed.items())]
    )
