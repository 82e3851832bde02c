"""Amazon S3 and the services that speak its protocol: boto3 for whole objects, pyarrow for parts of them."""

import os
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import IO, Any

import boto3
import botocore.session
import pyarrow.fs
from botocore.config import Config
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.utils import get_environ_proxies

from raytrain.errors import UserError
from raytrain.storage._base import (
    CONNECT_TIMEOUT_S,
    FIRST_CONTACT_TIMEOUT_S,
    FIRST_CONTACT_TRIES,
    READ_TIMEOUT_S,
    TRIES,
    WRITER_MARK,
    Environment,
    FileInfo,
    StorageOptions,
)

_DELETE_BATCH = 1000  # the most one DeleteObjects request takes
# Characters that S3 takes in a key but XML, in which DeleteObjects is written, does not carry unchanged.
_NOT_XML = re.compile("[\x00-\x1f\x7f-\x9f\u2028\ufffe\uffff]")
_CONFLICT_TRIES = 8
_CONFLICT_PAUSE_S = 0.1

# Credentials that pyarrow finds by itself just as boto3 does, and renews before they expire; with them a
# pickled filesystem carries no secrets. Those of any other kind are handed over as boto3 has them.
_FOUND_BY_PYARROW = {
    "env",
    "iam-role",
    "container-role",
    "assume-role-with-web-identity",
    "custom-process",
}


@dataclass(frozen=True)
class _Wiring:
    """How pyarrow reaches what the boto3 client reaches; endpoint None means AWS itself."""

    endpoint: str | None
    region: str
    virtual_hosts: bool
    ca_file: str | None
    proxy: str | None


def _config(tries: int, read_timeout: int) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": tries},
        max_pool_connections=32,
    )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _first_contact(client: Any, bucket: str) -> str | None:
    """Ask for the bucket and return its region if told; raises ClientError when it cannot be used."""
    try:
        answer = client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if _code(error) == "404":
            raise UserError(
                f"cannot use s3://{bucket}: there is no such bucket at {client.meta.endpoint_url}; "
                "create it, or correct its name, the endpoint or the region"
            ) from error
        answer = error.response
        try:
            # The answer to HEAD has no body: this one says whether keys are wrong or just may not list.
            client.list_objects_v2(Bucket=bucket, MaxKeys=1)
        except ClientError as reason:
            status = reason.response["ResponseMetadata"].get("HTTPStatusCode", 0)
            # A busy service is a reachable one, and what comes next is tried more often than this.
            if _code(reason) != "AccessDenied" and status < 500:
                raise
    region = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
    return str(region) if region else None


@dataclass(frozen=True)
class _Service:
    """What all buckets of one service share; `quick` gives up soon."""

    session: Any
    client: Any
    quick: Any
    region: str | None
    wiring: _Wiring


@lru_cache(maxsize=16)
def _service(options: StorageOptions, env: Environment) -> _Service:
    """Find endpoint, region and credentials the way boto3 does; `env` is only there to be a key."""
    core = botocore.session.Session()
    session: Any = boto3.Session(botocore_session=core)
    if session.get_credentials() is None:
        raise NoCredentialsError
    # boto3 leaves out AWS_REGION, which other AWS libraries and Lambda-like platforms set.
    region = options.region or os.environ.get("AWS_REGION") or session.region_name
    client, quick = (
        session.client("s3", region, endpoint_url=options.endpoint, config=config)
        for config in (
            _config(TRIES, READ_TIMEOUT_S),
            _config(FIRST_CONTACT_TRIES, FIRST_CONTACT_TIMEOUT_S),
        )
    )
    default: dict[str, Any] = {"ignore_configured_endpoint_urls": True}
    aws_itself = session.client("s3", region, config=Config(**default))
    url = str(client.meta.endpoint_url)
    wiring = _Wiring(
        endpoint=url if url != aws_itself.meta.endpoint_url else None,
        region=region or "us-east-1",
        virtual_hosts=(client.meta.config.s3 or {}).get("addressing_style") == "virtual",
        ca_file=core.get_config_variable("ca_bundle"),
        proxy=get_environ_proxies(url).get(url.split("://", 1)[0]),
    )
    return _Service(session, client, quick, region, wiring)


def connect_s3(bucket: str, options: StorageOptions, env: Environment) -> "S3Store":
    """Connect to a bucket and make sure that it answers.

    Raises UserError, ClientError or BotoCoreError.
    """
    try:
        service = _service(options, env)
    except ValueError as error:
        raise UserError(f"cannot use s3://{bucket}: {error}; write the endpoint as https://host:port") from error
    told = _first_contact(service.quick, bucket)
    wiring = service.wiring
    # boto3 follows a bucket into its region; pyarrow must be told. Other services tell what they like.
    if told and (wiring.endpoint is None or not service.region):
        wiring = replace(wiring, region=told)
    return S3Store(bucket, service.client, service.session, wiring)


@lru_cache(maxsize=16)
def _arrow(wiring: _Wiring, key: str | None, secret: str | None, token: str | None) -> Any:
    scheme, _, host = (wiring.endpoint or "https://").partition("://")
    return pyarrow.fs.S3FileSystem(
        access_key=key,
        secret_key=secret,
        session_token=token,
        endpoint_override=host.rstrip("/") or None,
        scheme=scheme,
        region=wiring.region,
        force_virtual_addressing=wiring.virtual_hosts,
        tls_ca_file_path=wiring.ca_file,
        proxy_options=wiring.proxy,
        connect_timeout=CONNECT_TIMEOUT_S,
        request_timeout=READ_TIMEOUT_S,
        retry_strategy=pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=TRIES),
        allow_bucket_creation=False,
        allow_bucket_deletion=False,
    )


@dataclass(frozen=True)
class S3Store:
    """One bucket; see Store."""

    bucket: str
    client: Any
    session: Any
    wiring: _Wiring

    def filesystem(self) -> Any:
        """Return the pyarrow filesystem, with credentials fresh at this moment."""
        found = self.session.get_credentials()
        if found.method in _FOUND_BY_PYARROW:
            return _arrow(self.wiring, None, None, None)
        keys = found.get_frozen_credentials()
        return _arrow(self.wiring, keys.access_key, keys.secret_key, keys.token)

    def _pages(self, prefix: str, recursive: bool) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("list_objects_v2")
        cut = {} if recursive else {"Delimiter": "/"}
        for page in pages.paginate(Bucket=self.bucket, Prefix=prefix, **cut):
            yield from page.get("Contents", ())

    def list(self, key: str, recursive: bool) -> Iterator[FileInfo]:
        """Yield the objects below a prefix, without the markers some tools make for folders."""
        prefix = f"{key}/" if key else ""
        for found in self._pages(prefix, recursive):
            if not found["Key"].endswith("/"):
                version, modified = found["ETag"].strip('"'), found["LastModified"].timestamp()
                yield FileInfo(found["Key"][len(prefix) :], found["Size"], version, modified)

    def exists(self, key: str) -> bool:
        """Tell whether an object has this key, or keys below it."""
        try:
            if key:
                self.client.head_object(Bucket=self.bucket, Key=key)
                return True
        except ClientError as error:
            if _code(error) != "404":
                raise
        return next(self.list(key, recursive=True), None) is not None

    def size(self, key: str) -> int:
        """Return the bytes of an object."""
        return int(self.client.head_object(Bucket=self.bucket, Key=key)["ContentLength"])

    def read(self, key: str, into: IO[bytes]) -> None:
        """Stream an object into `into`; a connection lost halfway is taken up again."""
        self.client.download_fileobj(self.bucket, key, into)

    def write(self, key: str, source: IO[bytes]) -> None:
        """Stream `source` into an object, in parts if it is large; it appears when all parts are there."""
        self.client.upload_fileobj(source, self.bucket, key)

    def put(self, key: str, data: bytes) -> None:
        """Write an object in one request."""
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def put_if_absent(self, key: str, data: bytes, mark: str) -> bool:
        """Write an object with If-None-Match, unless the key is taken.

        When the answer to a write is lost it is sent again, and then our own object is in the way: the mark
        in its metadata tells whose it is.
        """
        for tries_left in reversed(range(_CONFLICT_TRIES)):
            try:
                self.client.put_object(
                    Bucket=self.bucket, Key=key, Body=data, IfNoneMatch="*", Metadata={WRITER_MARK: mark}
                )
                return True
            except ClientError as error:
                code = _code(error)
                if code in ("PreconditionFailed", "412"):
                    return self._mark(key) == mark
                # 409: another write of this key is under way, so it is too early to say.
                if code not in ("ConditionalRequestConflict", "409") or not tries_left:
                    raise
            time.sleep(_CONFLICT_PAUSE_S * 2 ** (_CONFLICT_TRIES - 1 - tries_left) * random.random())
        raise AssertionError("the last try returns or raises")

    def _mark(self, key: str) -> str | None:
        try:
            found = self.client.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if _code(error) == "404":  # deleted meanwhile, so there was something
                return None
            raise
        mark: str | None = found["Metadata"].get(WRITER_MARK)
        return mark

    def delete(self, key: str) -> None:
        """Delete an object if it is there."""
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def delete_tree(self, key: str) -> None:
        """Delete all objects below a prefix; raises ClientError for the first that stays."""
        names = [str(found["Key"]) for found in self._pages(f"{key}/", recursive=True)]
        for name in filter(_NOT_XML.search, names):
            self.delete(name)
        names = [name for name in names if not _NOT_XML.search(name)]
        for start in range(0, len(names), _DELETE_BATCH):
            batch = {
                "Objects": [{"Key": name} for name in names[start : start + _DELETE_BATCH]],
                "Quiet": True,
            }
            for left in self.client.delete_objects(Bucket=self.bucket, Delete=batch).get("Errors", ()):
                raise ClientError({"Error": left}, "DeleteObjects")
