"""Small HTTP servers in the test process: the proxy between n8n and the service, and the stand-in for a model."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

END_LIMIT = 10.0


class JsonHandler(BaseHTTPRequestHandler):
    """A request handler that reads a body, answers JSON, and logs nothing."""

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, text: bytes, content_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's signature)
        pass


@contextmanager
def listening(handler: type[JsonHandler]) -> Iterator[int]:
    """Serve on a free port of the loopback until the block is left; yields the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=END_LIMIT)
