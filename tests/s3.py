"""An S3 server for the tests: moto's, behind a layer that can be told to misbehave as real services do.

Run as a program it serves on a free port, prints the port and ends when its standard input is closed.
POST /-/misbehave with "KIND COUNT" as body makes the next COUNT requests for an object go wrong:

- slow-down: answered 503 and not carried out
- lost-answer: carried out, but answered 500
- conflict: a conditional write answered 409 and not carried out
- unconditional: conditional writes carried out without their condition, as old servers do
"""

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

_ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>for a test</Message></Error>'
_ANSWERS = {
    "slow-down": ("503 Slow Down", "SlowDown"),
    "lost-answer": ("500 Internal Server Error", "InternalError"),
    "conflict": ("409 Conflict", "ConditionalRequestConflict"),
}


class Service:
    """The WSGI application."""

    def __init__(self) -> None:
        """Wrap moto's own application."""
        self.moto = DomainDispatcherApplication(create_backend_app)
        # moto looks and then writes; S3 does both in one step, so conditional writes go one at a time.
        self.one_at_a_time = threading.Lock()
        self.faults: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] == "/-/misbehave":
            kind, count = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode().split()
            self.faults = [kind] * int(count)
            start_response("200 OK", [("Content-Length", "0")])
            return [b""]
        fault = self.fault_for(environ)
        if fault == "unconditional":
            del environ["HTTP_IF_NONE_MATCH"]
        if fault in ("slow-down", "conflict"):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            return self.fail(fault, start_response)
        answer = self.carry_out(environ, start_response if fault != "lost-answer" else lambda *_: None)
        return self.fail(fault, start_response) if fault == "lost-answer" else answer

    def carry_out(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "HTTP_IF_NONE_MATCH" in environ:
            with self.one_at_a_time:
                return list(self.moto(environ, start_response))
        return self.moto(environ, start_response)  # type: ignore[no-any-return]

    def fault_for(self, environ: dict[str, Any]) -> str | None:
        is_object = environ["PATH_INFO"].strip("/").count("/") >= 1 and environ["REQUEST_METHOD"] in (
            "PUT",
            "GET",
        )
        if not is_object or not self.faults:
            return None
        if self.faults[0] in ("conflict", "unconditional") and "HTTP_IF_NONE_MATCH" not in environ:
            return None
        return self.faults.pop(0)

    def fail(self, fault: str, start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, code = _ANSWERS[fault]
        body = _ERROR.format(code=code).encode()
        start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
        return [body]


def main() -> None:
    """Serve until standard input is closed, that is until the tests end, however they end."""
    server = make_server("127.0.0.1", 0, Service(), threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
