"""The built site loads nothing from elsewhere."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.docs
SITE = Path(__file__).parents[2] / "build" / "site"
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "link": "href"}


class Loads(HTMLParser):
    """Collects what a browser would load from another host."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign: list[str] = []
        self.seen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get(LOADING.get(tag, ""))
        if address:
            self.seen += 1
            self.foreign += [address] if urlsplit(address).netloc else []


def test_no_page_loads_anything_from_elsewhere() -> None:
    pages = sorted(SITE.rglob("*.html"))
    assert len(pages) > 30, "build it first: make docs"
    foreign: dict[str, list[str]] = {}
    for page in pages:
        reader = Loads()
        reader.feed(page.read_text("utf-8"))
        assert reader.seen, page
        if reader.foreign:
            foreign[page.name] = reader.foreign
    assert foreign == {}


def test_no_style_loads_anything_from_elsewhere() -> None:
    styles = sorted(SITE.rglob("*.css"))
    assert styles
    assert [style.name for style in styles if "url(http" in style.read_text("utf-8")] == []
    assert [style.name for style in styles if "@import" in style.read_text("utf-8")] == []


def test_every_mark_was_filled() -> None:
    unfilled = [page.name for page in SITE.rglob("*.html") if "<!-- generated:" in page.read_text("utf-8")]
    assert unfilled == []
