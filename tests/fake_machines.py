"""What an autoscaler starts in tests: nodes on this machine, as far apart as machines are."""

import uuid
from typing import Any

from ray._private import ray_constants
from ray.autoscaler._private.fake_multi_node.node_provider import FakeMultiNodeProvider


class FakeMachines(FakeMultiNodeProvider):  # type: ignore[misc]  # Ray is untyped
    """Each node unpacks what jobs take along in a folder of its own.

    In one folder for all, a node that comes deletes and unpacks anew what the drivers and workers of others stand in.
    """

    def _create_node_with_resources_and_labels(self, *args: Any) -> None:
        ray_constants.DEFAULT_RUNTIME_ENV_DIR_NAME = f"runtime_resources_{uuid.uuid4().hex[:8]}"
        super()._create_node_with_resources_and_labels(*args)
