"""What a person does who has no mouse."""

from __future__ import annotations

import re
from typing import Final

from playwright.sync_api import Page, expect

__all__ = ["go", "no_mouse", "press", "tab_to", "type_into"]

_MOST_TABS: Final = 250
# What has focus is told by its outline, or by that of the word beside a radio button that is drawn by it.
_FOCUSED = """() => {
  const here = document.activeElement;
  const { ariaLabel, labels, textContent } = here;
  const box = here.getBoundingClientRect();
  const outlined = (each) => each !== null && getComputedStyle(each).outlineStyle !== 'none';
  return {
    name: (ariaLabel || labels?.[0]?.textContent || textContent).trim(),
    seen: here.matches(':focus-visible') && (outlined(here) || outlined(here.nextElementSibling))
      && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""
_COUNT_MOUSE = """() => {
  window.mouse = 0;
  addEventListener('pointerdown', () => { window.mouse += 1; }, true);
}"""


def tab_to(page: Page, name: str, *, back: bool = False) -> None:
    """Press Tab until the thing whose name begins so has focus; what has it must be seen to have it."""
    met: list[str] = []
    for _ in range(_MOST_TABS):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        told = page.evaluate(_FOCUSED)
        met.append(told["name"][:40])
        if re.search(rf"^{re.escape(name)}", told["name"]):
            assert told["seen"], f"{name!r} has focus and does not show it"
            return
    raise AssertionError(f"Tab never came to {name!r}; it came to {list(dict.fromkeys(met))}")


def type_into(page: Page, name: str, text: str) -> None:
    """Go to a field, and write what takes the place of what is in it."""
    tab_to(page, name)
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)


def no_mouse(page: Page) -> None:
    """Call at the end too: fails when anything was clicked since it was called first."""
    if page.evaluate("window.mouse === undefined"):
        page.evaluate(_COUNT_MOUSE)
    assert page.evaluate("window.mouse") == 0


def press(page: Page, name: str, key: str = "Enter") -> None:
    """Go to a thing, and use it."""
    tab_to(page, name)
    page.keyboard.press(key)


def go(page: Page, name: str) -> None:
    """Choose a page of the menu."""
    press(page, name)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.get_by_label("Loading")).to_have_count(0)
