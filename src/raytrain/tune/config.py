"""The config of a sweep: what is searched, by whom, for what, and what it may cost. In the words of Ray Tune."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_serializer,
    model_validator,
)

from raytrain.section import KeyedByLabel, Label, Labels, Section, Seed, Seeds, absent_is_empty, each_once

Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
Whole = Annotated[list[int], Field(min_length=2, max_length=2)]
DIGITS = 6  # of settings that are drawn: enough, and readable in a job file
RANGES = ("uniform", "loguniform", "quniform", "randint", "lograndint")


def _even(value: object) -> object:
    """A list of languages is a mix that prefers none of them."""
    return dict.fromkeys(value, 1.0) if isinstance(value, list) and len(set(map(str, value))) == len(value) else value


def rounded(value: float) -> float:
    """A number of a range as settings have it."""
    return float(f"{value:.{DIGITS}g}")


class Dimension(Section):
    """What may stand in place of one value: exactly one of the words."""

    choice: Annotated[list[Any], Field(min_length=1)] | None = Field(None, description="one of these")
    uniform: Pair | None = Field(None, description="[low, high]")
    loguniform: Pair | None = Field(None, description="[low, high], evenly over the logarithm")
    quniform: Annotated[list[float], Field(min_length=3, max_length=3)] | None = Field(
        None, description="[low, high, step]: multiples of the step from low on"
    )
    randint: Whole | None = Field(None, description="[low, high): whole numbers, high left out as in Ray Tune")
    lograndint: Whole | None = Field(None, description="[low, high), evenly over the logarithm")
    dirichlet: (
        Annotated[dict[Label, PositiveFloat], Field(min_length=2), KeyedByLabel, BeforeValidator(_even)] | None
    ) = Field(None, description="of train.mix.weights: [eng, deu …], or {eng: 2, deu: 1 …}: larger is nearer to even")

    @property
    def word(self) -> str:
        """The one that is given."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest value of a range."""
        low, high, *step = getattr(self, self.word)
        if step:  # in decimals: a float is no multiple of 0.3
            first, last, by = (Decimal(str(number)) for number in (low, high, step[0]))
            return low, float(first + (last - first) // by * by) if by > 0 else high
        return low, high - 1 if self.whole else high

    @property
    def whole(self) -> bool:
        """Whether the range is of whole numbers."""
        return self.word in ("randint", "lograndint")

    @property
    def log(self) -> bool:
        """Whether the range is drawn from evenly over the logarithm."""
        return self.word in ("loguniform", "lograndint")

    @property
    def step(self) -> float | None:
        """Between the values of a range, where it has steps."""
        return self.quniform[2] if self.quniform else None

    def nearest(self, value: float) -> float:
        """The value of a range that is next to a number."""
        low, high = self.bounds
        within = min(max(value, low), high)
        if self.step is None:
            return round(within) if self.whole else within
        first, by = Decimal(str(low)), Decimal(str(self.step))
        return float(first + round((Decimal(str(within)) - first) / by) * by)

    @model_validator(mode="after")
    def _one_word(self) -> "Dimension":
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            words = ", ".join(type(self).model_fields)
            raise ValueError(f"give exactly one of {words}: found {' and '.join(given) or 'none of them'}")
        if self.word in RANGES:
            low, high = self.bounds
            if low >= high or (not self.whole and rounded(low) >= rounded(high)):
                raise ValueError(f"{self.word}: {low:g} to {high:g} holds no two values")
            if self.log and low <= 0:
                raise ValueError(f"{self.word}: low must be above 0")
            if self.quniform and self.quniform[2] <= 0:
                raise ValueError("quniform: the step must be above 0")
        return self

    @model_serializer(mode="wrap")
    def _given(self, dump: Any) -> Any:
        return {name: value for name, value in dump(self).items() if value is not None}


class Search(Section):
    """Who proposes the settings of the next trial."""

    kind: Literal["tpe", "random", "grid"] = Field(
        "tpe", description="tpe: Optuna's, with several objectives its multi-objective form"
    )
    seed: Seed = Field(0, description="of the proposals; training has train.seed, the same in all trials")
    startup_trials: PositiveInt = Field(10, description="of tpe: drawn at random, before it learns from results")
    points: Annotated[int, Field(ge=2)] = Field(
        3, description="of grid: values of each range; of a mix: steps from none to all of a language"
    )


class Schedule(Section):
    """Who ends trials early."""

    kind: Literal["none", "asha", "median", "pbt", "pb2"] = Field(
        "asha", description="pbt and pb2 end none: they change weights, mix or learning rate of running ones"
    )
    grace_steps: PositiveInt | None = Field(
        None, description="steps that every trial gets; default: those of the first validation"
    )
    reduction: Annotated[int, Field(ge=2)] = Field(3, description="of asha: one in so many goes on at each rung")
    startup_trials: PositiveInt = Field(3, description="of median: trials that must have got as far")
    every_steps: PositiveInt | None = Field(
        None, description="of pbt and pb2: between changes; default: those between validations"
    )
    objective: str | None = Field(None, description="that it goes by; default: the first of tune.objectives")

    @property
    def is_population(self) -> bool:
        """Whether trials go on from each other, with changed settings, instead of ending."""
        return self.kind in ("pbt", "pb2")


class Budget(Section):
    """What a sweep may take; the first that is spent ends it. A trial that runs then is ended too."""

    trials: PositiveInt = Field(20, description="the job file itself, which is trial 0, included")
    steps: PositiveInt | None = Field(None, description="of all trials together")
    pairs: PositiveInt | None = Field(None, description="question-answer pairs trained on, of all trials together")
    gpu_hours: PositiveFloat | None = Field(None, description="of all training workers together")
    money: PositiveFloat | None = Field(None, description="in cluster.currency, by cluster.prices")


class Confirm(Section):
    """The winner against the job file itself, with seeds that no trial had, on evaluate.benchmarks."""

    seeds: Seeds | None = Field(None, description="default: train.seed + 1, + 2, + 3")
    trial: PositiveInt | None = Field(
        None, description="default: the best one; with several objectives, of the front the best by the first"
    )


Objective = Literal["average", "worst", "trained", "never_trained"]


class Tune(Section):
    """The search for better settings: raytrain tune. raytrain run leaves it alone."""

    space: dict[str, Dimension] = Field(
        min_length=1,
        description="key of the job file, as in overrides → what may stand there: train.learning_rate: {loguniform: "
        "[1e-6, 1e-4]}; the value in the file itself is trial 0, which the winner is compared with",
    )
    objectives: Annotated[list[Objective], Field(min_length=1), AfterValidator(each_once)] = Field(
        ["average"],
        description="of train.validate_on's metric: mean over languages, its lowest language, mean over those that "
        "trials may train on, and over the others; several: a Pareto front",
    )
    languages: Labels | None = Field(None, description="whose scores objectives are made of; default: all validated")
    search: Annotated[Search, BeforeValidator(absent_is_empty)] = Search()
    schedule: Annotated[Schedule, BeforeValidator(absent_is_empty)] = Schedule()
    budget: Annotated[Budget, BeforeValidator(absent_is_empty)] = Budget()
    confirm: Confirm | None = Field(Confirm(), description="null: no confirmation")
    max_concurrent: PositiveInt | None = Field(None, description="trials at a time; default: as the cluster has room")
    retries: NonNegativeInt = Field(2, description="of a trial whose process dies or hangs; then it counts as failed")
    hang_after_s: PositiveFloat = Field(
        3_600,
        description="seconds without a new score, waiting for room left out, after which a trial is taken to hang",
    )

    @model_validator(mode="after")
    def _possible(self) -> "Tune":
        for key, dimension in self.space.items():
            _check_key(key)
            mix = key == "train.mix.weights"
            if mix != (dimension.word == "dirichlet") and not (mix and dimension.word == "choice"):
                raise ValueError(
                    f"space.{key}: {'takes dirichlet or choice' if mix else 'dirichlet is for train.mix.weights'}"
                )
        schedule = self.schedule
        if schedule.objective is not None and schedule.objective not in self.objectives:
            raise ValueError(f"schedule.objective: {schedule.objective} is none of {', '.join(self.objectives)}")
        if schedule.is_population:
            self._check_changeable()
        if schedule.is_population and self.search.kind != "random":
            raise ValueError(f"schedule.kind {schedule.kind} goes on from random draws: write search.kind: random")
        return self

    def _check_changeable(self) -> None:
        """Raises ValueError for what can't change while a trial runs."""
        for key, dimension in self.space.items():
            if not changeable(key):
                raise ValueError(
                    f"schedule.kind {self.schedule.kind}: {key} can't change in a running trial; train.mix.weights, "
                    "train.learning_rate and the weights of losses can"
                )
            if self.schedule.kind == "pb2" and dimension.word not in ("uniform", "dirichlet"):
                raise ValueError(f"schedule.kind pb2: space.{key} must be uniform or dirichlet: it models numbers")
        if not any(dimension.word in ("uniform", "loguniform", "dirichlet") for dimension in self.space.values()):
            raise ValueError(
                f"schedule.kind {self.schedule.kind}: at least one setting must be uniform, loguniform or dirichlet: "
                "of a few choices, two trials would become the same run"
            )


# What all trials must have in common, so that they can be compared; or what does not change the model.
_FIXED = (
    "train.init_from",
    "train.seed",
    "train.max_steps",
    "train.validate_on",
    "train.changes",
    "train.checkpoint_every",
    "train.keep_checkpoints",
    "train.ledger",
)


def _check_key(key: str) -> None:
    if not key.startswith("train."):
        raise ValueError(f"space.{key}: only keys of train can be searched")
    fixed = next((name for name in _FIXED if key == name or key.startswith(f"{name}.")), "")
    if fixed:
        raise ValueError(f"space.{key}: {fixed} is the same in all trials")


def changeable(key: str) -> bool:
    """Whether a running trial can go on with another value of a setting."""
    parts = key.split(".")
    return key in ("train.mix.weights", "train.learning_rate") or (
        len(parts) == 4 and parts[:2] == ["train", "losses"] and parts[3] == "weight"
    )


def searched(space: Mapping[str, Dimension]) -> list[str]:
    """Languages that the mixes of a space name."""
    return sorted({label for dimension in space.values() for label in dimension.dirichlet or ()})
