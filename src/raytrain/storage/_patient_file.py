"""A file of an object store, open for reading, that outlives the connections it is read over."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Patiently = Callable[[Callable[[], Any]], Any]


class PatientFile(io.RawIOBase):
    """Random access to a file; a read that fails is tried again, with the file opened anew.

    ``open_file`` gives a pyarrow NativeFile, ``patiently`` runs something until it works or is to be given up.
    Opening and reading raise what ``patiently`` raises.
    """

    def __init__(self, open_file: Callable[[], Any], patiently: Patiently) -> None:
        super().__init__()
        self._open_file = open_file
        self._patiently = patiently
        self._file: Any = None
        self._position = 0
        self._size: int = patiently(self._find_size)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def size(self) -> int:
        """Return the bytes of the file."""
        return self._size

    def tell(self) -> int:
        """Return where the next read begins, in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a byte; returns which."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def read_at(self, nbytes: int, offset: int) -> bytes:
        """Return bytes from anywhere, fewer at the end of the file; the next read begins where it did before."""
        if self.closed:
            raise ValueError("the file is closed")
        wanted = min(nbytes, max(0, self._size - offset))
        data: bytes = self._patiently(lambda: self._read(wanted, offset)) if wanted else b""
        return data

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`, except at the end of the file; returns how many bytes were read."""
        view = memoryview(buffer).cast("B")
        data = self.read_at(len(view), self._position)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def readall(self) -> bytes:
        """Return the rest of the file, in one read: Python's own way is one every 8 KiB."""
        data = self.read_at(self._size, self._position)
        self._position += len(data)
        return data

    def _find_size(self) -> int:
        with self._anew_after_failure():
            return int(self._opened().size())

    def _read(self, wanted: int, offset: int) -> bytes:
        with self._anew_after_failure():
            data: bytes = self._opened().read_at(wanted, offset)
            if len(data) < wanted:
                raise ConnectionError(f"{len(data)} of {wanted} bytes came")
            return data

    @contextmanager
    def _anew_after_failure(self) -> Iterator[None]:
        """A broken connection stays with its file, so the next try shall have another."""
        try:
            yield
        except OSError:
            self._file = None
            raise
        except ValueError as error:  # of Google's files: closed, without a word about why
            self._file = None
            raise ConnectionError("the connection was lost") from error

    def _opened(self) -> Any:
        if self._file is None:
            self._file = self._open_file()
        return self._file

    def close(self) -> None:
        """Close the file."""
        self._file = None
        super().close()
