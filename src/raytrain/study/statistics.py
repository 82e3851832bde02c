"""What chance could have done: questions resampled, signs flipped, seeds as a random effect. Mathematics only.

A parallel benchmark asks the same question in several languages: one question drawn, not several. So whatever is
drawn here is drawn per question id, for all its languages, all systems and all metrics at once.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Weigh = Callable[[np.random.Generator, int, int], FloatArray]

ALPHA = 0.05
POWER = 0.8
SMALL_STRATUM = 30  # ids; below this, strata are merged
CELLS_AT_ONCE = 2**18  # weights held at a time: 2 MiB
TIE = 1e-12  # scores are at most 1; sums of the same terms in another order differ by less


@dataclass(frozen=True)
class Stratum:
    """Question ids that are drawn among themselves: ``size`` of them.

    ``places``: language → (rows of the stratum, columns of the language's scores) of the ids the language has.
    """

    size: int
    places: Mapping[str, tuple[Ints, Ints]]


def strata_of(question_ids: Mapping[str, Sequence[str]]) -> list[Stratum]:
    """Ids that occur in the same set of languages, together; a resample then keeps every language's n.

    Sets with fewer than SMALL_STRATUM ids are merged: an id alone in its stratum would always be drawn again and
    count as known exactly. Raises ValueError if a language has an id twice.
    """
    found: dict[str, dict[str, int]] = {}
    for language, ids in question_ids.items():
        for column, key in enumerate(ids):
            if language in found.setdefault(key, {}):
                raise ValueError(f"{language} has question {key} twice")
            found[key][language] = column
    by_languages: dict[frozenset[str], list[dict[str, int]]] = {}
    for columns in found.values():
        by_languages.setdefault(frozenset(columns), []).append(columns)
    large = [ids for ids in by_languages.values() if len(ids) >= SMALL_STRATUM]
    rest = [columns for ids in by_languages.values() if len(ids) < SMALL_STRATUM for columns in ids]
    return [_stratum(ids, list(question_ids)) for ids in [*large, rest] if ids]


def _stratum(ids: list[dict[str, int]], languages: list[str]) -> Stratum:
    places = {}
    for language in languages:
        pairs = [(row, columns[language]) for row, columns in enumerate(ids) if language in columns]
        if pairs:
            rows, cells = np.array(pairs, np.int64).T
            places[language] = (rows, cells)
    return Stratum(len(ids), places)


@dataclass(frozen=True)
class Drawing:
    """What is drawn from, and for what: ``values`` by language (n_l, K), targets as sets of languages.

    A target (one language, or a group) is the plain mean over its languages of their means over questions.
    """

    strata: Sequence[Stratum]
    values: Mapping[str, FloatArray]
    targets: Sequence[Sequence[str]]


def resample(drawing: Drawing, draws: int, rng: np.random.Generator) -> FloatArray:
    """Bootstrap over questions: how far each target's mean lands from the true mean. Shape (targets, draws, K).

    Ids are drawn with replacement within their stratum (Efron and Tibshirani 1993; clusters: Davison and Hinkley
    1997). An id counts with all its languages: of a group G, id u contributes the sum over its languages l of
    (x_lu - mean_l) / (n_l |G|). The means are taken off because in a merged stratum n_l varies from draw to draw,
    and this is then the mean's linear approximation; elsewhere it changes nothing.
    A single question has no spread: its interval is its score.
    """
    centred = {language: x - x.mean(axis=0) for language, x in drawing.values.items()}
    columns = next(iter(centred.values())).shape[1]
    out = np.empty((len(drawing.targets), draws, columns))
    done = 0
    for block in _weighted(Drawing(drawing.strata, centred, drawing.targets), draws, rng, _counts):
        out[:, done : done + block.shape[1]] = block
        done += block.shape[1]
    return out


def sign_flip_p(drawing: Drawing, permutations: int, rng: np.random.Generator) -> FloatArray:
    """Two-sided p of paired differences ``values``, by random signs per question id. Shape (targets, K).

    Were two systems alike, either could have had either score of a question (Smucker, Allan and Carterette, CIKM
    2007). p = (1 + hits) / (1 + permutations), never 0 (Phipson and Smyth 2010). It speaks of the very models that
    were scored, on questions like these; not of what another training run would give.
    """
    observed = np.stack([_target_mean(drawing.values, languages) for languages in drawing.targets])
    hits = np.zeros(observed.shape)
    for block in _weighted(drawing, permutations, rng, _signs):
        hits += (np.abs(block) >= np.abs(observed)[:, None] - TIE).sum(axis=1)
    return (1 + hits) / (1 + permutations)


def t_test_p(differences: FloatArray) -> FloatArray:
    """Two-sided p of Student's paired t-test, by column of differences (n, K). Shape (K,).

    It takes means over questions for normal, which hundreds of questions make them (Smucker, Allan and Carterette,
    CIKM 2007, find it close to randomisation). NaN where it can't tell: for one question, or equal differences.
    """
    from scipy import stats  # here, for every run imports this, and scipy.stats takes a second or two

    n, columns = differences.shape
    p = np.full(columns, np.nan)
    varied = np.ptp(differences, axis=0) > TIE if n > 1 else np.zeros(columns, bool)
    if varied.any():
        p[varied] = stats.ttest_1samp(differences[:, varied], 0.0).pvalue
    return p


def detectable(n: int, sd: float) -> float:
    """The smallest true mean difference that a two-sided paired t-test at ALPHA finds with probability POWER.

    ``sd`` is that of the differences of n questions. With fewer questions, or where differences vary more, only larger
    ones are found (Cohen 1988; for retrieval Sakai, SIGIR 2016). NaN for one question.
    """
    if n < 2:
        return math.nan
    from scipy import optimize, stats

    df, critical = n - 1, stats.t.ppf(1 - ALPHA / 2, n - 1)

    def excess(noncentrality: float) -> float:  # findings of the wrong sign, below 1e-5 there, do not count
        return float(stats.nct.sf(critical, df, noncentrality)) - POWER

    # Of many questions it is 2.8 standard errors, of two 1.3 critical values.
    return float(optimize.brentq(excess, 0.0, 1.5 * critical + 1)) * sd / math.sqrt(n)


def _target_mean(values: Mapping[str, FloatArray], languages: Sequence[str]) -> FloatArray:
    mean: FloatArray = np.mean([values[language].mean(axis=0) for language in languages], axis=0)
    return mean


def _weighted(drawing: Drawing, draws: int, rng: np.random.Generator, weigh: Weigh) -> Iterator[FloatArray]:
    """Targets' means with each id's values weighted anew in every draw, in blocks (targets, draws, K)."""
    languages = list(drawing.values)
    width = drawing.values[languages[0]].shape[1]
    tables = [_table(stratum, drawing.values) for stratum in drawing.strata]
    shares = np.zeros((len(drawing.targets), len(languages)))
    for row, target in enumerate(drawing.targets):
        shares[row, [languages.index(language) for language in target]] = 1 / len(target)
    block = max(1, CELLS_AT_ONCE // max(stratum.size for stratum in drawing.strata))
    for start in range(0, draws, block):
        n = min(block, draws - start)
        means = np.zeros((n, len(languages), width))
        for stratum, table in zip(drawing.strata, tables, strict=True):
            here = [languages.index(language) for language in stratum.places]
            means[:, here] += (weigh(rng, n, stratum.size) @ table).reshape(n, len(here), width)
        yield np.tensordot(shares, means, axes=(1, 1))


def _table(stratum: Stratum, values: Mapping[str, FloatArray]) -> FloatArray:
    """What each id adds to its languages' means: x_lu / n_l, 0 where it is not asked. Shape (size, languages · K)."""
    parts = []
    for language, (rows, columns) in stratum.places.items():
        part = np.zeros((stratum.size, values[language].shape[1]))
        part[rows] = values[language][columns] / len(values[language])
        parts.append(part)
    return np.concatenate(parts, axis=1)


def _counts(rng: np.random.Generator, draws: int, n: int) -> FloatArray:
    """How often each of n ids comes in n drawn with replacement. Shape (draws, n)."""
    drawn = rng.integers(0, n, size=(draws, n))
    drawn += np.arange(draws)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)


def _signs(rng: np.random.Generator, draws: int, n: int) -> FloatArray:
    """+1 or -1, each as likely. Shape (draws, n)."""
    octets = np.frombuffer(rng.bytes(draws * -(-n // 8)), np.uint8).reshape(draws, -1)
    signs = np.unpackbits(octets, axis=1, count=n).astype(np.float64)
    signs *= 2
    signs -= 1
    return signs


@dataclass(frozen=True)
class SeedSpread:
    """Standard deviation of a mean score from one training seed to the next, and its degrees of freedom."""

    sd: float
    df: int


def seed_spread(by_seed: Iterable[Sequence[float]]) -> SeedSpread | None:
    """Pooled over arms, each given as its seeds' means; arms are taken to spread alike. None if none has two seeds.

    Two or three seeds an arm say little of the spread; an arm's own would say less still.
    """
    arms = [np.asarray(means, np.float64) for means in by_seed if len(means) >= 2]
    df = sum(len(means) - 1 for means in arms)
    if df == 0:
        return None
    squares = sum(float(((means - means.mean()) ** 2).sum()) for means in arms)
    return SeedSpread(math.sqrt(squares / df), df)


def add_seeds(
    deviations: FloatArray, spread: SeedSpread, arm_seeds: Sequence[int], rng: np.random.Generator
) -> FloatArray:
    """A difference's deviations with those of new training seeds added. Shape (draws,), as given.

    ``arm_seeds``: seeds of either arm, 0 for what is not trained. Seeds are a random effect (arXiv 1707.09861 and
    2103.03098: runs differ by as much as methods do). Two or three cannot honestly be resampled, so their part is
    drawn: sd · sqrt(1/n_a + 1/n_b) · Student's t. Cautious twice over: what seeds do to single questions is in the
    spread and in the resampled questions, and arms of equal seeds share initial weights, which is not used.
    """
    scale = spread.sd * math.sqrt(sum(1 / n for n in arm_seeds if n))
    of_seeds: FloatArray = scale * rng.standard_t(spread.df, size=len(deviations))
    return deviations + of_seeds


def interval(mean: float, deviations: FloatArray) -> tuple[float, float]:
    """The 95 % percentile interval. ``deviations`` (draws,)."""
    low, high = np.quantile(deviations, [ALPHA / 2, 1 - ALPHA / 2])
    return mean + float(low), mean + float(high)


def two_sided_p(difference: float, deviations: FloatArray) -> float:
    """How often chance alone deviates by as much as the difference; 1 where that is 0. ``deviations`` (draws,)."""
    hits = int((np.abs(deviations) >= abs(difference) - TIE).sum())
    return (1 + hits) / (1 + len(deviations))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): the chance of any false finding among them stays below ALPHA."""
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for place, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[i]))
        corrected[i] = largest
    return corrected
