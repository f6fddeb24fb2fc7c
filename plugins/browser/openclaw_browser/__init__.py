"""Capability family `browser`: a Chromium on a node, driven through `browser.proxy` (PROTOCOL 18.9).

The gateway half (`plugin`, `models`, `gateway`) costs no dependency; the node half (`node`) is
the extra `[node]`.
"""

from openclaw_browser.plugin import Browser

__all__ = ["Browser"]
