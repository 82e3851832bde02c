"""Building k8s/ with the real kustomize."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import yaml

from manifests import K8S, Manifest

OVERLAYS = ["cpu-smoke", "gpu", "gpu-spot"]
WHAT = [f"{overlay}/{kind}" for overlay in OVERLAYS for kind in ("cluster", "job")]


@cache
def command() -> list[str] | None:
    """kustomize, or the one in kubectl; None where neither is there, or only one that knows no components."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if not shutil.which("kubectl"):
        return None
    told = subprocess.run(["kubectl", "version", "--client", "-o", "json"], capture_output=True, text=True, timeout=60)
    inside = json.loads(told.stdout or "{}").get("kustomizeVersion", "v0")
    return ["kubectl", "kustomize"] if int(inside[1:].split(".")[0]) >= 5 else None


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """What kustomize makes of a folder, or its error."""
    found = command()
    assert found
    return subprocess.run([*found, str(folder)], capture_output=True, text=True, timeout=120)


@cache
def _built(what: str) -> str:
    done = build(K8S / "overlays" / what)
    assert done.returncode == 0, done.stderr
    return done.stdout


def built(what: str) -> list[Manifest]:
    """The manifests of an overlay, like ``gpu/job``."""
    return [one for one in yaml.load_all(_built(what), Loader=yaml.CSafeLoader) if one]
