"""Kubernetes manifests, and what the schemas of Kubernetes and of KubeRay's CustomResourceDefinitions say of them."""

import gzip
import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from referencing import Registry, Resource

ROOT = Path(__file__).parent.parent
K8S = ROOT / "k8s"
KUBERNETES = "1.37"  # the newest that kubernetes-validate knows
_CRDS = {"RayCluster": "ray.io_rayclusters.yaml.gz", "RayJob": "ray.io_rayjobs.yaml.gz"}

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"

Manifest = dict[str, Any]
Path_ = tuple[str | int, ...]

# What the Prometheus operator's definition holds of what is used here; it is published by no package.
_POD_MONITOR = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "monitoring.coreos.com/v1"},
        "kind": {"const": "PodMonitor"},
        "metadata": {},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["selector", "podMetricsEndpoints"],
            "properties": {
                "selector": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "matchExpressions": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "additionalProperties": False,
                                "required": ["key", "operator"],
                                "properties": {"key": {}, "operator": {}, "values": {"type": "array"}},
                            },
                        },
                    },
                },
                "podMetricsEndpoints": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["port"],
                        "properties": {"port": {"type": "string"}, "interval": {"type": "string"}},
                    },
                },
            },
        },
    },
}


def documents(path: Path) -> list[Manifest]:
    """The manifests of a file."""
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def problems(manifest: Manifest) -> list[str]:
    """What the schemas refuse in a manifest: unknown keys, wrong types, missing fields. Where, and why."""
    named = f"{manifest.get('kind')}"
    found = list(validator(named, str(manifest.get("apiVersion"))).iter_errors(manifest))
    found += metadata_validator().iter_errors(manifest.get("metadata", {}))
    return [f"{named} {'.'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in found]


@cache
def validator(kind: str, api_version: str) -> Validator:
    """Of the manifests of a kind. Raises KeyError for one that nobody has a schema of."""
    if kind in _CRDS and api_version == "ray.io/v1":
        return Draft202012Validator(_strict(_open_api(_CRDS[kind])))
    if kind == "PodMonitor":
        return Draft202012Validator(_POD_MONITOR)
    return _kubernetes(_definition(kind, api_version))


@cache
def metadata_validator() -> Validator:
    """Definitions of custom resources leave it to Kubernetes."""
    return _kubernetes(f"{_META}.ObjectMeta")


@cache
def _definitions() -> dict[str, Any]:
    folder = resources.files("kubernetes_validate") / "kubernetes-json-schema" / f"v{KUBERNETES}.0-local-strict"
    found: dict[str, Any] = json.loads((folder / "_definitions.json").read_text())
    return found


def _kubernetes(name: str) -> Validator:
    registry: Registry[Any] = Resource.from_contents(_definitions()) @ Registry()
    return Draft202012Validator({"$ref": f"{_definitions()['$id']}#/$defs/{name}"}, registry=registry)


def _definition(kind: str, api_version: str) -> str:
    group, _, version = api_version.rpartition("/")
    wanted = {"group": group, "kind": kind, "version": version}
    for name, schema in _definitions()["$defs"].items():
        if wanted in schema.get("x-kubernetes-group-version-kind", []):
            return str(name)
    raise KeyError(f"{api_version} {kind}")


@cache
def _open_api(file: str) -> dict[str, Any]:
    with gzip.open(ROOT / "tests/data/kuberay" / file) as opened:
        (crd,) = [one for one in yaml.load_all(opened, Loader=yaml.CSafeLoader) if one]
    (schema,) = [one["schema"]["openAPIV3Schema"] for one in crd["spec"]["versions"] if one["name"] == "v1"]
    found: dict[str, Any] = schema
    return found


def _strict(schema: Any) -> Any:
    """A schema that refuses what it does not know, as ``kubectl apply`` does; CEL rules are not looked at."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    strict = {key: _strict(value) for key, value in schema.items() if key not in ("default", "description", "format")}
    if "properties" in schema:
        strict["properties"] = {name: _strict(value) for name, value in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            strict.setdefault("additionalProperties", False)
    return strict


def refused(manifest: Manifest) -> bool:
    """Whether a schema refuses a manifest; or no kind is called as it says."""
    try:
        return bool(problems(manifest))
    except KeyError:
        return True


# Maps whose keys are the user's.
_FREE = {"labels", "annotations", "matchLabels", "nodeSelector", "requests", "limits", "rayStartParams", "data"}


def keys(manifest: Manifest) -> list[Path_]:
    """The path of every key that a schema gives a name."""
    service = manifest.get("kind") == "Service"
    return [path for path in _keys(manifest, ()) if not (service and path[:2] == ("spec", "selector") and path[2:])]


def _keys(node: Any, path: Path_) -> Iterator[Path_]:
    if isinstance(node, dict) and not (path and path[-1] in _FREE):
        for key, value in node.items():
            yield (*path, key)
            yield from _keys(value, (*path, key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _keys(value, (*path, number))


def different_keys(manifest: Manifest) -> list[Path_]:
    """The same, of the items of a list the first that has a key: groups and containers are alike."""
    found = {tuple(0 if isinstance(part, int) else part for part in path): path for path in reversed(keys(manifest))}
    return list(found.values())


def misspelt(manifest: Any, path: Path_) -> Any:
    """A copy in which the key at a path has lost a letter."""
    first, *rest = path
    if isinstance(manifest, list):
        return [misspelt(value, tuple(rest)) if number == first else value for number, value in enumerate(manifest)]
    if rest:
        return {key: misspelt(value, tuple(rest)) if key == first else value for key, value in manifest.items()}
    key = str(first)
    return {(key[0] + key[2:] if name == first else name): value for name, value in manifest.items()}
