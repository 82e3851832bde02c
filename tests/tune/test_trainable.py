"""A trial of Ray Tune, without Ray around it."""

import time

import pytest

from raytrain.tune.config import Dimension
from raytrain.tune.space import Space
from raytrain.tune.trainable import ENDED, Rules, trainable_of

HANG_AFTER_S, RETRIES = 0.2, 2


class Silent:
    """A ``Work`` that never gives a score."""

    def next(self, timeout: float) -> None:
        time.sleep(timeout)
        raise TimeoutError

    def kill(self) -> None: ...


def test_every_try_of_a_trial_that_hangs_is_paid_for() -> None:
    space = Space({"train.learning_rate": Dimension(uniform=[0.1, 1.0])})
    rules = Rules(["average"], None, [], 10, RETRIES, HANG_AFTER_S)
    trial = trainable_of(lambda job, fork: Silent(), rules, space, lambda lineage: {})(
        {"number": 1, "train.learning_rate": 0.5}
    )
    told = trial.step()
    assert (told[ENDED], told["tries"]) == ("failed", RETRIES + 1)
    assert told["seconds"] == pytest.approx((RETRIES + 1) * HANG_AFTER_S, abs=HANG_AFTER_S / 2)
