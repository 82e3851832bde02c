"""Weights & Biases: one run for all attempts; the library sends from a process of its own."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from raytrain.track.background import CLOSING_S
from raytrain.track.config import WandB
from raytrain.track.run import Step, TrackedRun


class WandBRun:
    """The run of an artifact, made or gone on with. Steps that it has already are not sent again: W&B refuses them.

    Raises what the library raises: wandb.Error.
    """

    def __init__(self, config: WandB, run: TrackedRun) -> None:
        import wandb

        # What it keeps on disk, in a folder `wandb`, is of use only offline, and then it must be found.
        self._temp = None if run.folder.is_local else tempfile.TemporaryDirectory(prefix="raytrain-wandb-")
        settings = wandb.Settings(
            console="off",  # what is printed is not its business
            silent=True,
            disable_git=True,
            save_code=False,
            symlink=False,
            allow_val_change=True,  # where a run goes on, cluster.workers may differ
            init_timeout=CLOSING_S,
            finish_timeout=CLOSING_S,
        )
        self._run = wandb.init(
            project=config.project,
            entity=config.entity,
            mode=config.mode,
            id=run.id(),
            name=run.label,
            config=dict(run.config),
            dir=self._temp.name if self._temp else str(run.folder.local_path),
            resume="allow",
            reinit="create_new",  # beside one of the user's own, if there is one
            settings=settings,
        )
        self._next = self._run.step
        # Links into a cache of this machine: seen from another one they lead nowhere, and the folder can't be listed.
        for link in filter(Path.is_symlink, Path(self._run.settings.sync_dir).rglob("*")):
            link.unlink()

    def write(self, steps: Sequence[Step]) -> int:
        """Hands the steps over."""
        for step in steps:
            if step.number >= self._next:
                self._run.log(dict(step.scalars), step=step.number)
        return len(steps)

    def flush(self) -> None:
        """The library's own process does."""

    def close(self, failed: bool) -> None:
        """Says how the run ended, and waits until all is sent."""
        self._run.finish(exit_code=int(failed))
        if self._temp:
            self._temp.cleanup()
