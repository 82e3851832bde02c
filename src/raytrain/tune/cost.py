"""What a sweep costs: estimated before the start, tracked while it runs, compared with its budget. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from raytrain.tune.config import Budget
from raytrain.tune.results import Cost

UNITS = ("trials", "steps", "pairs", "gpu_hours", "money")


@dataclass(frozen=True)
class Rate:
    """What a trial's workers cost in an hour: ``gpus`` of them, and ``money``, None where no price is known."""

    gpus: float
    money: float | None

    def cost(self, steps: int, batch_size: int, seconds: float) -> Cost:
        """Of a trial that got so far in so long."""
        hours = seconds / 3600
        money = None if self.money is None else self.money * hours
        return Cost(steps=steps, pairs=steps * batch_size, seconds=seconds, gpu_hours=self.gpus * hours, money=money)


def budget_of(budget: Budget) -> dict[str, float]:
    """The limits that are set, by unit."""
    return {unit: limit for unit in UNITS if (limit := getattr(budget, unit)) is not None}


def spent_of(costs: Iterable[Cost]) -> dict[str, float]:
    """What trials cost together, by unit; money where all prices are known."""
    costs = list(costs)
    money = [cost.money for cost in costs]
    spent = {
        "trials": float(len(costs)),
        "steps": float(sum(cost.steps for cost in costs)),
        "pairs": float(sum(cost.pairs for cost in costs)),
        "gpu_hours": sum(cost.gpu_hours for cost in costs),
    }
    known = [each for each in money if each is not None]
    return spent | ({"money": sum(known)} if len(known) == len(costs) else {})


def spent_up(budget: Mapping[str, float], spent: Mapping[str, float], units: Sequence[str] = UNITS) -> str:
    """The unit of which as much as allowed is spent, in words; "" if none."""
    for unit in units:
        if unit in budget and spent.get(unit, 0.0) >= budget[unit]:
            return f"{unit.replace('_', '-')}: {spent[unit]:,.6g} of {budget[unit]:,.6g} are spent (tune.budget)"
    return ""


def expected_steps(trials: int, rungs: Sequence[int], reduction: int, max_steps: int) -> int:
    """Steps of all trials together if, as successive halving means it, one in ``reduction`` goes on at each rung.

    ASHA (arXiv 1810.05934) promotes more at the beginning, when it knows little: it is a lower bound. Without rungs
    every trial goes to its end.
    """
    total, alive, done = 0.0, float(trials), 0
    for rung in rungs:
        total += alive * (rung - done)
        alive, done = max(alive / reduction, 1.0), rung
    return round(total + alive * (max_steps - done))


def estimate(
    budget: Budget, trials: int, steps: tuple[int, int], batch_size: int, pairs_per_second: float | None, rate: Rate
) -> dict[str, float]:
    """Trials, steps, pairs, hours, GPU-hours and money of a sweep that goes to its end; ``steps`` at least, at most.

    At most is what counts, and no more than its budget. Hours, GPU-hours and money need a known speed, of one trial.
    """
    most = min(steps[1], budget.steps or steps[1], (budget.pairs or steps[1] * batch_size) // batch_size or 1)
    found: dict[str, float] = {"trials": trials, "least_steps": min(steps[0], most), "steps": most}
    found["pairs"] = most * batch_size
    if pairs_per_second:
        hours = found["pairs"] / pairs_per_second / 3600
        found |= {"hours": hours, "gpu_hours": hours * rate.gpus}
        if rate.money is not None:
            found["money"] = hours * rate.money
    return found
