"""A network that fails: a proxy in front of the service that drops answers or requests."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from n8n.e2e.harness.listen import JsonHandler, listening

FORWARD_LIMIT = 30.0


@dataclass
class Network:
    """The proxy's faults for the next requests, and how many requests it has received."""

    url: str = ""
    lose: int = 0
    """How many of the next answers are dropped: the service processes the request, the caller gets no answer."""
    down_after: int | None = None
    """After this many requests, none is forwarded or answered."""
    breaks: str = ""
    """Requests to a path that ends with this are neither forwarded nor answered."""
    seen: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def heal(self) -> None:
        self.lose, self.down_after, self.breaks, self.seen = 0, None, "", 0

    def passes(self, path: str) -> bool:
        with self.lock:
            self.seen += 1
            if self.breaks and path.endswith(self.breaks):
                return False
            return self.down_after is None or self.seen <= self.down_after

    def loses_this(self) -> bool:
        with self.lock:
            lost = self.lose > 0
            self.lose -= lost
            return lost


@contextmanager
def failing_network(upstream: int) -> Iterator[Network]:
    """A network to the service on port `upstream`; it works until a test breaks it."""
    network = Network()

    class Proxy(JsonHandler):
        def forward(self) -> None:
            self.close_connection = True
            body = self.body()
            if not network.passes(self.path):
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            connection = http.client.HTTPConnection("127.0.0.1", upstream, timeout=FORWARD_LIMIT)
            try:
                connection.request(self.command, self.path, body, headers)
                response = connection.getresponse()
                text = response.read()
            finally:
                connection.close()
            if not network.loses_this():
                self.answer(response.status, text, response.headers.get("Content-Type", "application/json"))

        do_GET = do_POST = forward  # noqa: N815  (the base class calls them by these names)

    with listening(Proxy) as port:
        network.url = f"http://127.0.0.1:{port}"
        yield network
