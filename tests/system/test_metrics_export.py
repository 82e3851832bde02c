"""What a worker measures can be scraped from its node."""

import re
import time
import urllib.request
from typing import Any

import pytest
import ray

from raytrain.storage import Location
from raytrain.track.config import Track
from raytrain.track.tracking import tracking
from track.tracked import metrics

pytestmark = pytest.mark.system


def scrape(port: int) -> dict[str, float]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    text = opener.open(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    found = {}
    for line in text.splitlines():
        if match := re.fullmatch(r"ray_(raytrain_\w+)\{(.*)\} (\S+)", line):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', match[2]))
            assert labels["run"] == "small-0123456789abcdef"
            own = [labels[name] for name in ("language", "term") if name in labels]
            found[" ".join([match[1], *own])] = float(match[3])
    return found


def test_gauges_and_counters_are_served_by_the_node(local_ray: None) -> None:
    @ray.remote(num_cpus=0)
    class Worker:
        """Stands for rank 0: trains some steps, and is alive until they were seen."""

        def __init__(self, steps: list[dict[str, Any]]) -> None:
            folder = Location.of("/nowhere/0123456789abcdef")
            track = Track(tensorboard=False)
            self.following = tracking(track, folder, job_name="small", config={}, first_step=0)
            log = self.following.__enter__()
            for step in steps:
                log(step)

        def ready(self) -> None: ...

    worker = Worker.remote(
        [metrics(step) | ({"checkpoint_seconds": 0.5} if step in (1, 3) else {}) for step in range(5)]
    )
    ray.get(worker.ready.remote())
    port = ray.nodes()[0]["MetricsExportPort"]
    deadline = time.monotonic() + 60
    while "raytrain_step" not in (found := scrape(port)):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    ray.kill(worker)
    assert found["raytrain_step"] == 4
    assert found["raytrain_loss"] == 4.5
    assert found["raytrain_term info_nce@16"] == 1.25
    assert found["raytrain_language_loss deu-eng"] == 0.75
    assert found["raytrain_pairs_total deu"] == 60
    assert (found["raytrain_checkpoints_total"], found["raytrain_checkpoint_seconds"]) == (2, 0.5)
