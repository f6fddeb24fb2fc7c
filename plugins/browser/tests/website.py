"""A small web site of the tests' own: a login with a session cookie, a form, a frame, dialogs, files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

__all__ = ["Site", "serve"]

LOGIN = """<h1>Log in</h1><form method=post action=/login>
<label>User <input name=user></label><label>Password <input type=password name=password></label>
<button>Enter</button></form>"""
FORM = """<h1>Order for {user}</h1><form method=post action=/order>
<label>Name <input name=name></label>
<label>Size <select name=size><option value=s>Small</option><option value=l>Large</option></select></label>
<label><input type=checkbox name=gift value=yes> Gift</label>
<label>Note <textarea name=note></textarea></label><button>Send</button></form>
<script>console.log('form shown'); console.warn('stock is low')</script>"""
RESULT = "<h1>Thank you</h1><article>Ordered: {order}</article>"
COLOURS = """<style>body{margin:0;background:#fff}div{width:200px;height:100px;background:rgb(255,0,0)}
b{display:block;height:1500px}</style><div id=red role=img aria-label=Red></div><b>tall</b>"""
FRAMED = """<h1>Outside</h1><iframe src=/inner title=inner></iframe>
<p id=said>nothing</p><script>onmessage = e => said.textContent = e.data</script>"""
INNER = """<button onclick="parent.postMessage('pressed inside', '*')">Press me</button>"""
DIALOGS = """<button onclick="out.textContent = confirm('Really?') ? 'yes' : 'no'">Ask</button>
<button onclick="out.textContent = prompt('Who?', 'me')">Prompt</button><p id=out>-</p>"""
FILES = """<input type=file id=pick multiple aria-label=Pick>
<button onclick="pick.click()">Choose</button><p id=got>-</p><a href=/report.csv>Report</a>
<script>pick.onchange = async () => {
  got.textContent = (await Promise.all([...pick.files].map(async f => f.name + '=' + await f.text()))).join()
}</script>"""
KEYS = """<input aria-label=Keys><p id=log></p><button id=b>Hover</button><button disabled>Off</button>
<div style=height:3000px></div><button id=far>Far</button>
<script>addEventListener('keydown', e => log.textContent += e.key + ' ');
b.onmouseenter = () => log.textContent += 'hovered ';
far.onclick = () => { log.textContent += 'far '; document.querySelector('input').remove() };
setTimeout(() => { throw new TypeError('broken on purpose') })</script>"""
PAGES = {
    "/colours": COLOURS,
    "/framed": FRAMED,
    "/inner": INNER,
    "/dialogs": DIALOGS,
    "/files": FILES,
    "/keys": KEYS,
}


class Site:
    """A running site; `let_go` ends the answers to /hang, which else never come."""

    def __init__(self) -> None:
        self.url = ""
        self.let_go = threading.Event()
        self.hanging = threading.Event()


class Handler(BaseHTTPRequestHandler):
    """Serves `site`, which `serve` sets."""

    site: Site

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        user = user_of(self.headers)
        if self.path == "/hang":
            self.site.hanging.set()
            self.site.let_go.wait(60)
        if self.path in PAGES:
            self.page(PAGES[self.path])
        elif self.path == "/order" and user:
            self.page(FORM.format(user=user))
        elif self.path == "/order":
            self.go("/login")
        elif self.path == "/away":
            self.go("file:///etc/hostname")
        elif self.path == "/report.csv":
            attachment = {"Content-Disposition": "attachment; filename=report.csv"}
            self.page("a,b\n1,2\n", **attachment)
        else:
            self.page("<title>Test</title>" + LOGIN)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        fields = {key: values[0] for key, values in parse_qs(body).items()}
        if self.path == "/order":
            order = ", ".join(f"{key}={value}" for key, value in sorted(fields.items()))
            self.page(RESULT.format(order=order))
        elif fields.get("password") == "open sesame":
            self.go("/order", **{"Set-Cookie": f"user={fields['user']}; Path=/; Max-Age=9999"})
        else:
            self.page("<h1>Wrong password</h1>" + LOGIN)

    def page(self, text: str, **headers: str) -> None:
        self.send_response(200)
        for key, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def go(self, path: str, **headers: str) -> None:
        self.send_response(303)
        for key, value in {"Location": path, **headers}.items():
            self.send_header(key, value)
        self.end_headers()


def user_of(headers: Message) -> str | None:
    cookies = dict(part.strip().partition("=")[::2] for part in (headers["Cookie"] or "").split(";"))
    return cookies.get("user")


@contextmanager
def serve() -> Iterator[Site]:
    """The site on a free port of this machine."""
    site = Site()
    handler = type("SiteHandler", (Handler,), {"site": site})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        site.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield site
        finally:
            site.let_go.set()
            server.shutdown()
            thread.join()
