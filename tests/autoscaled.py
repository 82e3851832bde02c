"""What Ray's autoscaler would start for a demand, asked offline: its own reading of a config and its own scheduler."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

Labels = Mapping[str, str]


def node_types(config: dict[str, Any]) -> dict[str, Any]:
    """The node types of a launcher file, or of what the autoscaler makes of a RayCluster."""
    from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig

    return dict(AutoscalingConfig(config, skip_content_hash=True).get_node_type_configs())


def of_ray_cluster(manifest: dict[str, Any]) -> dict[str, Any]:
    """The config that the autoscaler in the head derives from a RayCluster; raises what it would raise."""
    from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr

    return dict(_derive_autoscaling_config_from_ray_cr(manifest))


def started(
    config: dict[str, Any],
    demand: Mapping[str, float],
    labels: Labels,
    *,
    count: int = 1,
    failed: frozenset[str] = frozenset(),
) -> tuple[dict[str, int], int]:
    """How many nodes of each type are started for tasks alike, and how many of them can never run.

    ``failed`` are types that the cloud had none of a moment ago.
    """
    from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingRequest
    from ray.autoscaler.v2.utils import ResourceRequestUtil
    from ray.core.generated.common_pb2 import LABEL_OPERATOR_IN

    types = node_types(config)
    wanted = [[(key, LABEL_OPERATOR_IN, [value]) for key, value in labels.items()]]
    request = ResourceRequestUtil.make(dict(demand), label_selectors=wanted if labels else None)
    reply = ResourceDemandScheduler(event_logger=None).schedule(
        SchedulingRequest(
            disable_launch_config_check=True,
            node_type_configs=types,
            max_num_nodes=config["max_workers"] + 1,
            resource_requests=ResourceRequestUtil.group_by_count([request] * count),
            current_instances=[],
            cloud_resource_availabilities={name: 0.0 if name in failed else 1.0 for name in types},
            recoverable_resource_availabilities={name: 0.0 if name in failed else 1.0 for name in types},
        )
    )
    launched = Counter({one.instance_type: one.count for one in reply.to_launch})
    return dict(launched), len(reply.infeasible_resource_requests)
