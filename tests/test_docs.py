"""The docs name every key there is."""

from pathlib import Path
from typing import get_origin

from pydantic import BaseModel

from raytrain.config import Job
from raytrain.jobfile import _models

ROOT = Path(__file__).parent.parent


def keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        named = get_origin(field.annotation) is dict  # of arms: its keys are names of the user's
        inner = None if named else next(_models(field.annotation), None)
        found += keys(inner, f"{prefix}{name}.") if inner else [f"{prefix}{name}"]
    return found


def test_every_key_of_the_job_file_is_explained() -> None:
    text = (ROOT / "docs/job-file.md").read_text()
    for key in keys(Job):
        section, _, name = key.rpartition(".")
        told = f"`{name}`" if section == "model.from_scratch" else f"`{key}`"
        assert told in text or (section == "model.from_scratch" and f"`{name}` " in text), key


def test_links_between_docs_lead_somewhere() -> None:
    import re

    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+\.md)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
