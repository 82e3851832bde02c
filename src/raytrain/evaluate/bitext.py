"""Bitext retrieval: sentences and their translations, each direction a part of its own (deu-eng and eng-deu).

A folder holds pairs as lines ``sentence TAB translation`` of deu-eng.tsv, or as two files of as many lines, as Tatoeba
has them: NAME.deu-eng.deu and NAME.deu-eng.eng. Each may end in .gz.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest

from raytrain.errors import UserError
from raytrain.evaluate.json_lines import all_lines
from raytrain.evaluate.kind import Asked, Kind
from raytrain.evaluate.reading import versions
from raytrain.evaluate.retrieval import Retrieval, chosen
from raytrain.languages import languages_of, to_iso639_3, to_label
from raytrain.storage import Location

_PAIRS = re.compile(r"([^/.]+-[^/.]+)\.tsv(?:\.gz)?")
_SIDE = re.compile(r"(?:[^/]+\.)?([^/.-]+)-([^/.-]+)\.(\1|\2)(?:\.gz)?")

Pair = tuple[str, str, str]  # where it stands, sentence, translation
Files = Mapping[str, tuple[str, ...]]  # label → its file of pairs, or that of either language, in the label's order


def identity(asked: Asked) -> Mapping[str, str]:
    """The versions of all files of pairs. Raises UserError for a folder without any."""
    found = versions(asked.place, lambda path: _PAIRS.fullmatch(path) or _SIDE.fullmatch(path))
    _files(asked.place, found)
    return found


def load(asked: Asked) -> Iterator[Retrieval]:
    """Both directions of every pair of languages. Sentences that are the same text are one question or passage.

    So of a sentence all translations are right that any of its lines has, and one that is there twice is found once.
    Raises UserError for a line that is no pair, files of other lengths, or a direction that is not there.
    """
    files = _files(asked.place, [info.path for info in asked.place.list()])
    there = {direction: label for label in files for direction in (label, _backwards(label))}
    for direction in chosen(asked.name, asked.languages, set(there)):
        label = there[direction]
        pairs = list(_pairs([asked.place / path for path in files[label]]))
        if not pairs:
            raise UserError(f"evaluate: {(asked.place / files[label][0]).uri} holds no pair")
        yield _part(direction, pairs if direction == label else ((at, b, a) for at, a, b in pairs))


def _backwards(label: str) -> str:
    first, second = languages_of(label)
    return f"{second}-{first}"


def _part(direction: str, pairs: Iterable[Pair]) -> Retrieval:
    """A sentence is named by the number of its first pair."""
    questions: dict[str, str] = {}
    passages: dict[str, str] = {}
    relevant: dict[str, dict[str, int]] = {}
    for number, (_, sentence, translation) in enumerate(pairs, 1):
        question = questions.setdefault(sentence, f"{number}")
        relevant.setdefault(question, {})[passages.setdefault(translation, f"{number}")] = 1
    by_id = [{name: text for text, name in texts.items()} for texts in (questions, passages)]
    return Retrieval(direction, by_id[0], by_id[1], relevant)


def _files(place: Location, paths: Iterable[str]) -> Files:
    """What pairs each label has. Raises UserError for a pair of languages that is there twice, or half."""
    found: dict[str, list[str]] = {}
    for path in paths:
        pairs, side = _PAIRS.fullmatch(path), _SIDE.fullmatch(path)
        if pairs:
            found.setdefault(_label(place, path, pairs[1]), []).append(path)
        elif side:
            found.setdefault(_label(place, path, f"{side[1]}-{side[2]}"), []).append(path)
    if not found:
        raise UserError(f"evaluate: {place.uri} holds no deu-eng.tsv, nor NAME.deu-eng.deu and NAME.deu-eng.eng")
    for label in found:
        if _backwards(label) in found:
            raise UserError(f"evaluate: {place.uri} holds {label} and {_backwards(label)}: one gives both ways")
    return {label: _in_order(place, label, found[label]) for label in found}


def _in_order(place: Location, label: str, paths: list[str]) -> tuple[str, ...]:
    if len(paths) == 1 and _PAIRS.fullmatch(paths[0]):
        return (paths[0],)
    sides = [match[3] for match in map(_SIDE.fullmatch, paths) if match]
    named = {to_iso639_3(side): path for side, path in zip(sides, paths, strict=False)}
    if len(paths) != 2 or len(sides) != 2 or sorted(named) != sorted(languages_of(label)):
        raise UserError(f"evaluate: {place.uri}: {', '.join(paths)}: {label} wants one .tsv, or a file a language")
    return tuple(named[language] for language in languages_of(label))


def _label(place: Location, path: str, name: str) -> str:
    try:
        return to_label(name)
    except UserError as error:
        raise UserError(f"evaluate: {(place / path).uri}: the name says the languages, and {error}") from error


def _pairs(places: list[Location]) -> Iterator[Pair]:
    """Where, sentence and translation. Raises UserError for a line that lacks one."""
    for number, lines in enumerate(zip_longest(*map(all_lines, places)), 1):
        where = f"{places[0].uri}: line {number}"
        if None in lines:
            short = places[lines.index(None)]
            raise UserError(f"{short.uri} ends before line {number}, which the file of the other language has")
        sides = lines if len(places) == 2 else tuple(lines[0].split("\t"))
        if len(sides) != 2 or not all(side.strip() for side in sides):
            raise UserError(f"{where} is no sentence and translation")
        yield where, sides[0].strip(), sides[1].strip()


BITEXT = Kind(
    kind="bitext",
    where="DIR",
    task="bitext retrieval: the translation of a sentence",
    metric="Recall@1 (accuracy) or F1 of mined pairs; here those of retrieval",
    passages="the distinct translations of the pairs",
    licence="the data set's own",
    read=load,
    identity=identity,
)
