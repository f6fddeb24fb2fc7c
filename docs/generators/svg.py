"""The parts that the site's drawings share; colours come from site.css."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

__all__ = ["box", "picture"]


def box(name: str, x: float, y: float, width: int, height: int) -> str:
    """A named box around a middle, in px."""
    return (
        f'<rect class="actor" x="{x - width / 2:.0f}" y="{y - height / 2:.0f}" '
        f'width="{width}" height="{height}" rx="4"/>'
        f'<text x="{x:.0f}" y="{y + 5:.0f}" text-anchor="middle" class="strong">{escape(name)}</text>'
    )


def picture(title: str, width: int, height: int, parts: Iterable[str]) -> str:
    """The whole drawing as one element, never wider than its own width."""
    return (
        f'<svg class="diagram" role="img" viewBox="0 0 {width} {height}" style="max-width:{width}px">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
