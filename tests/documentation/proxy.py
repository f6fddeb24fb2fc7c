"""nginx with a page's `server` block, on a port and with a certificate of its own.

It listens on an address of this machine that is not loopback, as clients treat loopback otherwise.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Self

import psutil

from openclaw_core.config import load_settings
from openclaw_core.gateway.tls import prepare_certificate
from tests.interop.process import Program, await_value, free_port

__all__ = ["Proxy"]

MAIN = """\
daemon off; pid {here}/pid; error_log stderr;
events {{}}
http {{
  access_log off; client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;
  fastcgi_temp_path {here}/f; uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
  include {here}/site.conf;
}}
"""
PORT = "443"


class Proxy:
    """`gateway.example` and port 443 of the page are this machine and a free port."""

    def __init__(self, here: Path, site: str) -> None:
        self.here = here
        self.address = f"{own_address()}:{free_port()}"
        here.mkdir()
        certificate = re.search(r"ssl_certificate (\S+);", site)
        key = re.search(r"ssl_certificate_key (\S+);", site)
        assert certificate is not None
        assert key is not None
        made = prepare_certificate(load_settings(here / "ca", {"tls.enabled": True}))
        assert made is not None
        self.fingerprint = made.fingerprint
        site = site.replace(key[1], str(made.key_file)).replace(certificate[1], str(made.cert_file))
        (here / "site.conf").write_text(site.replace(f"listen {PORT} ", f"listen {self.address} "))
        (here / "nginx.conf").write_text(MAIN.format(here=here))
        self._argv = [
            shutil.which("nginx") or "/usr/sbin/nginx",
            "-p",
            str(here),
            "-c",
            str(here / "nginx.conf"),
        ]
        checked = subprocess.run([*self._argv, "-t"], capture_output=True, text=True, check=False, timeout=20)
        assert checked.returncode == 0, checked.stderr
        self._server = Program(self._argv, {"HOME": str(here), "PATH": "/usr/bin:/bin"}, here / "log")

    def own(self, text: str) -> str:
        """A page's text with this proxy's address."""
        return text.replace("://gateway.example", f"://{self.address}")

    def __enter__(self) -> Self:
        self._server.start()
        await_value((self.here / "pid").exists, "nginx serves", evidence=self._server.tail, within_s=20)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()


def own_address() -> str:
    """The first IPv4 address of this machine that is not loopback."""
    addresses = [item for interface in psutil.net_if_addrs().values() for item in interface]
    found = [item.address for item in addresses if item.family == socket.AF_INET]
    return next(address for address in found if not address.startswith("127."))
