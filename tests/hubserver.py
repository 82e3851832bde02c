"""A hub on this machine: what the libraries ask of huggingface.co, for the files of one folder."""

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """Where it answers, and the files that were fetched whole of it, in order."""

    url: str
    fetched: list[str] = field(default_factory=list)


@contextmanager
def serve(folder: Path, name: str, kind: str = "datasets") -> Iterator[Hub]:
    """Serves a folder as the dataset (or of "models" the model) ``name``, every revision being the same commit."""
    root, api = f"/datasets/{name}" if kind == "datasets" else f"/{name}", f"/api/{kind}/{name}"
    hub = Hub("")

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            paths = json.loads(body)["paths"] if body.startswith("{") else parse_qs(body)["paths"]
            self._json([_entry(folder, path) for path in paths if (folder / path).exists()])

        def _answer(self) -> None:
            path = unquote(urlsplit(self.path).path)
            if path.startswith(f"{root}/resolve/"):
                self._file("/".join(path.removeprefix(f"{root}/resolve/").split("/")[1:]))
            elif path.startswith(f"{api}/tree/"):
                below = "/".join(path.removeprefix(f"{api}/tree/").split("/")[1:])
                found = (folder / below).rglob("*") if "recursive=" in self.path.lower() else (folder / below).iterdir()
                self._json([_entry(folder, place.relative_to(folder).as_posix()) for place in sorted(found)])
            elif path.startswith(api):
                files = [place.relative_to(folder).as_posix() for place in folder.rglob("*") if place.is_file()]
                self._json({"id": name, "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]})
            else:
                self._send(404, b"", {"X-Error-Code": "RepoNotFound"})

        def _file(self, name: str) -> None:
            place = folder / name
            if not place.is_file():
                self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
                return
            data = place.read_bytes()
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha256(data).hexdigest()}"'}
            asked = self.headers.get("Range", "")
            if asked:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                part = data[int(first) : int(last) + 1 if last else None]
                self._send(206, part, headers | {"Content-Range": f"bytes {first}-{last}/{len(data)}"})
                return
            if self.command == "GET":
                hub.fetched.append(name)
            self._send(200, data, headers)

        def _json(self, value: Any) -> None:
            self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def environment(hub: Hub, home: Path) -> dict[str, str]:
    """Of a process that asks this hub and keeps what it fetches in ``home``."""
    return {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(home / "home"), "NO_PROXY": "127.0.0.1"}


def _entry(folder: Path, path: str) -> dict[str, Any]:
    place = folder / path
    oid = hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()
    if place.is_dir():
        return {"type": "directory", "path": path, "oid": oid, "size": 0}
    return {"type": "file", "path": path, "oid": oid, "size": place.stat().st_size}
