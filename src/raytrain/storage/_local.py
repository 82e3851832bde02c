"""Files on local disk, or on a disk the nodes share."""

import errno
import io
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any

import pyarrow.fs

from raytrain.errors import UserError
from raytrain.storage._base import TEMP_PREFIX, FileInfo

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@contextmanager
def _temp_beside(path: str) -> Iterator[tuple[str, IO[bytes]]]:
    """Give an open file in the folder of `path`, made if need be; it is gone afterwards unless renamed."""
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    temp = os.path.join(folder, f"{TEMP_PREFIX}{uuid.uuid4().hex}")
    try:
        # Plain open, not tempfile: the finished file must get the mode the user's umask asks for.
        with open(temp, "xb") as file:
            yield temp, file
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temp)


def _to_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _folder_to_disk(folder: str) -> None:
    """Make a new name survive a power cut; some network disks refuse this, and then it is theirs to do."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def replacing(path: str) -> Iterator[IO[bytes]]:
    """Give a file to fill that takes the name `path` in one step, complete and on disk, at the end.

    After an exception `path` is as it was. Raises OSError.
    """
    with _temp_beside(path) as (temp, file):
        yield file
        _to_disk(file)
        os.replace(temp, path)
    _folder_to_disk(os.path.dirname(path))


def _walk(folder: str, prefix: str, recursive: bool, above: frozenset[tuple[int, int]]) -> Iterator[FileInfo]:
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                # os.stat, not entry.stat: links are followed, since people link data sets into place.
                info = os.stat(entry.path)
            except FileNotFoundError:
                if entry.is_symlink():
                    raise  # a dangling link is a file somebody expects to be read
                continue  # deleted since the folder was read
            if stat.S_ISREG(info.st_mode):
                # The inode too, since the clock behind mtime can be too coarse to tell two writes apart.
                version = f"{info.st_mtime_ns}-{info.st_ino}"
                yield FileInfo(prefix + entry.name, info.st_size, version, info.st_mtime)
            elif recursive and stat.S_ISDIR(info.st_mode):
                here = (info.st_dev, info.st_ino)
                if here not in above:  # a link to a folder above would go round for ever
                    yield from _walk(entry.path, f"{prefix}{entry.name}/", True, above | {here})


@dataclass(frozen=True)
class LocalStore:
    """The local disk; see Store."""

    def filesystem(self) -> Any:
        """Return the pyarrow filesystem."""
        return pyarrow.fs.LocalFileSystem()

    def list(self, key: str, recursive: bool) -> Iterator[FileInfo]:
        """Yield the files below a folder."""
        try:
            info = os.stat(key)
        except FileNotFoundError:
            return
        yield from _walk(key, "", recursive, frozenset({(info.st_dev, info.st_ino)}))

    def exists(self, key: str) -> bool:
        """Tell whether a file or a folder is there; unlike os.path.exists, a closed folder is an error."""
        try:
            os.stat(key)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def size(self, key: str) -> int:
        """Return the bytes of a file."""
        info = os.stat(key)
        if stat.S_ISDIR(info.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), key)
        return info.st_size

    def read(self, key: str, into: IO[bytes]) -> None:
        """Stream a file into `into`."""
        with open(key, "rb") as file:
            shutil.copyfileobj(file, into, 1 << 20)

    def write(self, key: str, source: IO[bytes]) -> None:
        """Stream `source` into a file that appears only when complete."""
        with replacing(key) as file:
            shutil.copyfileobj(source, file, 1 << 20)

    def put(self, key: str, data: bytes) -> None:
        """Write a file that appears only when complete."""
        self.write(key, io.BytesIO(data))

    def put_if_absent(self, key: str, data: bytes, mark: str) -> bool:
        """Write a file unless something is there: a link to a complete file appears in one step or fails.

        No mark is needed: the link itself tells whose the file is.
        """
        with _temp_beside(key) as (temp, file):
            file.write(data)
            _to_disk(file)
            try:
                os.link(temp, key)
            except FileExistsError:
                # NFS repeats a request whose answer was lost: then the name in the way is our own link.
                if os.stat(temp).st_nlink < 2:
                    return False
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                raise UserError(
                    f"cannot write {key}: this disk has no hard links, which raytrain needs to commit "
                    "files safely; choose a folder on another disk, or an object store"
                ) from error
        _folder_to_disk(os.path.dirname(key))
        return True

    def delete(self, key: str) -> None:
        """Delete a file if it is there."""
        with suppress(FileNotFoundError):
            os.unlink(key)

    def delete_tree(self, key: str) -> None:
        """Delete everything below a folder if it is there."""
        with suppress(FileNotFoundError):
            shutil.rmtree(key)
