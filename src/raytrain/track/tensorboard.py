"""TensorBoard: event files in the run's folder, live on local disk, brought to an object store now and then."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tensorboardX import SummaryWriter
from tensorboardX.proto.summary_pb2 import Summary

from raytrain.artifact import new_writer
from raytrain.track.run import Step, TrackedRun

FOLDER = "tensorboard"
ROLL_BYTES = 8 << 20  # an object store takes whole files: a file of this size is not sent again


class TensorBoard:
    """Event files of one attempt. Earlier ones stay; readers drop their events from this one's first step on.

    Raises UserError, and OSError for the local disk.
    """

    def __init__(self, run: TrackedRun) -> None:
        self._folder = run.folder / FOLDER
        self._suffix = f".{run.first_step:09d}.{new_writer()[:8]}"
        self._temp = None if run.folder.is_local else tempfile.TemporaryDirectory(prefix="raytrain-tensorboard-")
        self._local = Path(self._temp.name) if self._temp else self._folder.local_path
        self._part = 0
        self._writer = self._open(run.first_step)

    def _open(self, purge_step: int | None) -> SummaryWriter:
        # Names sort by the second they were opened in, the host and this.
        suffix = f"{self._suffix}.{self._part:04d}"
        return SummaryWriter(str(self._local), purge_step=purge_step, filename_suffix=suffix)

    def write(self, steps: Sequence[Step]) -> int:
        """Adds an event for each step."""
        for step in steps:
            values = [Summary.Value(tag=name, simple_value=value) for name, value in step.scalars.items()]
            self._writer.file_writer.add_summary(Summary(value=values), step.number, step.time)
        return len(steps)

    def flush(self) -> None:
        """Brings events to disk, and the files to where the run is."""
        self._writer.flush()
        if self._temp is None:
            return
        if self._files()[-1].stat().st_size > ROLL_BYTES:
            self._writer.close()
            self._part += 1
            self._writer = self._open(None)
        self._upload()

    def close(self, failed: bool) -> None:
        """Flushes for the last time; event files do not say how a run ended."""
        self._writer.close()
        if self._temp:
            self._upload()
            self._temp.cleanup()

    def _files(self) -> list[Path]:
        """In a temporary folder: those of this attempt that are not in storage yet, or not as a whole."""
        return sorted(self._local.iterdir())

    def _upload(self) -> None:
        *whole, current = self._files()
        for file in [*whole, current]:
            (self._folder / file.name).upload(file)
        for file in whole:
            file.unlink()
