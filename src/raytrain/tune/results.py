"""What a sweep is, finished or under way: its trials, and how it was made. Data only."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

State = Literal["waiting", "running", "finished", "stopped", "failed"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Point(_Data):
    """A validation of a trial: after ``step`` steps, the metric of each language, and each objective made of them."""

    step: int
    languages: dict[str, float]
    values: dict[str, float]


class Cost(_Data):
    """What a trial took. ``gpu_hours`` is 0 without GPUs; ``money`` is None where a node's price is not known."""

    steps: int = 0
    pairs: int = 0
    seconds: float = 0.0
    gpu_hours: float = 0.0
    money: float | None = None


class Change(_Data):
    """Settings that hold from step ``at`` on, instead of those before: population-based training made it."""

    at: int
    settings: dict[str, Any]


class Trial(_Data):
    """One training run of a sweep. ``settings``: key of the job file → value; a mix is a dict of shares that sum to 1.

    ``values`` are the objectives at ``step``, the checkpoint that the run ends with; empty before that. The trial
    ``number`` 0 is the job file itself. One that goes on from another's checkpoint has the settings, the changes and
    the curve of that one until then. ``why`` says why it was stopped or failed.
    """

    number: int
    settings: dict[str, Any]
    changes: list[Change] = []
    state: State
    why: str = ""
    curve: list[Point] = []
    step: int | None = None
    values: dict[str, float] = {}
    cost: Cost = Cost()
    tries: int = 1
    artifact: str = ""  # where the trained model lies


class Axis(_Data):
    """A setting that is searched. ``low`` and ``high`` of a range, ``options`` of a choice, ``languages`` of a mix."""

    key: str
    kind: Literal["range", "choice", "mix"]
    low: float | None = None
    high: float | None = None
    log: bool = False
    whole: bool = False  # whole numbers only
    options: list[Any] = []
    languages: list[str] = []


class Sweep(_Data):
    """All of a sweep. Every objective is to be as large as possible; with several there is no ``best`` but a front.

    ``best`` and ``front`` are numbers of trials; ``budget`` and ``spent`` by unit: trials, steps, pairs, gpu_hours,
    money. ``estimated`` was said before the start, in the same units and ``hours``.
    """

    name: str
    objectives: list[str]
    metric: str  # of each language, as nDCG@10
    benchmark: str  # that trials were validated on
    languages: list[str]  # whose scores the objectives are made of
    space: list[Axis]
    search: dict[str, Any]  # kind of the searcher, seed …
    schedule: dict[str, Any]  # kind of the scheduler …
    max_steps: int  # of a trial
    batch_size: int
    budget: dict[str, float]
    estimated: dict[str, float]
    spent: dict[str, float]
    currency: str = "USD"
    trials: list[Trial]
    best: int | None
    front: list[int]
    why_ended: str = ""
    versions: dict[str, str] = {}
