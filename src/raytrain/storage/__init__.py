"""The one door to files: local disk, S3 and Google Cloud Storage behind the same few operations."""

from raytrain.storage._base import FileInfo, StorageOptions
from raytrain.storage._errors import passing, storage_errors
from raytrain.storage._patience import tell_with
from raytrain.storage.location import Location, check_writable, sha256_file

__all__ = [
    "FileInfo",
    "Location",
    "StorageOptions",
    "check_writable",
    "passing",
    "sha256_file",
    "storage_errors",
    "tell_with",
]
