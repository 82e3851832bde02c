"""What a finished run shows on the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from raytrain.artifact import Artifact


def print_result(artifacts: Mapping[str, Artifact], last: str) -> None:
    """Prints where the last artifact lies, and the scores if there are any."""
    console = Console(width=None if Console().is_terminal else 120)
    if "evaluate" in artifacts:
        summary = artifacts["evaluate"].manifest.summary
        plan = artifacts.get("plan")
        trained = plan.manifest.summary["languages"] if plan else {}
        for name, scores in summary["scores"].items():
            console.print(_scores(name, summary["metric"], scores, trained))
    shown = artifacts.get("export", artifacts[last])
    folder = "model" if shown.manifest.stage in ("export", "train") else ""
    # Not through rich, which would break a long path.
    print(f"{shown.manifest.stage}: {(shown.location / folder if folder else shown.location).uri}")


def _scores(name: str, metric: str, scores: Mapping[str, Any], trained: Mapping[str, Any]) -> Table:
    table = Table("language", "pairs", "questions", "untrained", "trained", title=f"{name}: {metric}")
    for column in table.columns[1:]:
        column.justify = "right"
    for language, score in scores.items():
        pairs = trained.get(language, {}).get("pairs", 0)
        table.add_row(
            language,
            f"{pairs:,}" if pairs else "never trained",
            f"{score['queries']:,}",
            f"{score['untrained']:.3f}",
            f"{score['trained']:.3f}",
        )
    means = [sum(score[key] for score in scores.values()) / len(scores) for key in ("untrained", "trained")]
    table.add_section()
    table.add_row("mean", "", "", *(f"{mean:.3f}" for mean in means))
    return table
