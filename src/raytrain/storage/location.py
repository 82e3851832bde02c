"""Location: a file or folder on local disk, S3 or Google Cloud Storage."""

import hashlib
import io
import os
import posixpath
import re
import threading
import unicodedata
import uuid
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import unquote, urlsplit

from raytrain.errors import UserError
from raytrain.storage._base import TEMP_PREFIX, Environment, FileInfo, StorageOptions, Store
from raytrain.storage._errors import storage_errors
from raytrain.storage._local import LocalStore, replacing

_ALLOWED = "use a local path, file:///folder, s3://bucket/prefix or gs://bucket/prefix"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HALF_SCHEME = re.compile(r"(file|s3|gs):(?!//)", re.IGNORECASE)

_connecting = threading.Lock()


@lru_cache(maxsize=64)
def _connect(scheme: str, bucket: str, options: StorageOptions, env: Environment) -> Store:
    if scheme == "s3":
        from raytrain.storage._s3 import connect_s3

        return connect_s3(bucket, options, env)
    from raytrain.storage._gcs import connect_gcs

    return connect_gcs(bucket, env)


def _environment() -> Environment:
    wanted = ("AWS_", "GOOGLE_", "STORAGE_EMULATOR_HOST", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    return tuple(sorted((k, v) for k, v in os.environ.items() if k.upper().startswith(wanted)))


def _tidy(uri: str, path: str) -> str:
    """Drop slashes at the end, and refuse names that not every store takes as they are."""
    path = path.rstrip("/")
    if path and any(part in ("", ".", "..") for part in path.split("/")):
        raise UserError(f"not a usable path: {uri!r}; leave out empty parts, '.' and '..'")
    if any(unicodedata.category(letter) == "Cc" for letter in path):
        raise UserError(f"not a usable path: {uri!r}; leave out control characters")
    return path


@dataclass(frozen=True)
class Location:
    """A file or folder; it can be pickled, holds no secrets and connects when first used.

    Make one with `Location.of`. Connections are kept per process; the first use of a bucket in a process
    makes one small request that finds a missing bucket, refused credentials or an unreachable endpoint
    within seconds. Every method that reaches storage raises UserError when storage fails.
    """

    uri: str
    options: StorageOptions = field(default_factory=StorageOptions)

    @classmethod
    def of(cls, uri: str, options: StorageOptions | None = None) -> "Location":
        """Read a local path (made absolute, ~ expanded), file://, s3://bucket/... or gs://bucket/... .

        Raises UserError for any other scheme, a missing bucket name or an unusable path.
        """
        options = options or StorageOptions()
        match = _SCHEME.match(uri)
        scheme = match[1].lower() if match else ""
        if not uri or _HALF_SCHEME.match(uri) or scheme not in ("", "file", "s3", "gs"):
            raise UserError(f"cannot use {uri!r} as a place for files: {_ALLOWED}")
        if scheme in ("s3", "gs"):
            bucket, _, key = uri.split("://", 1)[1].partition("/")
            if not bucket:
                raise UserError(f"no bucket in {uri!r}: {_ALLOWED}")
            return cls(f"{scheme}://{bucket}/{_tidy(uri, key)}".rstrip("/"), options)
        path = uri
        if scheme == "file":
            parts = urlsplit(uri)
            if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
                raise UserError(f"cannot use {uri!r} as a local path: write file:///folder, with %23 for #")
            path = unquote(parts.path)
        path = os.path.abspath(os.path.expanduser(path))
        return cls("/" + _tidy(uri, path.lstrip("/")), options)

    def __truediv__(self, name: str) -> "Location":
        """Return the file or folder `name` ("a/b") below this one; raises UserError for an unusable name."""
        if not name or name.startswith("/"):
            raise UserError(f"not a usable name below {self.uri}: {name!r}")
        return Location(f"{self.uri.rstrip('/')}/{_tidy(name, name)}", self.options)

    def __str__(self) -> str:
        """Return the URI."""
        return self.uri

    @property
    def is_local(self) -> bool:
        """Whether this is on local disk."""
        return self.uri.startswith("/")

    @property
    def local_path(self) -> Path:
        """The path on local disk; raises ValueError elsewhere."""
        if not self.is_local:
            raise ValueError(f"{self.uri} is not on local disk")
        return Path(self.uri)

    @property
    def name(self) -> str:
        """The last part of the path; the bucket's name at the top of a bucket."""
        return posixpath.basename(self.path)

    @property
    def path(self) -> str:
        """The path inside `filesystem`, as pyarrow and Ray want it."""
        return self.uri if self.is_local else self.uri.split("://", 1)[1]

    @property
    def filesystem(self) -> Any:
        """The pyarrow filesystem; do not keep it for hours, as role credentials inside may expire."""
        with storage_errors(self.uri, "open"):
            return self._store.filesystem()

    @property
    def _key(self) -> str:
        return self.uri if self.is_local else self.path.partition("/")[2]

    @property
    def _store(self) -> Store:
        if self.is_local:
            return LocalStore()
        scheme = self.uri.split("://", 1)[0]
        # One connection for many threads: without the lock each would make its own.
        with _connecting:
            return _connect(scheme, self.path.partition("/")[0], self.options, _environment())

    def _file_key(self) -> str:
        if not self._key.strip("/"):
            raise UserError(f"cannot use {self.uri} as a file: there is no file name in it")
        return self._key

    def list(self, recursive: bool = True) -> list[FileInfo]:
        """Return the files below this folder, sorted by path; [] when the folder is missing.

        Files still being written, and what a crash left of such, are left out. Raises UserError when the
        bucket is missing, access is denied, a link leads nowhere, or this is a file on local disk.
        """
        with storage_errors(self.uri, "list"):
            found = [
                info
                for info in self._store.list(self._key, recursive)
                if not posixpath.basename(info.path).startswith(TEMP_PREFIX)
            ]
        return sorted(found, key=lambda info: info.path)

    def exists(self) -> bool:
        """Tell whether a file, or a folder (on an object store: one with files), is there."""
        with storage_errors(self.uri, "look at"):
            return self._store.exists(self._key)

    def size(self) -> int:
        """Return the bytes of this file; raises FileMissingError when it is not there."""
        with storage_errors(self.uri, "look at"):
            return self._store.size(self._file_key())

    def read_bytes(self) -> bytes:
        """Return the content; raises FileMissingError when the file is not there."""
        buffer = io.BytesIO()
        with storage_errors(self.uri, "read"):
            self._store.read(self._file_key(), buffer)
        return buffer.getvalue()

    def read_text(self) -> str:
        """Return the content as text; raises FileMissingError, or UserError when it is not UTF-8."""
        with storage_errors(self.uri, "read"):
            return self.read_bytes().decode()

    def open_input(self) -> Any:
        """Open for random access (a pyarrow NativeFile); raises FileMissingError.

        Later reads raise what pyarrow raises, an OSError: wrap them in `storage_errors` where it matters.
        pyarrow does not repeat a read of less than some hundred bytes that a busy S3 service turns away
        (the refusal does not fit its buffer): read small files with `read_bytes`.
        """
        with storage_errors(self.uri, "read"):
            return self._store.filesystem().open_input_file(self.path)

    def write_bytes(self, data: bytes) -> None:
        """Write or replace this file in one step: a reader sees the old content or the new, never a part."""
        with storage_errors(self.uri, "write"):
            self._store.put(self._file_key(), data)

    def put_if_absent(self, data: bytes) -> bool:
        """Write this file unless it is there already: of many callers anywhere, one gets True.

        False means something was there before. Raises UserError, also where the service or the disk has
        no way to do this safely.
        """
        with storage_errors(self.uri, "write"):
            return self._store.put_if_absent(self._file_key(), data)

    def upload(self, local_file: Path) -> None:
        """Stream a local file here, replacing in one step; raises UserError, also for an unreadable file."""
        with storage_errors(str(local_file), "read"):
            source = open(local_file, "rb")  # noqa: SIM115 - closed by the next statement
        with source, storage_errors(self.uri, "write"):
            self._store.write(self._file_key(), source)

    def download(self, local_file: Path) -> None:
        """Stream this file to local disk, replacing `local_file` in one step; raises FileMissingError."""
        target = os.path.abspath(local_file)
        with storage_errors(target, "write"), replacing(target) as file, storage_errors(self.uri, "read"):
            self._store.read(self._file_key(), file)

    def delete(self) -> None:
        """Delete this file; nothing happens when it is not there."""
        with storage_errors(self.uri, "delete"):
            self._store.delete(self._file_key())

    def delete_tree(self) -> None:
        """Delete everything below this folder; nothing happens when it is not there.

        Raises UserError, also for a whole bucket or the root folder, which is never meant.
        """
        if not self._key.strip("/"):
            raise UserError(f"cannot delete {self.uri}: it is not below any folder; delete it by hand")
        with storage_errors(self.uri, "delete"):
            self._store.delete_tree(self._key)


def check_writable(location: Location) -> None:
    """Write and delete a small hidden file below a folder, to find out before the work starts.

    Raises UserError when the bucket is missing, credentials or permissions do not suffice, the folder
    cannot be made, the endpoint cannot be reached, or the service ignores conditional writes: there two
    writers would both believe that they were first.
    """
    key = (location / f"{TEMP_PREFIX}check-{uuid.uuid4().hex}")._key
    with storage_errors(location.uri, "write to"):
        store = location._store
        store.put_if_absent(key, b"raytrain")
        try:
            overwrites = store.put_if_absent(key, b"raytrain")
        finally:
            store.delete(key)
    if overwrites:
        raise UserError(
            f"cannot write to {location.uri}: the service ignores conditional writes (If-None-Match), which "
            "raytrain needs to commit files safely; use a newer release of it, or another one"
        )


class _HashSink(io.RawIOBase):
    """A file that keeps only the digest of what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return len(data)


def sha256_file(location: Location) -> str:
    """Return the SHA-256 of a file in hex, read piece by piece; raises FileMissingError or UserError."""
    sink = _HashSink()
    with storage_errors(location.uri, "read"):
        location._store.read(location._file_key(), cast(IO[bytes], sink))
    return sink.digest.hexdigest()
