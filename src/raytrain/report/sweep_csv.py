"""All trials of a sweep as comma-separated values: for whoever wants to look at them with other tools."""

import csv
import io
import json
from typing import Any

from raytrain.report.sweep_trials import languages_of_trial, scores_of, step_of
from raytrain.tune.coordinates import coordinates_of
from raytrain.tune.results import Sweep, Trial

TRIALS = "trials.csv"


def trials_csv(sweep: Sweep) -> str:
    """A row a trial (RFC 4180), in order of number; a mix has a column a language, with its share.

    ``step`` is what objectives and languages were scored at: of a trial that did not finish, its last validation.
    """
    settings = coordinates_of(sweep)
    languages = dict.fromkeys(
        [*sweep.languages, *(name for trial in sweep.trials for name in languages_of_trial(trial))]
    )
    columns = [
        *("number", "state", "why", "tries", "step"),
        *sweep.objectives,
        *(f"{sweep.metric}.{language}" for language in languages),
        *(f"{setting.key}.{setting.language}".rstrip(".") for setting in settings),
        *("steps", "pairs", "seconds", "gpu_hours", "money", "currency", "artifact"),
    ]

    def row(trial: Trial) -> list[Any]:
        scores, by_language, cost = scores_of(trial), languages_of_trial(trial), trial.cost
        return [
            *(trial.number, trial.state, trial.why, trial.tries, step_of(trial)),
            *(scores.get(objective) for objective in sweep.objectives),
            *(by_language.get(language) for language in languages),
            *(_plain(setting.value(trial.settings)) for setting in settings),
            *(cost.steps, cost.pairs, cost.seconds, cost.gpu_hours, cost.money, sweep.currency, trial.artifact),
        ]

    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(row(trial) for trial in sorted(sweep.trials, key=lambda trial: trial.number))
    return written.getvalue()


def _plain(value: Any) -> Any:
    """What a cell can hold: sections and lists as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
