"""The token of Ray's authentication: only its owner can read it, and it is used where there is one."""

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from raytrain.auth import own_token, use_token
from raytrain.doctor import _authentication, is_public
from raytrain.errors import UserError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")  # so that what is set meanwhile is taken back
        monkeypatch.delenv(name)
    monkeypatch.delitem(sys.modules, "ray", raising=False)  # a Ray that these tests share keeps its own mode
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_ray_of_our_own_gets_a_token_that_only_we_can_read(home: Path) -> None:
    own_token()
    file = home / ".ray/auth_token"
    assert mode(file) == 0o600
    assert len(file.read_text()) == 64
    assert os.environ["RAY_AUTH_MODE"] == "token"
    before = file.read_text()
    own_token()
    assert file.read_text() == before
    assert [path.name for path in file.parent.iterdir()] == ["auth_token"]


def test_a_token_that_others_may_read_is_closed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "token").write_text("secret")
    (home / "token").chmod(0o644)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "token"))
    token = use_token()
    assert token is not None
    assert mode(home / "token") == 0o600
    assert "secret" not in str(token)


def test_one_of_somebody_else_that_all_can_read_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "token").write_text("secret")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    (home / "token").chmod(0o440)  # a mounted secret
    assert use_token() is not None
    (home / "token").chmod(0o444)
    with pytest.raises(UserError, match="not yours to close"):
        use_token()


def test_of_two_that_make_a_token_at_once_one_does(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def slower(made: Path, path: Path) -> None:
        path.write_text("of the other")
        link(made, path)

    monkeypatch.setattr(os, "link", slower)
    own_token()
    assert {path.name: path.read_text() for path in (home / ".ray").iterdir()} == {"auth_token": "of the other"}


def test_where_there_are_no_links_it_is_made_in_its_place(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(made: Path, path: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuses)
    own_token()
    (file,) = (home / ".ray").iterdir()
    assert (file.name, mode(file), len(file.read_text())) == ("auth_token", 0o600, 64)


def test_where_no_token_can_be_made_it_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".ray").write_text("a file")
    with pytest.raises(UserError, match="auth_token: can't make a token: File exists: give"):
        own_token()


@pytest.mark.parametrize("written", ["", " \n"])
def test_an_empty_file_is_no_token(written: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "token").write_text(written)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "token"))
    for use in (use_token, own_token):
        with pytest.raises(UserError, match=f"{home / 'token'}: there is no token in it: give the cluster's token"):
            use()
    assert "RAY_AUTH_MODE" not in os.environ


def test_no_token(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert use_token() is None
    assert "RAY_AUTH_MODE" not in os.environ
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with pytest.raises(UserError, match="there is no token: give the cluster's token in RAY_AUTH_TOKEN"):
        use_token()
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "nowhere"))
    with pytest.raises(UserError, match="there is no file"):
        use_token()
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert use_token() is None
    own_token()
    assert not (home / ".ray").exists()


def test_doctor_tells_of_the_token_and_not_what_it_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _authentication().ok
    assert "RAY_AUTH_TOKEN" in _authentication().found
    monkeypatch.setenv("RAY_AUTH_TOKEN", "very-secret")
    found = _authentication()
    assert found.ok
    assert "authentication is on" in found.found
    assert "very-secret" not in found.found
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert not _authentication().ok


def test_which_dashboards_others_reach() -> None:
    assert [is_public(host) for host in ("127.0.0.1", "::1", "localhost")] == [False] * 3
    assert [is_public(host) for host in ("0.0.0.0", "::", "10.0.0.7", "head")] == [True] * 4
