"""Location: a file or folder on local disk, S3 or Google Cloud Storage."""

import hashlib
import io
import os
import posixpath
import re
import tempfile
import threading
import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import unquote, urlsplit

from raytrain.errors import UserError
from raytrain.storage._base import TEMP_PREFIX, Environment, FileInfo, StorageOptions, Store
from raytrain.storage._errors import storage_errors
from raytrain.storage._local import LocalStore, replacing
from raytrain.storage._patience import patiently
from raytrain.storage._patient_file import PatientFile

_ALLOWED = "use a local path, file:///folder, s3://bucket/prefix or gs://bucket/prefix"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HALF_SCHEME = re.compile(r"(file|s3|gs):(?!//)", re.IGNORECASE)

T = TypeVar("T")

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

    An object store that is away for a while, or answers with errors, is tried again for `options.give_up_after`
    seconds, with a line on stderr. Only the first use is not: there the endpoint may be wrong. `known` means that
    this was sent by a process that has used it.
    """

    uri: str
    options: StorageOptions = field(default_factory=StorageOptions)
    known: bool = field(default=False, compare=False, repr=False)

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
        return Location(f"{self.uri.rstrip('/')}/{_tidy(name, name)}", self.options, self.known)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is sent to other processes."""
        return {**self.__dict__, "known": True}

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
        """The pyarrow filesystem; do not keep it for hours, as role credentials inside may expire.

        What fails in it is not waited for: hand the whole use of it to `patiently`.
        """
        return self.patiently("open", lambda: self._store.filesystem())

    def patiently(self, action: str, operation: Callable[[], T]) -> T:
        """Return what `operation` gives, which uses this place, if need be repeated until storage works again.

        It starts from the beginning each time. Raises UserError ("cannot {action} {uri}: ...") for failures of
        storage that do not pass, or not in time, and what else it raises.
        """
        with storage_errors(self.uri, action):
            if self.is_local:
                return operation()
            if not self.known:
                self._connect()
            return patiently(operation, self.uri, action, self.options.give_up_after)

    @property
    def _key(self) -> str:
        return self.uri if self.is_local else self.path.partition("/")[2]

    @property
    def _store(self) -> Store:
        return LocalStore() if self.is_local else self._connect()

    def _connect(self) -> Store:
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
        found = self.patiently("list", lambda: list(self._store.list(self._key, recursive)))
        shown = [info for info in found if not posixpath.basename(info.path).startswith(TEMP_PREFIX)]
        return sorted(shown, key=lambda info: info.path)

    def exists(self) -> bool:
        """Tell whether a file, or a folder (on an object store: one with files), is there."""
        return self.patiently("look at", lambda: self._store.exists(self._key))

    def size(self) -> int:
        """Return the bytes of this file; raises FileMissingError when it is not there."""
        return self.patiently("look at", lambda: self._store.size(self._file_key()))

    def read_bytes(self) -> bytes:
        """Return the content; raises FileMissingError when the file is not there."""
        buffer = io.BytesIO()
        self._fetch(buffer)
        return buffer.getvalue()

    def _fetch(self, into: IO[bytes]) -> None:
        """Fill `into`, which must be seekable: S3's library writes twice what it reads again."""

        def read() -> None:
            into.seek(0)
            into.truncate()
            self._store.read(self._file_key(), into)

        self.patiently("read", read)

    def read_text(self) -> str:
        """Return the content as text; raises FileMissingError, or UserError when it is not UTF-8."""
        with storage_errors(self.uri, "read"):
            return self.read_bytes().decode()

    def open_input(self) -> Any:
        """Open for random access: a pyarrow NativeFile or a raw Python file; raises FileMissingError.

        Later reads of a local file raise OSError: wrap them in `storage_errors` where it matters. Those of an object
        store are tried again, and raise UserError; they come one by one (for reads that overlap use `filesystem` in
        `patiently`), and each is a request: read small files with `read_bytes`.
        """

        def open_file() -> Any:
            return self._store.filesystem().open_input_file(self.path)

        if self.is_local:
            return self.patiently("read", open_file)
        return PatientFile(open_file, partial(self.patiently, "read"))

    def write_bytes(self, data: bytes) -> None:
        """Write or replace this file in one step: a reader sees the old content or the new, never a part."""
        self.patiently("write", lambda: self._store.put(self._file_key(), data))

    def put_if_absent(self, data: bytes) -> bool:
        """Write this file unless it is there already: of many callers anywhere, one gets True.

        False means something was there before. Raises UserError, also where the service or the disk has
        no way to do this safely.
        """
        mark = uuid.uuid4().hex  # one for all tries: what an earlier one wrote is ours
        return self.patiently("write", lambda: self._store.put_if_absent(self._file_key(), data, mark))

    def upload(self, local_file: Path) -> None:
        """Stream a local file here, replacing in one step; raises UserError, also for an unreadable file."""

        def send() -> None:
            with storage_errors(str(local_file), "read"):
                source = open(local_file, "rb")  # noqa: SIM115 - closed by the next statement
            with source:
                self._store.write(self._file_key(), source)

        self.patiently("write", send)

    def download(self, local_file: Path) -> None:
        """Stream this file to local disk, replacing `local_file` in one step; raises FileMissingError."""
        target = os.path.abspath(local_file)
        with storage_errors(target, "write"), replacing(target) as file:
            self._fetch(file)

    def delete(self) -> None:
        """Delete this file; nothing happens when it is not there."""
        self.patiently("delete", lambda: self._store.delete(self._file_key()))

    def delete_tree(self) -> None:
        """Delete everything below this folder; nothing happens when it is not there.

        Raises UserError, also for a whole bucket or the root folder, which is never meant.
        """
        if not self._key.strip("/"):
            raise UserError(f"cannot delete {self.uri}: it is not below any folder; delete it by hand")
        self.patiently("delete", lambda: self._store.delete_tree(self._key))


def check_writable(location: Location) -> None:
    """Write and delete a small hidden file below a folder, to find out before the work starts.

    Raises UserError when the bucket is missing, credentials or permissions do not suffice, the folder
    cannot be made, the endpoint cannot be reached, or the service ignores conditional writes: there two
    writers would both believe that they were first.
    """
    key = (location / f"{TEMP_PREFIX}check-{uuid.uuid4().hex}")._key

    def second_overwrites() -> bool:
        store = location._store
        store.put_if_absent(key, b"raytrain", "first")
        try:
            return store.put_if_absent(key, b"raytrain", "second")
        finally:
            store.delete(key)

    overwrites = location.patiently("write to", second_overwrites)
    if overwrites:
        raise UserError(
            f"cannot write to {location.uri}: the service ignores conditional writes (If-None-Match), which "
            "raytrain needs to commit files safely; use a newer release of it, or another one"
        )


def sha256_file(location: Location) -> str:
    """Return the SHA-256 of a file in hex; raises FileMissingError or UserError.

    Of an object store it is copied to local disk first: a copy can begin again where a connection breaks, a hash not.
    """
    with storage_errors(location.uri, "read"):
        if location.is_local:
            with location.local_path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        with tempfile.TemporaryFile() as copy:
            location._fetch(copy)
            copy.seek(0)
            return hashlib.file_digest(copy, "sha256").hexdigest()
