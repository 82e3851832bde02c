"""What is found out about the Ray at an address before connecting to it."""

import socket
from pathlib import Path

import pytest

from raytrain.errors import UserError
from raytrain.handshake import authenticate


def test_who_answers_and_is_no_ray_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than taken for a Ray that asks for no token."""
    monkeypatch.setattr("raytrain.handshake.ANSWER_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(UserError, match="no Ray answers at"):
        authenticate(f"127.0.0.1:{server.getsockname()[1]}")


def test_certificates_that_are_not_there_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USE_TLS", "1")
    names = ("RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match=r"^RAY_USE_TLS: .*RAY_TLS_CA_CERT must also be set"):
        authenticate("127.0.0.1:1")
    for name in names:
        monkeypatch.setenv(name, str(tmp_path / "nowhere.pem"))
    with pytest.raises(UserError, match=r"^RAY_USE_TLS: .*nowhere\.pem"):
        authenticate("127.0.0.1:1")
