"""The docs name every key there is, and what they show works."""

import re
from pathlib import Path
from typing import Any, get_origin

import pytest
import yaml
from pydantic import BaseModel

from raytrain.config import Job
from raytrain.jobfile import _Loader, _models, job_from
from raytrain.losses.config import KL, InfoNCE, LearnedTemperature, MarginMSE, Matryoshka
from raytrain.plan.config import Mix

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# What a snippet of a job file leaves out.
REST = {
    "name": "snippet",
    "root": "runs",
    "corpus": {"source": "demo:cldr"},
    "model": {"from_scratch": {}},
    "evaluate": {"benchmarks": ["demo:cldr"]},
}


def keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        named = get_origin(field.annotation) is dict  # of arms and terms: its keys are names of the user's
        inner = None if named else next(_models(field.annotation), None)
        if inner is Mix and prefix != "train.":
            inner = None  # of a change: its keys are those of train.mix
        found += keys(inner, f"{prefix}{name}.") if inner else [f"{prefix}{name}"]
    return found


def snippets() -> list[Any]:
    return [
        pytest.param(text, id=f"{page.name} {number}")
        for page in PAGES
        for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL))
    ]


def test_every_key_of_the_job_file_is_explained() -> None:
    text = (ROOT / "docs/job-file.md").read_text()
    for key in keys(Job):
        section, _, name = key.rpartition(".")
        told = f"`{name}`" if section == "model.from_scratch" else f"`{key}`"
        assert told in text or (section == "model.from_scratch" and f"`{name}` " in text), key


def test_every_key_of_a_loss_is_explained() -> None:
    text = (ROOT / "docs/losses.md").read_text()
    inner = {"temperature": LearnedTemperature, "matryoshka": Matryoshka}
    names = {name for loss in (InfoNCE, MarginMSE, KL) for name in loss.model_fields}
    names |= {f"{name}.{key}" for name, section in inner.items() for key in section.model_fields}
    for name in names:
        assert f"| `{name}` |" in text, name


@pytest.mark.parametrize("text", snippets())
def test_every_snippet_of_a_job_file_is_one(text: str) -> None:
    data = yaml.load(text, Loader=_Loader)
    job_from(REST | data, "the snippet")


def test_links_between_docs_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+\.(?:md|py))", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_links_to_sections_lead_somewhere() -> None:
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
            linked = (page.parent / target) if target else page
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{page.name}: {target}#{anchor}"


def test_pointers_into_the_code_name_what_is_there() -> None:
    for page in PAGES:
        for name, target in re.findall(r"\[`([\w.]+)`\]\(([^)#:]+\.py)\)", page.read_text()):
            code = (page.parent / target).read_text()
            for part in name.split("."):
                assert re.search(rf"^\s*(def|class) {part}\b", code, re.MULTILINE), f"{page.name}: {name} in {target}"
