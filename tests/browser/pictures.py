"""Pages as people see them: in light and dark, on a desk and on a phone; checked by axe, kept as pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

__all__ = ["SCHEMES", "check", "picture"]

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDTHS = {"wide": 1200, "phone": 390}
AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"


def check(page: Page, *, colours_only: bool = False) -> None:
    """axe finds nothing wrong with what is shown, or with its colours."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE.read_text())
    rules = {"runOnly": ["color-contrast"]} if colours_only else {}
    found = page.evaluate("(rules) => axe.run(rules).then((told) => told.violations)", rules)
    assert not found, [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]


def picture(
    page: Page, shots: Path, name: str, scheme: Scheme, show: Callable[[], object] = lambda: None
) -> None:
    """A page in both widths: nothing is cut off, axe finds nothing, a picture is kept.

    Args:
        show: brings up what is to be seen, after the width was set.
    """
    page.emulate_media(color_scheme=scheme)
    for kind, width in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 900})
        show()
        page.evaluate("scrollTo(0, 0)")
        # What is behind a dialog is dark as far as the window goes, so the window is the picture.
        whole = page.locator("dialog[open]").count() == 0
        page.screenshot(path=str(shots / f"{name}-{scheme}-{kind}.png"), full_page=whole)
        beyond = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert beyond <= 0, f"{name} is {beyond} px wider than a {kind} window"
        # Of the same page in the dark only the colours are others.
        check(page, colours_only=scheme == "dark")
    page.set_viewport_size({"width": WIDTHS["wide"], "height": 900})
