"""Turns what the storage libraries raise into one line that says what to do about it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as aws
from botocore.parsers import ResponseParserError
from s3transfer.exceptions import RetriesExceededError

from raytrain.errors import FileMissingError, UserError

# What may pass by itself, and how it is told while it is waited for.
PASSING = {"unreachable": "cannot be reached", "busy": "answers with errors"}

_MESSAGES = {
    "missing": "no such file",
    "no_bucket": "the bucket does not exist; create it, or correct its name, the endpoint or the region",
    "denied": "access denied; allow these credentials to list, read, write and delete there",
    "bad_keys": "the service does not accept these credentials; check the access key and the secret key "
    "(AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)",
    "expired": "the credentials have expired; renew them and start again",
    "no_keys": "no credentials found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
    "or run on a machine with a role",
    "no_google_keys": "no credentials found; set GOOGLE_APPLICATION_CREDENTIALS, or run "
    "`gcloud auth application-default login`, or run on a machine with a service account",
    "unreachable": "the service cannot be reached; check the endpoint, the network and any proxy ({detail})",
    "busy": "the service answers with errors; ask who runs it, or look at its status page ({detail})",
    "region": "the bucket is in another region; set `region` under `storage:` to the bucket's own",
    "unsupported": "the service does not support this request; raytrain needs conditional writes "
    "(If-None-Match), which newer releases of most S3-compatible servers have ({detail})",
    "clock": "the service refuses the request's time; set this machine's clock right",
    "permission": "permission denied by the local disk{where}; change the owner or mode, or choose another place",
    "in_the_way": "there is a file where a folder is needed{where}; move it, or choose another place",
    "is_folder": "this is a folder, but a file is needed",
    "disk_full": "the disk is full or over its quota; free some space",
    "read_only": "the local disk is read-only; choose another place",
    "not_text": "this is not UTF-8 text",
    "other": "{detail}",
}

_S3_CODES = {
    "404": "missing",
    "NoSuchKey": "missing",
    "NotFound": "missing",
    "NoSuchBucket": "no_bucket",
    "403": "denied",
    "AccessDenied": "denied",
    "AllAccessDisabled": "denied",
    "AccountProblem": "denied",
    "InvalidAccessKeyId": "bad_keys",
    "SignatureDoesNotMatch": "bad_keys",
    "InvalidToken": "bad_keys",
    "ExpiredToken": "expired",
    "RequestTimeTooSkewed": "clock",
    "301": "region",
    "PermanentRedirect": "region",
    "AuthorizationHeaderMalformed": "region",
    "IllegalLocationConstraintException": "region",
    "NotImplemented": "unsupported",
    "501": "unsupported",
    "429": "busy",
    "BandwidthLimitExceeded": "busy",
    "ConditionalRequestConflict": "busy",
    "InternalError": "busy",
    # Of an upload whose completion was carried out while the answer was lost: sent again from the start.
    "NoSuchUpload": "busy",
    "OperationAborted": "busy",
    "RequestLimitExceeded": "busy",
    "RequestTimeout": "busy",
    "ServiceUnavailable": "busy",
    "SlowDown": "busy",
    "Throttling": "busy",
    "ThrottlingException": "busy",
    "TooManyRequests": "busy",
}

# pyarrow gives S3 and Google failures as text only; the first text found decides.
_ARROW_TEXTS = {
    "NO_SUCH_BUCKET": "no_bucket",
    "INVALID_ACCESS_KEY_ID": "bad_keys",
    "SIGNATURE_DOES_NOT_MATCH": "bad_keys",
    "EXPIRED_TOKEN": "expired",
    "ExpiredToken": "expired",
    "ACCESS_DENIED": "denied",
    "PERMISSION_DENIED": "denied",
    "UNAUTHENTICATED": "bad_keys",
    "NETWORK_CONNECTION": "unreachable",
    "NO_SUCH_KEY": "missing",
    "RESOURCE_NOT_FOUND": "missing",
    "REQUEST_TIME_TOO_SKEWED": "clock",
    "HTTP status 301": "region",
    "AWS Error INTERNAL_FAILURE": "busy",
    "AWS Error REQUEST_TIMEOUT": "busy",
    "AWS Error SERVICE_UNAVAILABLE": "busy",
    "AWS Error SLOW_DOWN": "busy",
    "AWS Error THROTTLING": "busy",
    "AWS Error UNKNOWN (HTTP status 429)": "busy",
    "AWS Error UNKNOWN (HTTP status 5": "busy",
    "google::cloud::Status(DEADLINE_EXCEEDED": "busy",
    "google::cloud::Status(INTERNAL": "busy",
    "google::cloud::Status(RESOURCE_EXHAUSTED": "busy",
    "google::cloud::Status(UNAVAILABLE": "unreachable",
}

# By class name, because the Google libraries are an extra and need not be there.
_GOOGLE_CLASSES = {
    "NotFound": "missing",
    "Forbidden": "denied",
    "Unauthorized": "bad_keys",
    "DefaultCredentialsError": "no_google_keys",
    "RefreshError": "expired",
    "TransportError": "unreachable",
    "RetryError": "unreachable",
    "ChunkedEncodingError": "unreachable",
    "DataCorruption": "unreachable",
    "ProtocolError": "unreachable",
    "TimeoutError": "unreachable",
    "MethodNotImplemented": "unsupported",
    "ServerError": "busy",
    "TooManyRequests": "busy",
}

_ERRNOS = {
    errno.ENOENT: "missing",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.ENOTDIR: "in_the_way",
    errno.EEXIST: "in_the_way",
    errno.EISDIR: "is_folder",
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EROFS: "read_only",
}

_AWS_UNREACHABLE = (
    aws.ConnectionError,
    aws.HTTPClientError,
    aws.EndpointConnectionError,
    aws.ResponseStreamingError,
    aws.IncompleteReadError,
    ResponseParserError,
)


@contextmanager
def storage_errors(uri: str, action: str) -> Iterator[None]:
    """Turn storage failures inside the block into UserError: "cannot {action} {uri}: why; what to do".

    Also for code that hands `Location.filesystem` to another library. Raises FileMissingError (a UserError)
    for a missing file and UserError for every other failure of storage; other exceptions pass unchanged.
    """
    try:
        yield
    except Exception as error:
        kind = _kind(error)
        if kind is None:
            raise
        message = f"cannot {action} {uri}: {_text(kind, error, uri)}"
        raise (FileMissingError if kind == "missing" else UserError)(message) from error


def passing(error: BaseException) -> str | None:
    """How a failure that may pass by itself is told (one of PASSING), or None for any other."""
    return PASSING.get(_kind(error) or "")


def given_up(error: BaseException, uri: str, action: str, seconds: float) -> UserError:
    """What to raise when a failure of PASSING has not passed for so long."""
    return UserError(
        f"cannot {action} {uri}: {_text(_kind(error) or 'other', error, uri)}; tried for {seconds:g} s "
        "(storage.give_up_after); what is finished is kept: run the same command again to go on"
    )


def _kind(error: BaseException) -> str | None:
    """Name the key of _MESSAGES that fits, or None for what is no failure of storage."""
    if isinstance(error, RetriesExceededError):  # of a download
        return _kind(error.last_exception)
    if isinstance(error, aws.ClientError):
        return _aws_kind(error)
    if isinstance(error, aws.NoCredentialsError | aws.PartialCredentialsError | aws.CredentialRetrievalError):
        return "no_keys"
    if isinstance(error, _AWS_UNREACHABLE):
        return "unreachable"
    if isinstance(error, UnicodeDecodeError):
        return "not_text"
    if type(error).__module__.startswith(("google.", "requests.", "urllib3.")):
        names = [base.__name__ for base in type(error).__mro__]
        if "ConnectionError" in names or "Timeout" in names:
            return "unreachable"
        return next((_GOOGLE_CLASSES[name] for name in names if name in _GOOGLE_CLASSES), "other")
    if isinstance(error, ConnectionError | TimeoutError):
        return "unreachable"
    if isinstance(error, OSError):
        found = next((kind for text, kind in _ARROW_TEXTS.items() if text in str(error)), None)
        return found or _ERRNOS.get(error.errno or 0, "other")
    return "other" if isinstance(error, aws.BotoCoreError) else None


def _aws_kind(error: aws.ClientError) -> str:
    found = _S3_CODES.get(str(error.response.get("Error", {}).get("Code", "")))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return found or ("busy" if status == 429 or status >= 500 else "other")


def _text(kind: str, error: BaseException, uri: str) -> str:
    if isinstance(error, RetriesExceededError):  # says nothing itself
        return _text(kind, error.last_exception, uri)
    filename = getattr(error, "filename", None)
    return _MESSAGES[kind].format(
        detail=" ".join(str(error).split())[:300],
        where=f" at {filename}" if filename and str(filename) != uri else "",
    )
