"""Sweeps as the tuner would leave them, of made-up numbers: a learning rate that matters most, and a mix."""

import math
from typing import Any

import numpy as np

from raytrain.tune.results import Axis, Change, Cost, Point, State, Sweep, Trial

BATCH, STEPS, EVERY = 256, 400, 50
RATE, HEAT = "train.learning_rate", "train.losses.info_nce.temperature"
SIZE, MIX = "train.batch_size", "train.mix.weights"
LANGUAGES = ["eng", "fin", "ara"]


def made_sweep(
    trials: int = 40,
    languages: list[str] = LANGUAGES,
    objectives: list[str] | None = None,
    early: bool = True,
    seed: int = 3,
    **changes: Any,
) -> Sweep:
    """A sweep whose objective is best at a learning rate of 1e-4 and a third of Finnish, and little else matters.

    ``early``: of those that score low after EVERY steps half are stopped there, and every 13th trial fails.
    """
    objectives = objectives or ["average"]
    rng = np.random.default_rng(seed)
    made = [_trial(number, languages, objectives, rng, early) for number in range(trials)]
    ended = [trial for trial in made if trial.state == "finished"]
    front = [trial.number for trial in ended if not any(_beats(other, trial) for other in ended)]
    best = max(ended, key=lambda trial: trial.values[objectives[0]]).number if ended and len(objectives) == 1 else None
    fields: dict[str, Any] = {
        "name": "mix and temperature",
        "objectives": objectives,
        "metric": "nDCG@10",
        "benchmark": "mrtydi-dev",
        "languages": languages,
        "space": [
            Axis(key=RATE, kind="range", low=1e-6, high=1e-3, log=True),
            Axis(key=HEAT, kind="range", low=0.01, high=0.2, log=True),
            Axis(key=SIZE, kind="choice", options=[32, 64, 128]),
            Axis(key=MIX, kind="mix", languages=languages),
        ],
        "search": {"kind": "tpe", "seed": 17, "startup_trials": 10},
        "schedule": {"kind": "asha" if early else "none", "grace_steps": EVERY, "reduction": 2},
        "max_steps": STEPS,
        "batch_size": BATCH,
        "budget": {"trials": trials, "pairs": 4e6},
        "estimated": {"trials": trials, "pairs": 3.6e6, "hours": 5.5},
        "spent": {"trials": trials, "pairs": float(sum(trial.cost.pairs for trial in made))},
        "trials": made,
        "best": best,
        "front": front if len(objectives) > 1 else [],
        "why_ended": "all trials of the budget were run",
        "versions": {"optuna": "5.0.0", "ray": "2.60.0"},
    }
    return Sweep(**(fields | changes))


def made_population(trials: int = 8) -> Sweep:
    """A sweep by PBT, without a trial 0: the last went on from the first one's checkpoint, with another rate and mix,
    after 200 steps; the last but one after 100, and again after 300."""
    sweep = made_sweep(trials, early=False, schedule={"kind": "pbt", "every_steps": 100})
    first = sweep.trials[0].settings
    mixed = [{"eng": 0.5, "fin": 0.5 / k, "ara": 0.5 - 0.5 / k} for k in (2, 4)]
    new = [{**first, RATE: rate, MIX: mix} for rate, mix in zip((5e-5, 2.5e-5), mixed, strict=True)]
    made = [trial.model_copy(update={"number": trial.number + 1}) for trial in sweep.trials]
    for place, steps in ((-1, (200,)), (-2, (100, 300))):
        changes = [Change(at=step, settings=settings) for step, settings in zip(steps, new, strict=False)]
        made[place] = made[place].model_copy(update={"settings": first, "changes": changes})
    best = None if sweep.best is None else sweep.best + 1
    return sweep.model_copy(update={"trials": made, "best": best})


def _trial(number: int, languages: list[str], objectives: list[str], rng: np.random.Generator, early: bool) -> Trial:
    shares = rng.dirichlet([1.0] * len(languages)) if number else np.full(len(languages), 1 / len(languages))
    settings = {
        RATE: float(10 ** rng.uniform(-6, -3)) if number else 3e-5,
        HEAT: float(10 ** rng.uniform(-2, math.log10(0.2))) if number else 0.05,
        SIZE: int(rng.choice([32, 64, 128])),
        MIX: dict(zip(languages, shares.tolist(), strict=True)),
    }
    away = (math.log10(settings[RATE]) + 4) / 2
    quality = 0.6 - 0.3 * away**2 - 0.1 * abs(settings[MIX][languages[1 % len(languages)]] - 1 / 3)
    curve = []
    for step in range(EVERY, STEPS + 1, EVERY):
        scores = np.clip(quality * (1 - 0.5 * math.exp(-step / 150)) + rng.normal(0, 0.008, len(languages)), 0, 1)
        by_language = dict(zip(languages, scores.tolist(), strict=True))
        curve.append(Point(step=step, languages=by_language, values=_objectives(by_language, objectives)))
    state: State = "finished"
    why = ""
    if early and number % 13 == 12:
        state, why, curve = "failed", "CUDA out of memory: tried to allocate 3.2 GiB", curve[:1]
    elif early and number and curve[0].values[objectives[0]] < 0.36 and number % 3:
        state, why, curve = "stopped", f"ended early by asha at step {EVERY}", curve[:1]
    steps = curve[-1].step
    return Trial(
        number=number,
        settings=settings,
        state=state,
        why=why,
        curve=curve,
        step=steps if state == "finished" else None,
        values=curve[-1].values if state == "finished" else {},
        cost=Cost(steps=steps, pairs=steps * BATCH, seconds=steps * 1.5, gpu_hours=steps / 900, money=steps / 450),
        tries=3 if state == "failed" else 1,
        artifact=f"s3://bucket/train/{number:016x}" if state == "finished" else "",
    )


def _objectives(by_language: dict[str, float], names: list[str]) -> dict[str, float]:
    """The average, the worst language, and whatever else is asked for: a language less what the first one gives up."""
    scores = list(by_language.values())
    known = {"average": float(np.mean(scores)), "worst": min(scores)}
    return {name: known.get(name, 0.8 * scores[-1] - 0.2 * scores[0]) for name in names}


def _beats(one: Trial, other: Trial) -> bool:
    pairs = [(one.values[name], other.values[name]) for name in other.values]
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)
