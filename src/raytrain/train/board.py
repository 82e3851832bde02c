"""How training is going: a small actor between the workers and the driver."""

from typing import Any


class Board:
    """An actor between the driver and a run: the newest metrics for one, what is asked of the run for the other."""

    def __init__(self) -> None:
        self._newest: dict[str, Any] = {}
        self._warnings: list[str] = []
        self._nodes: set[str] = set()
        self._groups: set[str] = set()
        self._asked = False

    def join(self, node: str, group: str) -> None:
        """Takes the node of a worker, and the placement group that holds its room."""
        self._nodes.add(node)
        self._groups.add(group)

    def places(self) -> tuple[set[str], set[str]]:
        """The nodes that workers are on, and their placement groups."""
        return self._nodes, self._groups

    def report(self, metrics: dict[str, Any]) -> bool:
        """Takes the metrics of a step; says if the run is asked to end."""
        self._newest = metrics
        return self._asked

    def warn(self, line: str) -> None:
        """Takes a line for the user."""
        self._warnings.append(line)

    def newest(self) -> tuple[dict[str, Any], list[str]]:
        """The metrics of the newest step, or nothing yet; and all that the user is to be told."""
        return self._newest, self._warnings

    def ask_to_end(self) -> None:
        """Asks the run to end with a checkpoint."""
        self._asked = True


class Line:
    """A rank's line to the board. Metrics go out, and what is asked comes back, without waiting for it."""

    def __init__(self, board: Any) -> None:
        self._board = board
        self._answers: list[Any] = []
        self._asked = False

    def report(self, metrics: dict[str, Any]) -> None:
        """Sends the metrics of a step."""
        self._answers.append(self._board.report.remote(metrics))

    def warn(self, line: str) -> None:
        """Sends a line for the user: what workers print Ray keeps to itself."""
        self._board.warn.remote(line)

    def asked(self) -> bool:
        """Whether the run was asked to end, as far as answers have come."""
        import ray

        if self._answers:
            come, self._answers = ray.wait(self._answers, num_returns=len(self._answers), timeout=0)
            self._asked = any([self._asked, *ray.get(come)])
        return self._asked


def note(metrics: dict[str, Any], batch_size: int) -> str:
    """What the progress of a run says of a step."""
    loss = "no finite loss" if metrics["loss"] is None else f"loss {metrics['loss']:.4f}"
    waits = {"data": metrics["data_wait_seconds"], "storage": metrics.get("checkpoint_seconds", 0.0)}
    rate = batch_size / max(metrics["seconds"] + sum(waits.values()), 1e-9)
    longest = max(waits, key=lambda name: waits[name])
    waiting = f", waits for {longest}" if waits[longest] > metrics["seconds"] else ""
    skipped = f", {metrics['skipped_steps']:,} skipped" if "skipped_steps" in metrics else ""
    return f"{loss}, {rate:.0f} pairs/s{waiting}{skipped}"
