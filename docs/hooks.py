"""What mkdocs calls while it builds the site."""

from __future__ import annotations

from typing import Any

from docs.generators import fill

__all__ = ["on_page_markdown"]


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A page before it becomes HTML."""
    return fill(markdown)
