"""A proxy in front of an object store that fails as networks and services do.

It takes whole requests and answers, so that a fault hits one request and no other. Kinds of faults:

- "500", "502", "503", "504": answered so, and not carried out
- "reset": the connection is reset, and nothing carried out
- "lost": carried out, and then the connection is reset
- "truncated": carried out, and the answer ends in the middle
"""

import http.client
import random
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

CODES = {"500": "InternalError", "502": "BadGateway", "503": "SlowDown", "504": "GatewayTimeout"}
KINDS = (*CODES, "reset", "lost", "truncated")
_ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>for a test</Message></Error>'
_PIECES_PER_S = 20
_OF_CONNECTIONS = {"connection", "expect", "transfer-encoding", "content-length", "keep-alive"}


class FaultProxy:
    """A running proxy, and the switches of its faults."""

    def __init__(self, upstream: str) -> None:
        """Serve in threads of this process, on a free port, until `close`."""
        parts = urlsplit(upstream)
        self.upstream = (str(parts.hostname), int(parts.port or 80))
        self.requests = 0  # that came, whatever became of them
        self.faults = 0  # that were made
        self.bytes_per_s: float | None = None
        self._lock = threading.Lock()
        self._next: list[str] = []
        self._of_each: Sequence[str] = ()
        self._seen: dict[str, int] = defaultdict(int)
        self._random: tuple[random.Random, float] | None = None
        self._away_until = 0.0
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, name="fault-proxy", daemon=True).start()

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail(self, count: int, status: int = 503) -> None:
        """Answer the next requests with an error."""
        self._queue([str(status)] * count)

    def reset(self, count: int) -> None:
        """Reset the connections of the next requests."""
        self._queue(["reset"] * count)

    def truncate(self, count: int) -> None:
        """End the next answers in the middle."""
        self._queue(["truncated"] * count)

    def lose(self, count: int) -> None:
        """Carry the next requests out and lose their answers."""
        self._queue(["lost"] * count)

    def _queue(self, kinds: list[str]) -> None:
        with self._lock:
            self._next += kinds

    def fail_each(self, kinds: Sequence[str]) -> None:
        """Let these faults hit the first requests for every path."""
        with self._lock:
            self._of_each = kinds
            self._seen.clear()

    def disturb(self, seed: int, share: float) -> None:
        """Let a share of all requests fail, each in a way drawn at random."""
        with self._lock:
            self._random = (random.Random(seed), share)

    def slow(self, bytes_per_s: float | None) -> None:
        """Send answers no faster than this; None: as fast as it goes."""
        self.bytes_per_s = bytes_per_s

    def outage(self, seconds: float) -> None:
        """Reset every connection for so long."""
        with self._lock:
            self._away_until = time.monotonic() + seconds

    def calm(self) -> None:
        """No more faults, and the end of an outage."""
        with self._lock:
            self._next, self._of_each, self._random, self._away_until = [], (), None, 0.0
        self.bytes_per_s = None

    @property
    def away(self) -> bool:
        """Whether there is an outage now."""
        with self._lock:
            return time.monotonic() < self._away_until

    def draw(self, path: str) -> str | None:
        """The fault of a request for a path, if it has one."""
        away = self.away
        with self._lock:
            self.requests += 1
            fault = "reset" if away else self._draw(path)
            self.faults += fault is not None
        return fault

    def _draw(self, path: str) -> str | None:
        if self._next:
            return self._next.pop(0)
        count = self._seen[path]
        self._seen[path] += 1
        if count < len(self._of_each):
            return self._of_each[count]
        if self._random:
            rng, share = self._random
            if rng.random() < share:
                return rng.choice(KINDS)
        return None

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)

    def shutdown_request(self, request: Any) -> None:
        self.close_request(request)  # no farewell: a reset shall be one

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients go when they like."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        body = self._body()
        fault = self.server.proxy.draw(self.path.split("?")[0])
        if fault == "reset":
            self._reset()
        elif fault in CODES:
            error = _ERROR.format(code=CODES[fault]).encode()
            self._answer(int(fault), "for a test", [("Content-Type", "application/xml")], error)
        else:
            answer = self._ask(body)
            if fault == "lost":
                self._reset()
            else:
                self._answer(*answer, part=0.5 if fault == "truncated" else 1.0)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def log_message(self, *args: Any) -> None:
        """Says nothing."""

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                continue  # trailers
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _ask(self, body: bytes) -> tuple[int, str, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*self.server.proxy.upstream, timeout=120)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _OF_CONNECTIONS:
                connection.putheader(name, value)
        if body or "Content-Length" in self.headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        data = answer.read()
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OF_CONNECTIONS]
        if self.command == "HEAD":
            headers.append(("Content-Length", answer.getheader("Content-Length", "0")))
        connection.close()
        return answer.status, answer.reason, headers, data

    def _answer(self, status: int, reason: str, headers: list[tuple[str, str]], body: bytes, part: float = 1.0) -> None:
        if self.command == "HEAD":
            body = b""
        elif status != 204:
            headers = [*headers, ("Content-Length", str(len(body)))]
        self.send_response_only(status, reason)
        for name, value in headers:
            self.send_header(name, value)
        if part < 1.0 and not body:
            self.close_connection = True  # half of an answer without a body is none
            return
        self.end_headers()
        self._send(body[: int(len(body) * part)])
        self.close_connection = self.close_connection or part < 1.0

    def _send(self, body: bytes) -> None:
        while body:
            rate = self.server.proxy.bytes_per_s
            size = max(1, int(rate / _PIECES_PER_S)) if rate else len(body)
            self.wfile.write(body[:size])
            body = body[size:]
            if rate and body:
                time.sleep(1 / _PIECES_PER_S)
            if self.server.proxy.away:
                return self._reset()
        return None

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


@contextmanager
def faulty(upstream: str) -> Iterator[FaultProxy]:
    """A proxy while the block runs."""
    proxy = FaultProxy(upstream)
    try:
        yield proxy
    finally:
        proxy.close()
