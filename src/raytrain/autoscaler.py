"""Asking Ray's autoscaler for room, and what it answers.

Asked is by a placement group that waits. Unlike ray.autoscaler.sdk.request_resources it does not replace what others
have asked for, and it goes with the driver that made it, however that ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_SURE_AFTER = 2  # rounds of the autoscaler: in the first it may not have seen a node go


@dataclass(frozen=True)
class Bundle:
    """Resources on one node, with labels that the selector wants."""

    resources: Mapping[str, float]
    selector: Mapping[str, str] = field(default_factory=dict)


def is_there() -> bool:
    """Whether the running Ray has an autoscaler that starts nodes."""
    return bool(_state().autoscaler_state_version)


class Request:
    """Room that was asked for; it is held, for ``group``, once it is there, and until it is withdrawn."""

    def __init__(self, bundles: Sequence[Bundle]) -> None:
        from ray.util import placement_group

        self._group = placement_group(
            [dict(bundle.resources) for bundle in bundles],
            strategy="PACK",
            bundle_label_selector=[dict(bundle.selector) for bundle in bundles],
        )
        self._refused_in: set[int] = set()

    @property
    def group(self) -> str:
        """The id of the placement group."""
        return str(self._group.id.hex())

    def is_refused(self) -> bool:
        """Whether the autoscaler says, and has said before, that no nodes it may start have this room now."""
        state = _state()
        refused = any(request.details.startswith(self.group) for request in state.infeasible_gang_resource_requests)
        self._refused_in = self._refused_in | {state.last_seen_cluster_resource_state_version} if refused else set()
        return len(self._refused_in) >= _SURE_AFTER

    def withdraw(self) -> None:
        """Asks no longer, and gives back what is held."""
        from ray.util import remove_placement_group

        remove_placement_group(self._group)


def _state() -> Any:
    import ray
    from ray._raylet import GcsClient  # type: ignore[attr-defined]  # compiled
    from ray.core.generated.autoscaler_pb2 import GetClusterStatusReply

    reply = GetClusterStatusReply()
    reply.ParseFromString(GcsClient(ray.get_runtime_context().gcs_address).get_cluster_status(timeout_s=10))
    return reply.autoscaling_state
