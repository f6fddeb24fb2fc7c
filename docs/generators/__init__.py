"""What the site's pages get from the code: a page says `<!-- generated: NAME [ARGUMENT] -->`.

A generator is a function from the argument to Markdown. It runs whenever the site is built, so no
page can be out of date; `tests/documentation` checks that each says everything there is to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from docs.generators import architecture, cli, errors, families, records, settings

__all__ = ["GENERATORS", "MARK", "fill"]

MARK = re.compile(r"^<!-- generated: (\w+)(?: (\S+))? -->$", re.MULTILINE)

GENERATORS: dict[str, Callable[[str], str]] = {
    "adr": records.decisions,
    "arrows": architecture.arrows,
    "changelog": records.changelog,
    "cli": cli.reference,
    "configuration": settings.reference,
    "environment": settings.environment,
    "errors": errors.reference,
    "families": families.overview,
    "family": families.reference,
    "limits": records.limits,
    "metrics": records.metrics,
    "scopes": records.scopes,
}


def fill(page: str) -> str:
    """The page with every mark replaced.

    Raises:
        ValueError: a mark names no generator.
    """

    def text(mark: re.Match[str]) -> str:
        if mark[1] not in GENERATORS:
            raise ValueError(f"{mark[0]}: no such generator; known: {', '.join(sorted(GENERATORS))}")
        return GENERATORS[mark[1]](mark[2] or "")

    return MARK.sub(text, page)
