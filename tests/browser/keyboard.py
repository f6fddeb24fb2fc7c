"""What a person does who has no mouse."""

from __future__ import annotations

import re
from typing import Final

from playwright.sync_api import Page

__all__ = ["tab_to"]

_MOST_TABS: Final = 120
_FOCUSED = """() => {
  const { ariaLabel, labels, textContent } = document.activeElement;
  return ariaLabel || labels?.[0]?.textContent || textContent;
}"""


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the thing of this name has focus."""
    for _ in range(_MOST_TABS):
        page.keyboard.press("Tab")
        told = str(page.evaluate(_FOCUSED))
        if re.search(rf"^{re.escape(name)}", told.strip()):
            return
    raise AssertionError(f"Tab never came to {name!r}")
