"""Files of the node for the canvas: `openclaw-canvas:///…` is `canvas/…` in its state directory."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from openclaw_canvas.content_types import content_type
from openclaw_canvas.node.hosted import Answer

__all__ = ["read_local"]


def read_local(root: Path, url: str) -> Answer:
    """The file an address stands for, a directory for its index.html; 404 for what is not inside `root`."""
    root = root.resolve()
    path = (root / unquote(urlsplit(url).path).lstrip("/")).resolve()
    if path.is_dir():
        path = (path / "index.html").resolve()
    if not path.is_relative_to(root) or not path.is_file():
        return Answer(404, {"content-type": "text/plain"}, f"no file {path.name} in {root}".encode())
    return Answer(200, {"content-type": content_type(path.name)}, path.read_bytes())
