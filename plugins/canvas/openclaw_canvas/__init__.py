"""The capability family canvas: a page on a node, shown and driven from the gateway (PROTOCOL 13, 18.2).

`gateway` keeps documents and serves them, and the A2UI host page, under scoped URLs. `node`
drives one Chromium page; it is imported when the first command runs.
"""

from openclaw_canvas.plugin import Canvas

__all__ = ["Canvas"]
