"""What a browser loads before it shows the page; held where the page is built (`make ui`)."""

from __future__ import annotations

import re

import pytest

from openclaw_core.control_ui.site import STATIC_DIR, find_files, is_built

FIRST_LOAD_BYTES = 150_000
_LOADED = re.compile(r"""(?:src|href)=["']([^"']+)["']""")

pytestmark = pytest.mark.skipif(not is_built(), reason="the page is not built: make ui")


def first_load():
    """Name → file, of the page and of everything it names itself."""
    files = find_files()
    names = _LOADED.findall((STATIC_DIR / "index.html").read_text("utf-8"))
    loaded = {"/": files["/"]}
    for name in names:
        if not name.startswith(("#", "data:")):
            path = "/" + name.removeprefix(".").removeprefix("/")
            assert path in files, f"the page loads {name}, which its build does not have"
            loaded[path] = files[path]
    return loaded


def test_first_load_fits_its_budget():
    sizes = {}
    for name, file in first_load().items():
        packed = file.forms.get("gzip")
        assert packed is not None or file.media_type.startswith("image/"), f"{name} is not packed"
        sizes[name] = (packed or file.forms["identity"]).stat().st_size
    assert len(sizes) > 1, "the page loads a script, or this test reads it wrong"
    assert sum(sizes.values()) < FIRST_LOAD_BYTES, sizes
