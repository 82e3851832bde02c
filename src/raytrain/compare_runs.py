"""Any two rankings of the same questions against each other: finished evaluations, or run files made elsewhere."""

import gzip
import hashlib
import re
import shlex
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from raytrain.artifact import Artifact, Record, library_versions, read_manifest
from raytrain.errors import UserError
from raytrain.evaluate.metrics import MEASURES, METRICS, Hits, score
from raytrain.evaluate.scored import SCORES, Floats, read_scores
from raytrain.evaluate.trec import read_qrels, read_run
from raytrain.languages import to_label
from raytrain.storage import Location
from raytrain.study.compare import Draws, Scored, benchmark_result, finding_of
from raytrain.study.results import PRIMARY, Comparison, LanguageCount, System
from raytrain.study.statistics import holm

WHOLE = "questions"  # what the one part of a run that is a single file is called
ENDINGS = {"run.trec": ("trec", "run", "txt"), "qrels.trec": ("trec", "qrels", "txt")}

Relevant = Mapping[str, Mapping[str, int]]
Questions = tuple[list[str], dict[str, Floats]]  # sorted ids, and their scores by metric


class PairResult(Record):
    """Two systems, A and B, on one benchmark. ``comparisons`` are of B with A; ``questions`` by language."""

    name: str
    questions: dict[str, int]
    groups: dict[str, list[str]]
    systems: list[System]
    comparisons: list[Comparison]


class Compared(Record):
    """What two runs come to. ``sources``: A and B, and ``qrels`` if there were any, with what was read of them."""

    metric: str
    sources: dict[str, dict[str, Any]]
    notes: list[str]
    benchmarks: list[PairResult]
    versions: dict[str, str]
    command: str


@dataclass
class Side:
    """One of the two: benchmark → language → scores of its questions; what was read, and what to bear in mind."""

    scores: dict[str, dict[str, Questions]]
    source: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def compare_runs(
    a: str, b: str, qrels: str | None = None, metric: str = PRIMARY, draws: Draws | None = None
) -> Compared:
    """B less A, question by question, with all tests. Each is an evaluation's folder, a run file, or a folder of those.

    Without ``qrels`` both must be evaluations, which have scores; with it their rankings are scored by these
    judgements, a file for a file, a folder for a folder (``fin.trec`` or ``fin/qrels.trec``). Raises UserError if they
    can't be read or have other questions.
    """
    if metric not in METRICS:
        raise UserError(f"--metric: {metric} is none of {', '.join(METRICS)}")
    sources: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    if qrels is None:
        sides = {name: _evaluation(uri) for name, uri in (("A", a), ("B", b))}
    else:
        judged, sources["qrels"] = _judgements(qrels, notes)
        sides = {name: _ranked(name, uri, judged, qrels) for name, uri in (("A", a), ("B", b))}
    notes += [note for side in sides.values() for note in side.notes]
    sources = {name: side.source for name, side in sides.items()} | sources
    common = _common(sides, notes)
    return Compared(
        metric=metric,
        sources=sources,
        notes=notes,
        benchmarks=[_pair(label, languages, sides, metric, draws) for label, languages in common.items()],
        versions=library_versions(),
        command=shlex.join(sys.argv),
    )


def _evaluation(uri: str) -> Side:
    """The scores that a finished evaluation left behind."""
    place = Location.of(uri)
    manifest = None if _is_file(place) else read_manifest(place)
    if manifest is None:
        raise UserError(
            f"--runs: {place.uri} is no folder of an evaluation, with a manifest.json: if it is a run made elsewhere, "
            "name the judgements with --qrels"
        )
    artifact = Artifact(place, manifest)
    found: dict[str, dict[str, Questions]] = {}
    for path in (file.path for file in manifest.files if file.path.endswith(f"/{SCORES}")):
        label, language, _ = path.split("/")
        found.setdefault(label, {})[language] = read_scores(artifact, path)
    if not found:
        raise UserError(f"--runs: {place.uri} is a {manifest.stage} artifact and has no scores: name an evaluation")
    source = {
        "uri": place.uri,
        "stage": manifest.stage,
        "hash": manifest.hash,
        "content": manifest.content,
        "created": manifest.created,
        "identity": manifest.identity,
        "inputs": {name: made.model_dump() for name, made in manifest.inputs.items()},
        "versions": manifest.versions,
    }
    return Side(found, source)


def _judgements(uri: str, notes: list[str]) -> tuple[dict[str, Relevant], dict[str, Any]]:
    """Judgements by language, of the questions with a relevant passage; those without can't be scored."""
    texts, source = _texts(Location.of(uri), "qrels.trec", "--qrels")
    found: dict[str, Relevant] = {}
    for language, (name, text) in texts.items():
        grades = read_qrels(text, name)
        found[language] = {q: g for q, g in grades.items() if any(grade > 0 for grade in g.values())}
        if not found[language]:
            raise UserError(f"--qrels: {name} has no question with a relevant passage")
        if without := len(grades) - len(found[language]):
            notes.append(f"{name}: {without:,} questions have no relevant passage: left out")
    return found, source


def _ranked(name: str, uri: str, judged: Mapping[str, Relevant], qrels: str) -> Side:
    """The rankings of run files, scored."""
    place = Location.of(uri)
    texts, source = _texts(_one_benchmark(place), "run.trec", "--runs")
    if (WHOLE in texts) != (WHOLE in judged):
        raise UserError(f"--qrels: {qrels} and {place.uri} must both be one file, or both folders, a file a language")
    side = Side({"": {}}, source)
    for language in [language for language in texts if language in judged]:
        file, text = texts[language]
        run = read_run(text, file)
        side.notes += _differences(f"{name}: {file}", run, judged[language])
        scores = score(judged[language], run)
        ids = sorted(scores)
        columns = {metric: np.array([scores[question][metric] for question in ids]) for metric in METRICS}
        side.scores[""][language] = ids, columns
    unjudged = sorted(set(texts) - set(judged))
    side.notes += [f"{name}: {language} has no judgements: left out" for language in unjudged]
    side.notes += [f"{name}: no run of {language}: left out" for language in sorted(set(judged) - set(texts))]
    return side


def _differences(where: str, run: Mapping[str, Hits], relevant: Relevant) -> list[str]:
    """What a run lacks of the judged questions, and has beside them. Raises UserError if it has none of them."""
    there, notes = run.keys() & relevant.keys(), []
    if not there:
        raise UserError(f"{where}: none of its {len(run):,} questions is in the judgements: are these of another set?")
    if len(run) > len(there):
        notes.append(f"{where}: {len(run) - len(there):,} questions are not in the judgements: left out")
    if len(relevant) > len(there):
        notes.append(f"{where}: {len(relevant) - len(there):,} judged questions are not in the run: they count 0")
    deepest = max(len(run[question]) for question in there)
    cut = [metric for metric, measure in MEASURES.items() if measure.depth > deepest]
    if cut:
        notes.append(f"{where}: at most {deepest:,} hits a question: {', '.join(cut)} can't see further")
    return notes


def _one_benchmark(place: Location) -> Location:
    """The folder of run files: of an evaluation, that of its one benchmark."""
    manifest = None if _is_file(place) else read_manifest(place)
    if manifest is None:
        return place
    labels = sorted({file.path.split("/")[0] for file in manifest.files if file.path.endswith("/run.trec")})
    if len(labels) != 1:
        raise UserError(
            f"--runs: {place.uri} has rankings of {', '.join(labels) or 'no benchmark'}: name the folder of one of them"
        )
    return place / labels[0]


def _texts(place: Location, inner: str, key: str) -> tuple[dict[str, tuple[str, str]], dict[str, Any]]:
    """Name and text of each language's file, or of the one file; and what was read, with its hashes."""
    files = {WHOLE: place} if _is_file(place) else _by_language(place, inner)
    if not files:
        endings = ", ".join(f"fin.{ending}" for ending in ENDINGS[inner])
        raise UserError(
            f"{key}: {place.uri} has no file of a language: wanted fin/{inner}, {endings} or the same as .gz"
        )
    read = {language: _plain(file) for language, file in files.items()}
    hashes = {file.uri: hashlib.sha256(read[language][0]).hexdigest() for language, file in files.items()}
    return {language: (files[language].uri, text) for language, (_, text) in read.items()}, {
        "uri": place.uri,
        "sha256": hashes,
    }


def _by_language(place: Location, inner: str) -> dict[str, Location]:
    pattern = re.compile(rf"([^/.]+)(?:/{re.escape(inner)}|\.(?:{'|'.join(ENDINGS[inner])}))(?:\.gz)?")
    found: dict[str, Location] = {}
    for path in (info.path for info in place.list()):
        match = pattern.fullmatch(path)
        if match is None:
            continue
        try:
            language = to_label(match[1])
        except UserError as error:
            raise UserError(f"{(place / path).uri}: its name should be that of a language: {error}") from error
        if language in found:
            raise UserError(f"{place.uri}: {found[language].uri} and {path} are both of {language}: leave one")
        found[language] = place / path
    return found


def _plain(file: Location) -> tuple[bytes, str]:
    """The bytes of a file, and its text, uncompressed if its name ends in .gz."""
    data = file.read_bytes()
    try:
        return data, (gzip.decompress(data) if file.uri.endswith(".gz") else data).decode()
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{file.uri}: broken or truncated gzip: {error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file.uri}: no UTF-8 text: {error}") from error


def _is_file(place: Location) -> bool:
    if place.is_local:
        if not place.local_path.exists():
            raise UserError(f"{place.uri}: there is no such file or folder")
        return place.local_path.is_file()
    return not place.list()


def _common(sides: Mapping[str, Side], notes: list[str]) -> dict[str, list[str]]:
    """The languages that both have questions of, by benchmark. Raises UserError if the questions are others."""
    a, b = sides["A"], sides["B"]
    common: dict[str, list[str]] = {}
    for label in [label for label in a.scores if label in b.scores]:
        for language in [language for language in a.scores[label] if language in b.scores[label]]:
            ids, others = a.scores[label][language][0], b.scores[label][language][0]
            if ids != others:
                apart = len(set(ids) ^ set(others))
                raise UserError(
                    f"--runs: {label} {language}: A has {len(ids):,} questions and B {len(others):,}, and {apart:,} "
                    "are of one of them only: compare evaluations of the same benchmark"
                )
            if ids:
                common.setdefault(label, []).append(language)
    if not common:
        raise UserError("--runs: A and B have no language of a benchmark in common: there is nothing to compare")
    for name, side, other in (("A", a, b), ("B", b, a)):
        alone = [f"{x} {y}".strip() for x in side.scores for y in side.scores[x] if y not in other.scores.get(x, {})]
        if alone:
            notes.append(f"{name} alone has {', '.join(alone)}: left out")
    judged = [side.source.get("inputs", {}).get("benchmark", {}).get("content") for side in (a, b)]
    if judged[0] != judged[1]:
        notes.append("A and B were scored on benchmarks of other content: the same ids may be other questions")
    return common


def _pair(
    label: str, languages: Sequence[str], sides: Mapping[str, Side], metric: str, draws: Draws | None
) -> PairResult:
    """Both on one benchmark. Which languages were trained on, a run does not tell: groups are of all languages."""
    ids = {language: sides["A"].scores[label][language][0] for language in languages}
    systems = [
        Scored(name, "trained", (), {}, {m: {x: side.scores[label][x][1][m][None] for x in ids} for m in METRICS})
        for name, side in sides.items()
    ]
    counts = {x: LanguageCount(questions=len(keys), passages=0, left_out=0, trained=False) for x, keys in ids.items()}
    found = benchmark_result(label, counts, ids, systems, "A", draws=draws, metric=metric)
    groups = {name: members for name, members in found.groups.items() if name.startswith("all") and len(ids) > 1}
    rows = [c for c in found.comparisons if c.over == "language" or c.name in groups]
    return PairResult(
        name=label,
        questions={language: len(keys) for language, keys in ids.items()},
        groups=groups,
        systems=[s.model_copy(update={"groups": {g: s.groups[g] for g in groups}}) for s in found.systems],
        comparisons=_found(rows),
    )


def _found(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """With findings by the sign-flip test, corrected over languages, and over averages."""
    done = list(comparisons)
    for over in ("language", "group"):
        places = [i for i, c in enumerate(done) if c.over == over]
        for i, p in zip(places, holm([done[k].p_questions for k in places]), strict=True):
            update = {"p_questions_holm": p, "finding": finding_of(done[i].difference, p)}
            done[i] = done[i].model_copy(update=update)
    return done
