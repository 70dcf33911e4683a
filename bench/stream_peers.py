"""The servers that streams are measured against, each on a port of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.cases import peer
from bench.servers import running
from tests.local_supabase.stack.npm import modules, node
from tests.ports import free_port

PACKAGES = Path(__file__).with_name("node")
"""Locks what is installed from npm: Socket.IO."""
NCHAN = "/usr/lib/nginx/modules/ngx_nchan_module.so"

MISSING = {
    "nchan": "nchan is missing: install it (Debian: apt-get install nginx-light libnginx-mod-nchan).",
}


def nginx() -> str | None:
    """The path of an nginx that nchan can be loaded into; None: it is not installed."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    return found if found and Path(NCHAN).exists() else None


@contextmanager
def nchan() -> Iterator[tuple[int, int]]:
    """nginx with nchan: one worker, whose messages are kept in memory; its port and process id."""
    port, program = free_port(), nginx()
    if program is None:
        raise RuntimeError(MISSING["nchan"])
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "nginx.conf"
        paths = "".join(
            f"  {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        settings.write_text(
            f"load_module {NCHAN};\ndaemon off;\nmaster_process off;\n"
            f"pid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{ worker_connections 8192; }}\n"
            f"http {{\n  access_log off;\n{paths}"
            f"  server {{\n    listen 127.0.0.1:{port};\n    keepalive_requests 10000000;\n"
            "    location = /publish { nchan_publisher; nchan_channel_id room; nchan_message_buffer_length 100; }\n"
            "    location = /stream { nchan_subscriber eventsource; nchan_channel_id room; }\n"
            "    location = /ws { nchan_subscriber websocket; nchan_channel_id room; }\n"
            "  }\n}\n",
            encoding="utf-8",
        )
        with running([program, "-p", folder, "-c", str(settings), "-e", f"{folder}/error.log"], port) as pid:
            yield port, pid


@contextmanager
def socketio_node() -> Iterator[tuple[int, int]]:
    """Socket.IO on Node, installed from npm into a cache; its port and process id."""
    port, folder = free_port(), modules(PACKAGES)
    script = Path(__file__).with_name("socketio.mjs")
    with running([str(node()), str(script), str(port), str(folder)], port) as pid:
        yield port, pid


PEERS = {
    "channels": lambda: peer("channels"),
    "socketio": lambda: peer("socketio"),
    "socketio-node": socketio_node,
    "nchan": nchan,
}
"""By name."""

__all__ = ["MISSING", "PEERS", "nginx"]
