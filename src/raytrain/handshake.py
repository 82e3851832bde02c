"""Whether the Ray at an address wants a token, and takes ours: asked before connecting, as Ray itself would hang."""

import os
import time
from collections.abc import Callable
from typing import Any

from raytrain.auth import GIVE_IT, MODE, use_token
from raytrain.errors import UserError, one_line

REFUSED = f"wants a token, and this is none or not the right one: {GIVE_IT}"
ANSWER_S = 30.0  # for a head to say whether it wants a token


def authenticate(address: str) -> None:
    """Turns token authentication on in this process if the Ray at the address has it on.

    On one side only it would be worse than none: a driver with it turns away what workers without it ask for, and the
    run waits for ever. Raises UserError for a wrong token, which Ray would tell of seven times.
    """
    if _lets_in(address, _bare_channel):
        if os.environ.get(MODE, "").lower() == "token":
            raise UserError(
                f"cluster.address: the Ray at {address} asks for no token, and {MODE}=token is set here, which does "
                f"not go together: start it with {MODE}=token, or set {MODE}=disabled if nobody else can reach it"
            )
        return
    if not use_token():
        off = f" ({MODE}={os.environ[MODE]})" if MODE in os.environ else ""
        raise UserError(f"cluster.address: the Ray at {address} {REFUSED}{off}")
    from ray._private.gcs_utils import create_gcs_channel

    if not _lets_in(address, create_gcs_channel):
        raise UserError(f"cluster.address: the Ray at {address} {REFUSED}")


def _bare_channel(address: str) -> Any:
    """To a Ray, without a token. Raises UserError for certificates that can't be read."""
    import grpc
    from ray._common.tls_utils import load_certs_from_env
    from ray._private.ray_constants import GLOBAL_GRPC_OPTIONS

    if os.environ.get("RAY_USE_TLS", "0").lower() not in ("1", "true"):
        return grpc.insecure_channel(address, options=GLOBAL_GRPC_OPTIONS)
    try:
        certificate, key, authority = load_certs_from_env()
    except (RuntimeError, OSError) as error:
        raise UserError(f"RAY_USE_TLS: {one_line(error, 200)}") from error
    credentials = grpc.ssl_channel_credentials(authority, key, certificate)
    return grpc.secure_channel(address, credentials, options=GLOBAL_GRPC_OPTIONS)


def _lets_in(address: str, channel_to: Callable[[str], Any]) -> bool:
    """Whether the Ray there answers by such a channel, or turns us away for want of the right token.

    Raises UserError where it gives neither answer in ANSWER_S: it is starting, too busy, or no Ray.
    """
    import grpc
    from ray.core.generated.gcs_service_pb2 import CheckAliveRequest
    from ray.core.generated.gcs_service_pb2_grpc import NodeInfoGcsServiceStub

    deadline = time.monotonic() + ANSWER_S
    with channel_to(address) as channel:
        while True:
            try:
                NodeInfoGcsServiceStub(channel).CheckAlive(CheckAliveRequest(), timeout=min(10.0, ANSWER_S))
                return True
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.UNAUTHENTICATED:
                    return False
                if time.monotonic() > deadline:
                    told = f"{error.code().name}: {one_line(error.details() or '', 100)}"
                    raise UserError(f"cluster.address: no Ray answers at {address}: {told}") from error
                time.sleep(0.5)
