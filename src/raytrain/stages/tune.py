"""tune: trials of a search space, as training runs of their own; what came out, and the ledger of how."""

import time
from collections.abc import Mapping
from functools import partial
from statistics import median
from typing import Any

from raytrain.artifact import Artifact, check_file, digest, library_versions, read_manifest, write_file
from raytrain.cluster import address_of, cpus_here, labelled, running_ray
from raytrain.config import Job
from raytrain.corpus.corpus import Corpus
from raytrain.errors import UserError
from raytrain.evaluate.benchmark import is_test
from raytrain.interrupt import sigterm_as_ctrl_c
from raytrain.jobfile import dump_job
from raytrain.nodes import check_cpus, trainings_that_fit
from raytrain.pipeline import Inputs, Outcome, Say, Stage, root_of
from raytrain.plan import Shards
from raytrain.stages.benchmark import check_validation
from raytrain.stages.plan import PLAN, make_plan, shares_of_plan
from raytrain.stages.train import TRAIN
from raytrain.storage import Location
from raytrain.submit.measured import finished, tokens_a_pair, train_rates
from raytrain.submit.plan import price_of
from raytrain.tune.config import Tune
from raytrain.tune.cost import Rate, budget_of, estimate, expected_steps, spent_of
from raytrain.tune.ledger import Ledger
from raytrain.tune.lineage import Lineage
from raytrain.tune.objective import front, values_of
from raytrain.tune.results import Sweep, Trial
from raytrain.tune.space import MIX, Settings, Space, current
from raytrain.tune.winner import trial_job

FILE = "sweep.json"
LEDGERS = "sweeps"  # beside the artifacts: sweeps that differ only in their budgets go on from each other
_OPERATION = {"confirm", "max_concurrent", "retries", "hang_after_s"}


def _tune_of(job: Job) -> Tune:
    assert job.tune is not None
    return job.tune


def _identity(job: Job) -> Mapping[str, Any]:
    train = job.train.model_dump(mode="json", exclude={"checkpoint_every", "keep_checkpoints", "init_from"})
    tune = _tune_of(job).model_dump(mode="json", exclude=_OPERATION)
    return {"tune": tune, "train": train, "model": job.model.rules()}


def _check(job: Job) -> None:
    """Refuses, before anything is prepared, what no trial could do or should."""
    tune, validate = _tune_of(job), job.train.validate_on
    assert validate
    if is_test(validate.benchmark):
        raise UserError(
            f"tune: train.validate_on.benchmark: {validate.benchmark} is a test set: settings that are chosen by it "
            "would look better on it than they are; take a dev or train split (#dev), or another benchmark"
        )
    check_validation(job)
    if tune.budget.money is not None and price_of(job.cluster) is None:
        raise UserError(
            "tune.budget.money: what a node costs is not known: write cluster.prices, and where it names several nodes "
            "cluster.throughput.node"
        )
    if tune.budget.gpu_hours is not None and not job.cluster.gpus_per_worker:
        raise UserError(
            "tune.budget.gpu_hours: workers have no GPU (cluster.gpus_per_worker is 0), so it is never spent"
        )
    if address_of(job.cluster) is None:
        check_cpus(job.cluster, [job.cluster.local_cpus or cpus_here()])
    for corner in Space(tune.space).corners():
        PLAN.check(trial_job(job, Lineage(settings=corner)))


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    from raytrain.placing import place_workers

    tune = _tune_of(job)
    corpus = Corpus.of(inputs["prepare"]).shards
    shares = shares_of_plan(make_plan(job, corpus), job.train.max_steps)
    trained = trained_by_some(job, corpus)
    check_languages(job, inputs["validation"], trained)
    ledger = Ledger(ledger_of(job, inputs), tuple(tune.objectives))
    running_ray(job.cluster)
    with sigterm_as_ctrl_c():
        place_workers(job.cluster, (), say, patient=False)
        at_a_time = tune.max_concurrent or trainings_that_fit(labelled(job.cluster))
        estimated = _estimated(job)
        tell_estimate(estimated, ledger, at_a_time, job.cluster.currency, say)
        why = _search(job, ledger, shares, trained, at_a_time, say)
    trials = [record.trial for record in ledger.records.values()]
    _tidy_trials(job, ledger)
    sweep = sweep_of(job, trials, estimated, why)
    files = [
        write_file(sweep.model_dump_json(indent=1).encode(), folder, FILE),
        write_file(dump_job(job).encode(), folder, "job.yaml"),
    ]
    whole = sum(trial.state == "finished" for trial in trials)
    say(f"tune: {len(trials)} trials, {whole} to their end; {why}")
    return Outcome(files, [FILE], {"best": sweep.best, "front": sweep.front, "spent": sweep.spent})


def _estimated(job: Job) -> dict[str, float]:
    """What the sweep will take, in the units of its budget and in hours."""
    from raytrain.tune.schedulers import rungs

    tune, validate, steps = _tune_of(job), job.train.validate_on, job.train.max_steps
    assert validate
    trials, early = tune.budget.trials, rungs(tune.schedule, validate.every, steps)
    least = expected_steps(trials, early, tune.schedule.reduction, steps)
    speed = pairs_per_second(job)
    return estimate(tune.budget, trials, (least, trials * steps), job.train.batch_size, speed, rate_of(job))


def _search(job: Job, ledger: Ledger, shares: Mapping[str, float], trained: list[str], at_a_time: int, say: Say) -> str:
    """Runs the trials; says why it ended. ``shares``: of the languages in the job file's own plan."""
    import ray

    from raytrain.tune.conductor import Plan
    from raytrain.tune.sweep import run_sweep
    from raytrain.tune.trainable import Rules
    from raytrain.tune.training import TrainingRun

    tune, train, base = _tune_of(job), job.train, base_settings(job, shares)
    assert train.validate_on
    plan = Plan(
        job_of=partial(job_data, job, ray.get_runtime_context().gcs_address, _kept(job)),
        base=base,
        base_params=Space(tune.space).params(base),
        batch_size_of=lambda settings: int((settings or {}).get("train.batch_size", train.batch_size)),
        rate=rate_of(job),
    )
    rules = Rules(tune.objectives, tune.languages, trained, train.max_steps, tune.retries, tune.hang_after_s)
    # Checkpoints of a population stay till its end: others may be about to go on from them.
    start = partial(TrainingRun, tidies=not tune.schedule.is_population)
    return run_sweep(tune, plan, rules, ledger, start, at_a_time, train.validate_on.every, say)


def ledger_of(job: Job, inputs: Inputs) -> Location:
    """Where the ledger of a sweep lies: the same for all budgets, so that a larger one goes on."""
    identity = dict(_identity(job))
    tune = {key: value for key, value in identity["tune"].items() if key != "budget"}
    contents = {role: artifact.manifest.content for role, artifact in inputs.items()}
    return root_of(job) / LEDGERS / digest({**identity, "tune": tune, "inputs": contents})


def job_data(job: Job, address: str, keep: int, lineage: Lineage) -> dict[str, Any]:
    """The job of a trial as plain data, for the Ray at an address; so many of its checkpoints are kept."""
    data = trial_job(job, lineage).model_dump(mode="json")
    data["cluster"]["address"] = address
    data["cluster"]["labels"] = labelled(job.cluster).labels.model_dump(mode="json")  # none on a Ray of our own
    data["train"]["keep_checkpoints"] = keep
    return data


def _kept(job: Job) -> int:
    """Checkpoints that a trial keeps: all that another may go on from."""
    return job.train.max_steps if _tune_of(job).schedule.is_population else job.train.keep_checkpoints


def base_settings(job: Job, shares: Mapping[str, float]) -> Settings:
    """What the job file itself has at the keys that are searched. ``shares``: of the languages in its plan."""
    data = job.model_dump(mode="json")
    settings = {key: current(data, key) for key in _tune_of(job).space}
    return settings | ({MIX: {label: round(share, 6) for label, share in shares.items()}} if MIX in settings else {})


def trained_by_some(job: Job, corpus: Mapping[str, Shards]) -> list[str]:
    """The languages that some trial may train on: those in the plan of the job file, or of a corner of the space."""
    jobs = [job, *(trial_job(job, Lineage(settings=corner)) for corner in Space(_tune_of(job).space).corners())]
    return sorted({language for each in jobs for language in make_plan(each, corpus).languages})


def check_languages(job: Job, benchmark: Artifact, trained: list[str]) -> None:
    """Raises UserError for languages that are not validated, and for an objective that has none."""
    tune = _tune_of(job)
    parts = next(iter(benchmark.manifest.summary["benchmarks"].values()))
    validated = {label for label, counts in parts.items() if counts["questions"]}
    missing = sorted(set(tune.languages or ()) - validated)
    if missing:
        there = ", ".join(sorted(validated))
        raise UserError(f"tune.languages: {', '.join(missing)} is not validated; train.validate_on has {there}")
    values_of(tune.objectives, dict.fromkeys(tune.languages or sorted(validated), 0.0), trained)


def rate_of(job: Job) -> Rate:
    """What one trial's workers cost an hour: their share of the nodes that they are on. Of a range of workers the most:
    a budget holds whatever room there is."""
    cluster = job.cluster
    price = price_of(cluster)
    money = None if price is None else price * cluster.most_workers / cluster.throughput.workers_per_node
    return Rate(cluster.most_workers * cluster.gpus_per_worker, money)


def pairs_per_second(job: Job) -> float | None:
    """Of one trial, its start not counted: as the job file says, or as finished runs like it were; None if neither
    tells."""
    told, trained = job.cluster.throughput, finished(root_of(job), "train")
    rates = [rate for found in train_rates(job, trained).values() for rate in found]
    lengths = list(tokens_a_pair(job, trained).values())
    rate = told.train_tokens_per_second or (median(rates) if rates else None)
    tokens = told.tokens_per_pair or (median(lengths) if lengths else None)
    return rate * job.cluster.fewest_workers / tokens if rate and tokens else None


def tell_estimate(estimated: Mapping[str, float], ledger: Ledger, at_a_time: int, currency: str, say: Say) -> None:
    """What the sweep will take, before it starts."""
    done = sum(record.ended is not None for record in ledger.records.values())
    before = f", {done} of them done before" if done else ""
    say(
        f"tune: {estimated['trials']:,.0f} trials{before}, {at_a_time} at a time; "
        f"at least {estimated['least_steps']:,.0f} and at most {estimated['steps']:,.0f} steps, "
        f"{estimated['pairs']:,.0f} pairs"
    )
    if "hours" not in estimated:
        say("tune: how long that takes is known after the first trial")
        return
    costs = [f"{estimated['gpu_hours']:,.1f} GPU-hours"] if estimated["gpu_hours"] else []
    costs += [f"{estimated['money']:,.2f} {currency}"] if "money" in estimated else []
    beside = f" ({', '.join(costs)})" if costs else ""
    hours = estimated["hours"] / at_a_time
    say(f"tune: at the speed of runs before at most {hours:,.2f} hours{beside}, and the time that trials take to start")


def sweep_of(job: Job, trials: list[Trial], estimated: Mapping[str, float], why: str) -> Sweep:
    """All that came out."""
    tune, validate = _tune_of(job), job.train.validate_on
    assert validate
    ended = {
        trial.number: tuple(trial.values[name] for name in tune.objectives)
        for trial in trials
        if trial.state == "finished"
    }
    best = max(sorted(ended), key=lambda number: ended[number]) if ended and len(tune.objectives) == 1 else None
    languages = tune.languages or sorted(
        {label for trial in trials for point in trial.curve for label in point.languages}
    )
    return Sweep(
        name=job.name,
        objectives=list(tune.objectives),
        metric=validate.metric,
        benchmark=validate.benchmark,
        languages=languages,
        space=Space(tune.space).axes(),
        search=tune.search.model_dump(mode="json"),
        schedule=tune.schedule.model_dump(mode="json"),
        max_steps=job.train.max_steps,
        batch_size=job.train.batch_size,
        budget=budget_of(tune.budget),
        estimated=dict(estimated),
        spent=spent_of(trial.cost for trial in trials),
        currency=job.cluster.currency,
        trials=trials,
        best=best,
        front=front(ended),
        why_ended=why,
        versions=library_versions(),
    )


def _tidy_trials(job: Job, ledger: Ledger) -> None:
    """Deletes the unfinished runs that trials began and ended early, failed in or left for another's checkpoint, for
    nothing goes on from them; and of finished ones the checkpoints that others might have gone on from."""
    for record in ledger.records.values():
        for folder in record.folders if record.ended is not None else ():
            run = Location.of(folder, root_of(job).options)
            manifest = read_manifest(run)
            if manifest is not None:
                TRAIN.tidy(Artifact(run, manifest))
            else:
                _delete_for_good(run)


def _delete_for_good(run: Location) -> None:
    """Workers of a process that was killed a moment ago may still have written something."""
    for _ in range(5):
        if not run.list():
            return
        run.delete_tree()
        time.sleep(1)


def read_sweep(artifact: Artifact) -> Sweep:
    """A finished sweep. Raises UserError if it was damaged."""
    check_file(artifact, FILE)
    return Sweep.model_validate_json((artifact.location / FILE).read_text())


TUNE = Stage("tune", (), _identity, _run, _check)
