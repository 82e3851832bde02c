"""A trial's own process: ``raytrain train`` of one job file, which tells its scores as they come.

It is a driver of its own on the cluster. So whatever a trial holds there, workers, actors, room, goes with its process,
however that ends. It reads one line (the job, and the checkpoint to begin with) from its standard input, whose end
is its own. Each line of its standard output is an event (json).
"""

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from raytrain.artifact import Artifact
from raytrain.errors import UserError
from raytrain.storage import Location

POLL_S = 1.0  # between looks at the scores of a run


class Voice:
    """Writes events; the scores each once, in order of steps."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)  # what a library prints is no event
        self._began = time.monotonic()
        self._told: set[int] = set()
        self.fresh = False  # whether the run had no checkpoint before
        self._lock = threading.Lock()

    def say(self, event: str, **told: Any) -> None:
        """One line."""
        seconds = round(time.monotonic() - self._began, 3)
        with self._lock:
            print(json.dumps({"event": event, "seconds": seconds, **told}), file=self._out, flush=True)

    def scores(self, found: list[dict[str, Any]], folder: str) -> None:
        """Those that are new. Ones of lost checkpoints are none."""
        for score in sorted(found, key=lambda score: int(score["step"])):
            if score["step"] not in self._told:
                self._told.add(score["step"])
                if score["score"] is not None:
                    self.say(
                        "scored", step=score["step"], languages=score["languages"], folder=folder, fresh=self.fresh
                    )


def run_trial(data: Mapping[str, Any], origin: Mapping[str, Any] | None, voice: Voice, *, tidies: bool) -> None:
    """Does what ``raytrain train`` does, from a checkpoint of another run if there is an ``origin``. Raises as that.

    ``tidies``: whether its checkpoints are deleted at the end.
    """
    from raytrain.jobfile import job_from
    from raytrain.pipeline import examine, run, up_to
    from raytrain.stages.chain import chain, one_run
    from raytrain.train.checkpoint import committed_steps
    from raytrain.train.fork import fork

    job = one_run(job_from(dict(data), "the job of the trial"))
    tasks = up_to(chain(job), "train")
    if not tidies:
        tasks[-1] = replace(tasks[-1], stage=replace(tasks[-1].stage, tidy=lambda artifact: None))
    train = tasks[-1]
    done = run(tasks[:-1], _say)
    place = examine(train, done).location
    assert place is not None
    voice.fresh = not committed_steps(place)
    if origin:
        fork(Location.of(origin["folder"], place.options), origin["step"], place, _say)
    stop = threading.Event()
    thread = threading.Thread(target=_follow, args=(place, voice, stop), daemon=True)
    thread.start()
    try:
        artifact = run(tasks, _say)[train.name]
    finally:
        stop.set()
        thread.join()
    voice.scores(_final_scores(artifact), place.uri)
    voice.say("done", step=artifact.manifest.summary["best_step"], artifact=artifact.location.uri)


def _follow(place: Location, voice: Voice, stop: threading.Event) -> None:
    """Tells the scores of a run while it goes on, and that it waits for room while it does."""
    from raytrain.placing import waits_for_room
    from raytrain.train.validation import scores_by_step

    while not stop.wait(POLL_S):
        if waits_for_room():
            voice.say("waiting")
            continue
        try:
            voice.scores(scores_by_step(place), place.uri)
        except UserError as error:  # they are tidied away at the end, and read from the artifact then
            _say(f"scores: {error}")


def _final_scores(artifact: Artifact) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((artifact.location / "validation.json").read_bytes())
    return found


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _listen() -> None:
    """Ends the process when nobody is there any more: at once, for another may go on with the trial already."""
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    """Exits with 0, 2 for what would fail again, and 1 for anything else."""
    from raytrain.cluster import stop_ray

    voice, data = Voice(), json.loads(sys.stdin.readline())
    threading.Thread(target=_listen, daemon=True).start()
    code = 1
    try:
        run_trial(data["job"], data["fork"], voice, tidies=data["tidies"])
        code = 0
    except UserError as error:
        voice.say("failed", why=str(error))
        code = 2
    except Exception:  # of Ray, or a defect: told with all that is known, for who reads the log
        traceback.print_exc()
    finally:
        stop_ray()
    sys.stdout.flush()
    os._exit(code)  # threads that listen or follow must not hold it up


if __name__ == "__main__":
    main()
