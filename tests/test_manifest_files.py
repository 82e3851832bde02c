"""The files under k8s/, before kustomize; what it makes of them is in tests/system/test_built_manifests.py."""

from pathlib import Path

import pytest
import yaml

from manifests import K8S, different_keys, documents, misspelt, problems, refused

FILES = sorted(
    path for folder in ("base", "job") for path in (K8S / folder).glob("*.yaml") if path.stem != "kustomization"
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_manifests_are_what_the_schemas_allow(path: Path) -> None:
    for manifest in documents(path):
        assert problems(manifest) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_misspelt_key_is_refused_wherever_it_stands(path: Path) -> None:
    for manifest in documents(path):
        tried = different_keys(manifest)
        assert len(tried) >= 5
        assert [place for place in tried if not refused(misspelt(manifest, place))] == []


def test_every_file_is_used() -> None:
    for folder in ("base", "job", "gpu"):
        listed = yaml.safe_load((K8S / folder / "kustomization.yaml").read_text())
        used = {*listed.get("resources", []), *(one["path"] for one in listed.get("patches", []))}
        assert used == {path.name for path in (K8S / folder).glob("*.yaml")} - {"kustomization.yaml"}
