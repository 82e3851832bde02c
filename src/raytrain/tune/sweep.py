"""A sweep on Ray Tune: its trials, as many at a time as there is room for, until nothing is left to propose."""

import logging
import math
import os
import tempfile
from collections.abc import Callable

from ray.tune import CheckpointConfig, FailureConfig, RunConfig, TuneConfig, Tuner, with_resources
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import ConcurrencyLimiter

from raytrain.tune.conductor import Conductor, Plan, Spent
from raytrain.tune.config import Tune
from raytrain.tune.ledger import Ledger
from raytrain.tune.population import population_of
from raytrain.tune.schedulers import Judged, judge_of
from raytrain.tune.space import Space
from raytrain.tune.trainable import Rules, trainable_of
from raytrain.tune.work import Start

Say = Callable[[str], None]

# Trials' own processes wait and count, and take no CPU worth the name; the head is no spot node. (Nothing at all Ray
# Tune does not take for a request.)
HEAD, LITTLE = "node:__internal_head__", 0.001
_ENVIRONMENT = {
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # it would take Ctrl-C for «finish as you are»
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # three files a trial, of what the ledger has
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a trial that fails at once has no metric
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",  # the ledger is the state
    "RAY_AIR_NEW_OUTPUT": "0",  # the new one is not quiet when it is asked to be
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}


def run_sweep(
    tune: Tune, plan: Plan, rules: Rules, ledger: Ledger, start: Start, at_a_time: int, grace_steps: int, say: Say
) -> str:
    """Runs trials until the budget is spent or nothing is left; says why it ended.

    ``start`` begins the work of a trial, wherever its actor is. What the ledger has is not done again. Ray runs.
    """
    conductor = Conductor(tune, plan, ledger, say)
    space = Space(tune.space)
    scheduler = _scheduler(tune, space, ledger, grace_steps, rules.max_steps)
    # A population is there as a whole from the beginning, and takes turns; else trials are proposed one by one.
    population = tune.schedule.is_population
    room = {"CPU": 0, HEAD: share_of_head(at_a_time) if population else LITTLE}
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # what a user needs the conductor says
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        with tempfile.TemporaryDirectory(prefix="raytrain-tune-") as notes:  # Ray Tune's own; nothing reads them
            tuner = Tuner(
                with_resources(trainable_of(start, rules, space, plan.job_of), room),
                tune_config=TuneConfig(
                    search_alg=conductor if population else ConcurrencyLimiter(conductor, max_concurrent=at_a_time),
                    scheduler=scheduler,
                    num_samples=-1,
                    reuse_actors=False,
                ),
                run_config=RunConfig(
                    name="sweep",
                    storage_path=notes,
                    verbose=0,
                    stop=Spent(conductor),
                    failure_config=FailureConfig(max_failures=rules.retries),
                    checkpoint_config=CheckpointConfig(checkpoint_at_end=False),
                ),
            )
            tuner.fit()
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    return conductor.exhausted or conductor.spent_up()


def share_of_head(at_a_time: int) -> float:
    """What a trial of a population takes of the head node's mark, so that ``at_a_time`` have room there and no more.

    Ray Train takes LITTLE of it for each training, and would wait for ever where trials hold all of it. Two LITTLE more
    are for other actors. Ray counts in 1e-4: beyond 80 at a time one too many may begin, and waits.
    """
    return math.floor(1e4 * (1 - LITTLE * (at_a_time + 2)) / at_a_time) / 1e4


def _scheduler(tune: Tune, space: Space, ledger: Ledger, grace_steps: int, max_steps: int) -> TrialScheduler:
    objective = tune.schedule.objective or tune.objectives[0]
    if tune.schedule.is_population:
        every = tune.schedule.every_steps or grace_steps
        population = population_of(tune.schedule.kind, space, tune.search.seed, every, ledger.records)
        population.set_search_properties(objective, "max")
        return population
    judge = judge_of(tune.schedule, grace_steps, max_steps)
    if judge is None:
        return FIFOScheduler()
    judge.set_search_properties(objective, "max")
    return Judged(judge, ledger.records.values())
