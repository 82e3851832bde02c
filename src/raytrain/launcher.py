"""Whether a launcher file (``cluster/*.yaml``) can be started: asked here, before the cloud is.

    python -m raytrain.launcher cluster/aws.yaml

Ray checks its own keys when ``ray up`` begins, and the cloud those of a node's config when the first node of that type
is asked for, which may be hours later. Here all of them are: Ray's schema, botocore's of RunInstances, Google's
discovery document of an instance. Nothing is sent anywhere.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from raytrain.errors import UserError, one_line

UNSET = "SET-ME"
_DIGEST = re.compile(r"[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}")
_OF_RAY = {"SubnetIds"}  # Ray starts a node in one of them
# What Ray's own schema leaves open.
_PROVIDER = {
    "aws": {"type", "region", "availability_zone", "use_internal_ips", "use_external_head_ip", "cache_stopped_nodes"},
    "gcp": {"type", "region", "availability_zone", "project_id", "use_internal_ips", "use_external_head_ip"},
}


def check_launcher(path: str | Path) -> None:
    """Raises UserError that names the file and every problem found in it."""
    found = list(problems(_read(Path(path))))
    if found:
        raise UserError(f"{path}: {'; '.join(found)}")


def _read(path: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: can't be read: {one_line(error)}") from error
    if not isinstance(config, dict) or not isinstance(config.get("provider"), dict):
        raise UserError(f"{path}: no launcher file: it must be a mapping with the key provider")
    if config["provider"].get("type") not in _PROVIDER:
        raise UserError(f"{path}: provider.type: must be one of {', '.join(_PROVIDER)}")
    return config


def problems(config: Mapping[str, Any]) -> Iterator[str]:
    """What Ray or the cloud would refuse, and what was left to be set; ``provider.type`` is one that is known."""
    provider = config["provider"]
    yield from _refused_by_ray(config)
    for key in sorted(set(provider) - _PROVIDER[provider["type"]]):
        yield f"provider.{key}: no such key; there are {', '.join(sorted(_PROVIDER[provider['type']]))}"
    for name, node_type in _node_types(config):
        if isinstance(node_type.get("node_config"), dict):
            check = _refused_by_aws if provider["type"] == "aws" else _refused_by_gcp
            for why in check(node_type["node_config"]):
                yield f"available_node_types.{name}.node_config: {why}"
    if left := list(_unset(config, "")):
        yield f"{UNSET} is left to be replaced in {len(left)} places, of them {', '.join(left[:5])}"
    docker = config.get("docker")
    for key in ("image", "head_image", "worker_image"):
        image = docker.get(key) if isinstance(docker, dict) else None
        if (image or key == "image") and not _DIGEST.fullmatch(str(image)):
            yield f"docker.{key}: {image}: must be NAME@sha256:DIGEST, which `docker push` tells"


def _node_types(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    types = config.get("available_node_types")
    if isinstance(types, dict):
        yield from ((name, node_type) for name, node_type in types.items() if isinstance(node_type, dict))


def _refused_by_ray(config: Mapping[str, Any]) -> Iterator[str]:
    from jsonschema import ValidationError
    from ray.autoscaler._private.util import prepare_config, validate_config

    try:
        validate_config(prepare_config(dict(config)))
    except ValidationError as error:
        yield f"{'.'.join(map(str, error.absolute_path)) or 'the file'}: {one_line(error.message, 200)}"
    except (AssertionError, KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        yield f"Ray refuses it: {type(error).__name__} {one_line(error, 200)}"


def _refused_by_aws(node: Mapping[str, Any]) -> Iterator[str]:
    from botocore.validate import ParamValidator

    asked = {key: value for key, value in node.items() if key not in _OF_RAY} | {"MinCount": 1, "MaxCount": 1}
    report = ParamValidator().validate(asked, _run_instances())
    if report.has_errors():
        yield one_line(report.generate_report(), 500)


@cache
def _run_instances() -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model("ec2").operation_model("RunInstances").input_shape


def _refused_by_gcp(node: Mapping[str, Any]) -> Iterator[str]:
    for error in _instance_of_gcp().iter_errors(node):
        yield f"{'.'.join(map(str, error.absolute_path))}: {one_line(error.message, 200)}"


@cache
def _instance_of_gcp() -> Any:
    """Checks an instance. Raises UserError if Google's client, which Ray needs as well, is not installed."""
    from jsonschema import Draft4Validator

    try:
        from googleapiclient.discovery_cache import get_static_doc
    except ImportError as error:
        raise UserError("provider.type: gcp needs `pip install google-api-python-client`, for Ray too") from error
    schemas = json.loads(get_static_doc("compute", "v1"))["schemas"]
    strict = {name: _strict(schema) for name, schema in schemas.items()}
    return Draft4Validator({"$ref": "#/schemas/Instance", "schemas": strict})


def _strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema of Google's as JSON schema; whole numbers may be written as numbers where they travel as strings."""
    if "$ref" in schema:
        return {"$ref": f"#/schemas/{schema['$ref']}"}
    if schema.get("format") in ("int64", "uint64"):
        return {"type": ["string", "integer"]}
    strict: dict[str, Any] = {key: schema[key] for key in ("type", "enum") if key in schema and schema[key] != "any"}
    if "items" in schema:
        strict["items"] = _strict(schema["items"])
    if schema.get("type") == "object":
        strict["properties"] = {name: _strict(inner) for name, inner in schema.get("properties", {}).items()}
        other = schema.get("additionalProperties", False)
        strict["additionalProperties"] = _strict(other) if other else False
    return strict


def _unset(node: Any, where: str) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _unset(value, f"{where}.{key}".lstrip("."))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _unset(value, f"{where}.{number}")
    elif isinstance(node, str) and UNSET in node:
        yield where


def main() -> None:
    """Checks the files that it is given; what is wrong is one line each, and exit code 2."""
    failed = False
    for path in sys.argv[1:]:
        try:
            check_launcher(path)
            print(f"{path}: can be started, as far as can be told from here")
        except UserError as error:
            failed = True
            print(f"raytrain: {error}", file=sys.stderr)
    if failed or not sys.argv[1:]:
        raise SystemExit(2)


if __name__ == "__main__":
    main()
