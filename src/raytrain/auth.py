"""The token that Ray asks everyone for who connects: where it is, that nobody else can read it, and that it is used."""

import errno
import os
import secrets
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from raytrain.errors import UserError

MODE = "RAY_AUTH_MODE"
TOKEN, TOKEN_PATH = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
DEFAULT_PATH = "~/.ray/auth_token"
GIVE_IT = f"give the cluster's token in {TOKEN}, or in a file that {TOKEN_PATH} names or that is {DEFAULT_PATH}"
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)  # of the file system
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Token:
    """Where a token is; never what it is."""

    where: str


def find_token() -> Token | None:
    """The token that Ray would take, in its order: the variable, the file that a variable names, the usual file."""
    if os.environ.get(TOKEN):
        return Token(TOKEN)
    path = token_path()
    if path.is_file():
        return Token(str(path))
    if os.environ.get(TOKEN_PATH):
        raise UserError(f"{TOKEN_PATH}: there is no file {path}: {GIVE_IT}")
    return None


def token_path() -> Path:
    """The file that Ray reads where the variable is not set."""
    return Path(os.environ.get(TOKEN_PATH) or DEFAULT_PATH).expanduser()


def use_token() -> Token | None:
    """Turns token authentication on for this process, if there is a token and RAY_AUTH_MODE does not forbid it.

    Ray itself does not, where it is given an address. Raises UserError where RAY_AUTH_MODE asks for a token and there
    is none, for a file without one or that can't be read, and for one that others may read and that can't be closed
    to them.
    """
    mode = os.environ.get(MODE)
    if mode is not None and mode.lower() != "token":
        return None
    token = find_token()
    if token is None:
        if mode is not None:
            raise UserError(f"{MODE}={mode}, and there is no token: {GIVE_IT}")
        return None
    if token.where != TOKEN:
        _close(token_path())
        _check(token_path())
    if mode is None:
        os.environ[MODE] = "token"
        _tell_ray()
    return token


def own_token() -> None:
    """The same for a Ray that this process starts: makes a token where there is none.

    Ray would make it too, in a file that everyone can read.
    """
    mode = os.environ.get(MODE)
    if (mode is None or mode.lower() == "token") and find_token() is None:
        _make(token_path())
    use_token()


def _make(path: Path) -> None:
    """Writes a token that only we can read, unless another process was quicker. Nobody finds half of one, where the
    file system has links."""
    token = secrets.token_hex(32)
    made = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(made, token)
            _put(made, path, token)
        finally:
            made.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{path}: can't make a token: {error.strerror}: {GIVE_IT}") from error


def _put(made: Path, path: Path, token: str) -> None:
    try:
        os.link(made, path)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with suppress(FileExistsError):
            _write(path, token)


def _write(path: Path, token: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token)


def _close(path: Path) -> None:
    """Takes a token file from everyone but its owner. Raises UserError for one of somebody else that all can read."""
    try:
        found = path.stat()
        if found.st_uid == os.getuid():
            if found.st_mode & _OTHERS:
                path.chmod(0o600)
            return
    except OSError as error:
        raise UserError(f"{path}: can't read the token: {error.strerror}") from error
    if found.st_mode & stat.S_IRWXO:
        raise UserError(
            f"{path}: everyone on this machine can read the token, and it is not yours to close: its owner must "
            f"chmod 0600 it (of a mounted secret: defaultMode: 0440)"
        )


def _check(path: Path) -> None:
    """Ray would end the process for an empty file, and for one that it can't read."""
    try:
        empty = not path.read_bytes().strip()
    except OSError as error:
        raise UserError(f"{path}: can't read the token: {error.strerror}") from error
    if empty:
        anew = "" if os.environ.get(TOKEN_PATH) else "delete it, and a Ray started here makes one, or "
        raise UserError(f"{path}: there is no token in it: {anew}{GIVE_IT}")


def _tell_ray() -> None:
    """Ray reads the variable when it is imported, and never again by itself."""
    if "ray" in sys.modules:
        from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]  # compiled

        Config.initialize("")
        AuthenticationTokenLoader.instance().reset_cache()
