"""The A2UI host page: one HTML document with its script inside, so that nothing is loaded later."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["SCRIPT", "HostPage", "host_page"]

SCRIPT = Path(__file__).parent / "page" / "a2ui.js"

_STYLE = """
:root { color-scheme: light dark; --a2ui-color-background: light-dark(#f4f5f7, #14161a); }
html, body { height: 100%; margin: 0; }
body {
  background: var(--a2ui-color-background);
  color: light-dark(#222, #eee);
  font: 16px/1.5 system-ui, sans-serif;
}
openclaw-a2ui-host { box-sizing: border-box; display: grid; gap: 16px; padding: 16px; }
.empty { color: light-dark(#888, #777); margin: 20vh auto; }
.missing { margin: 20vh auto; max-width: 40rem; padding: 0 1rem; }
code { font-family: ui-monospace, monospace; }
"""

_MISSING = """<main class="missing">
<h1>No A2UI renderer</h1>
<p>The gateway serves this page, but the script that renders A2UI was not built into its package
<code>openclaw-canvas</code>. Hosted documents work all the same.</p>
<p>To build it, install Node.js with npm on the gateway's machine and run <code>make ui</code> in the
checkout, or <code>pip install --force-reinstall --no-deps --no-cache-dir openclaw-canvas</code>; then
restart the gateway.</p>
</main>"""

# Images and media may come from anywhere, as A2UI names them by URL; nothing else may come at all.
_POLICY = (
    "sandbox allow-scripts allow-forms; default-src 'none'; script-src {script}; "
    "style-src 'unsafe-inline'; img-src 'self' https: http: data: blob:; "
    "media-src 'self' https: http: data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, slots=True)
class HostPage:
    """The document, its Content-Security-Policy, and whether it can render."""

    html: bytes
    policy: str
    built: bool


@cache
def host_page(script: Path = SCRIPT) -> HostPage:
    """The page around a built script; without the script, one that says how to build it."""
    try:
        code = script.read_text("utf-8")
    except FileNotFoundError:
        return HostPage(_document(_MISSING), _POLICY.format(script="'none'"), built=False)
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    policy = _POLICY.format(script=f"'sha256-{digest}'")
    return HostPage(_document(f"<script>{code}</script>"), policy, built=True)


def _document(body: str) -> bytes:
    head = f'<meta charset="utf-8"><title>OpenClaw Canvas</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'.encode()
