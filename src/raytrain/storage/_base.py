"""What every kind of storage has in common."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Protocol

# Files being written carry this prefix until they are complete; listings leave them out.
TEMP_PREFIX = ".tmp-"

# Object metadata naming the call that wrote an object (see put_if_absent of the object stores).
WRITER_MARK = "raytrain-writer"

# The first request to a service gives up soon, so that a wrong endpoint is reported rather than waited for.
FIRST_CONTACT_TRIES = 2
FIRST_CONTACT_TIMEOUT_S = 4
CONNECT_TIMEOUT_S = 3
# Every later request is repeated at once by its library: the parts of a large file one by one. What still fails is
# waited for by Location.patiently.
TRIES = 3
READ_TIMEOUT_S = 60

# The environment variables the libraries read, as sorted pairs: a change means another connection.
Environment = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class StorageOptions:
    """Where the S3 service is, when the environment does not say; it never holds credentials.

    ``give_up_after``: for how many seconds an object store that fails is tried again.
    """

    endpoint: str | None = None
    region: str | None = None
    give_up_after: float = 600.0


@dataclass(frozen=True)
class FileInfo:
    """One file of a listing.

    `path` is relative to the location listed. `version` changes when the content is replaced: the ETag on
    S3, the generation on Google Cloud Storage, and modification time plus inode on local disk. `modified` is
    when that was, in seconds since 1970.
    """

    path: str
    size: int
    version: str
    modified: float


class Store(Protocol):
    """One bucket or the local disk; keys are full object names or absolute paths.

    Methods raise whatever their library raises: Location turns that into UserError.
    """

    def filesystem(self) -> Any:
        """Return the pyarrow filesystem."""

    def list(self, key: str, recursive: bool) -> Iterator[FileInfo]:
        """Yield the files below a folder, in any order, temporary ones included."""

    def exists(self, key: str) -> bool:
        """Tell whether a file or a folder is there."""

    def size(self, key: str) -> int:
        """Return the bytes of a file."""

    def read(self, key: str, into: IO[bytes]) -> None:
        """Stream a file into `into`."""

    def write(self, key: str, source: IO[bytes]) -> None:
        """Stream `source` into a file that appears only when complete."""

    def put(self, key: str, data: bytes) -> None:
        """Write a file that appears only when complete."""

    def put_if_absent(self, key: str, data: bytes, mark: str) -> bool:
        """Write a file unless something is there; True if a call with this mark wrote it."""

    def delete(self, key: str) -> None:
        """Delete a file if it is there."""

    def delete_tree(self, key: str) -> None:
        """Delete everything below a folder if it is there."""
