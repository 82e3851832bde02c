"""Google Cloud Storage, through its own library (an extra) and pyarrow."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import IO, Any

import pyarrow.fs

from raytrain.errors import UserError
from raytrain.storage._base import (
    CONNECT_TIMEOUT_S,
    READ_TIMEOUT_S,
    WRITER_MARK,
    Environment,
    FileInfo,
)

_TIMEOUT_S = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
_FIRST_CONTACT_S = 8.0
_BRIEFLY_S = 30.0  # a request is repeated by its library; then Location.patiently waits


def connect_gcs(bucket: str, env: Environment) -> "GcsStore":
    """Connect with the default credentials, or without any to the emulator in STORAGE_EMULATOR_HOST.

    Raises UserError without the extra or the bucket, and what the Google libraries raise.
    """
    emulator = dict(env).get("STORAGE_EMULATOR_HOST")
    try:
        from google.api_core.exceptions import Forbidden, NotFound
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage
        from google.cloud.storage.retry import DEFAULT_RETRY
    except ImportError as error:
        raise UserError(
            f"cannot use gs://{bucket}: Google Cloud Storage needs an extra: pip install raytrain[gcs]"
        ) from error
    if emulator:
        client = storage.Client(project="emulator", credentials=AnonymousCredentials())
    else:
        # A name for the project is wanted by the library, but reading and writing objects does not need one.
        client = storage.Client(project=dict(env).get("GOOGLE_CLOUD_PROJECT") or "unused")
    try:
        first = DEFAULT_RETRY.with_timeout(_FIRST_CONTACT_S)
        next(iter(client.list_blobs(bucket, max_results=1, timeout=_TIMEOUT_S, retry=first)), None)
    except NotFound as error:
        raise UserError(
            f"cannot use gs://{bucket}: the bucket does not exist; create it, or correct its name"
        ) from error
    except Forbidden:
        pass  # may write without being allowed to list: what is wanted next will tell
    return GcsStore(bucket, client, emulator)


@lru_cache(maxsize=16)
def _arrow(emulator: str | None) -> Any:
    scheme, _, host = (emulator or "https://").partition("://")
    return pyarrow.fs.GcsFileSystem(
        anonymous=bool(emulator),
        scheme=scheme,
        endpoint_override=host.rstrip("/") or None,
        retry_time_limit=timedelta(seconds=_BRIEFLY_S),
    )


@dataclass(frozen=True)
class GcsStore:
    """One bucket; see Store."""

    bucket: str
    client: Any
    emulator: str | None

    def filesystem(self) -> Any:
        """Return the pyarrow filesystem."""
        return _arrow(self.emulator)

    def _blob(self, key: str) -> Any:
        return self.client.bucket(self.bucket).blob(key)

    def _blobs(self, prefix: str, **options: Any) -> Iterator[Any]:
        yield from self.client.list_blobs(
            self.bucket, prefix=prefix, timeout=_TIMEOUT_S, retry=self._briefly(), **options
        )

    def list(self, key: str, recursive: bool) -> Iterator[FileInfo]:
        """Yield the objects below a prefix, without the markers some tools make for folders."""
        prefix = f"{key}/" if key else ""
        for blob in self._blobs(prefix, **({} if recursive else {"delimiter": "/"})):
            if not blob.name.endswith("/"):
                yield FileInfo(blob.name[len(prefix) :], blob.size, str(blob.generation), blob.updated.timestamp())

    def exists(self, key: str) -> bool:
        """Tell whether an object has this name, or names below it."""
        if key and self._blob(key).exists(timeout=_TIMEOUT_S, retry=self._briefly()):
            return True
        return next(self.list(key, recursive=True), None) is not None

    def size(self, key: str) -> int:
        """Return the bytes of an object."""
        blob = self._blob(key)
        blob.reload(timeout=_TIMEOUT_S, retry=self._briefly())
        return int(blob.size)

    def read(self, key: str, into: IO[bytes]) -> None:
        """Stream an object into `into`."""
        self._blob(key).download_to_file(into, timeout=_TIMEOUT_S, retry=self._briefly())

    def write(self, key: str, source: IO[bytes]) -> None:
        """Stream `source` into an object, which appears when it is complete."""
        # Repeating is safe although not conditional: the same content is written again.
        self._blob(key).upload_from_file(source, timeout=_TIMEOUT_S, retry=self._briefly())

    def put(self, key: str, data: bytes) -> None:
        """Write an object that appears when it is complete."""
        self.write(key, io.BytesIO(data))

    def put_if_absent(self, key: str, data: bytes, mark: str) -> bool:
        """Write an object unless the name is taken; the mark tells our own write whose answer was lost."""
        from google.api_core.exceptions import NotFound, PreconditionFailed

        blob = self._blob(key)
        blob.metadata = {WRITER_MARK: mark}
        try:
            blob.upload_from_string(data, if_generation_match=0, timeout=_TIMEOUT_S, retry=self._briefly())
            return True
        except PreconditionFailed:
            found = self._blob(key)
            try:
                found.reload(timeout=_TIMEOUT_S, retry=self._briefly())
            except NotFound:  # deleted meanwhile, so there was something
                return False
            return bool((found.metadata or {}).get(WRITER_MARK) == mark)

    def _briefly(self) -> Any:
        from google.cloud.storage.retry import DEFAULT_RETRY

        return DEFAULT_RETRY.with_timeout(_BRIEFLY_S)

    def delete(self, key: str) -> None:
        """Delete an object if it is there."""
        from google.api_core.exceptions import NotFound

        try:
            self._blob(key).delete(timeout=_TIMEOUT_S, retry=self._briefly())
        except NotFound:
            return

    def delete_tree(self, key: str) -> None:
        """Delete all objects below a prefix."""
        for blob in list(self._blobs(f"{key}/")):
            self.delete(blob.name)
