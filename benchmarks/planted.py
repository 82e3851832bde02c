"""Rows of every kind that prepare must tell apart, what must become of each, and a slow comparison of texts."""

import hashlib
import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import regex
from voices import Voice, is_word

TAU = 0.8
BELOW_TAU = 0.7999

_ALONE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORD = regex.compile(rf"(?V1)[[\p{{L}}\p{{M}}\p{{N}}]--[{_ALONE}]]+|[{_ALONE}]")


def words(text: str) -> list[str]:
    """Runs of letters, marks and digits after NFKC, in lower case; of scripts without spaces single characters."""
    return list(_WORD.findall(unicodedata.normalize("NFKC", text).lower()))


def shingles(*texts: str) -> set[tuple[str, ...]]:
    """All runs of three words of the texts one after the other; the whole, if it is shorter."""
    run = [word for text in texts for word in words(text)]
    return {tuple(run[i : i + 3]) for i in range(max(1, len(run) - 2))}


def jaccard(one: set[Any], other: set[Any]) -> float:
    """Size of the intersection over that of the union."""
    return len(one & other) / len(one | other)


class Drawn(NamedTuple):
    """A row: what is written, and what is known of it."""

    question: str | bytes | None
    answer: str | bytes | None
    id: str | None = None  # by default WebFAQ's: of question and answer
    jaccard: float | None = None
    expected: str | None = None


@dataclass(frozen=True)
class Desk:
    """What the rows of one language are made with. ``leaks``: question, relevant passage, other passage."""

    voice: Voice
    other: Voice
    rng: random.Random
    seen: set[bytes] = field(default_factory=set)
    leaks: list[tuple[str, str, str]] = field(default_factory=list)

    def pair(self, voice: Voice | None = None) -> tuple[list[str], list[str]]:
        """Question and answer, in words, that fit; the question is none of the language's others."""
        voice = voice or self.voice
        for _ in range(1_000):
            question, answer = voice.draw(self.rng, 6, 14), voice.draw(self.rng, 20, 70)
            if voice.fits(voice.ask(question), voice.tell(answer)) and self.is_new(voice.ask(question)):
                return question, answer
        raise RuntimeError(f"{voice.lid}: no text that is identified")

    def texts(self) -> tuple[str, str]:
        """The same, written."""
        question, answer = self.pair()
        return self.voice.ask(question), self.voice.tell(answer)

    def is_new(self, question: str) -> bool:
        """Whether the question was not there; from now on it is."""
        key = hashlib.blake2b(" ".join(words(question)).encode(), digest_size=8).digest()
        new = key not in self.seen
        self.seen.add(key)
        return new

    def leak(self) -> tuple[list[str], list[str], str]:
        """A new question of the benchmark, its relevant passage, and a passage that is not relevant."""
        (question, passage), (_, other) = self.pair(), self.pair()
        self.leaks.append((self.voice.ask(question), self.voice.tell(passage), self.voice.tell(other)))
        return question, passage, self.leaks[-1][2]

    def altered(
        self, question: list[str], answer: list[str], low: float, high: float, edits: int
    ) -> tuple[str, str, float]:
        """The texts with up to so many words changed, so that their Jaccard with the old is in [low, high].

        The question is another; without one the answer is.
        """
        old = self.voice.ask(question), self.voice.tell(answer)
        for _ in range(1_000):
            sides = [list(question), list(answer)]
            for number in range(self.rng.randint(1, edits)):
                side = 0 if question and (number == 0 or not answer or self.rng.random() < 0.2) else 1
                self._edit(sides, side)
            new = self.voice.ask(sides[0]), self.voice.tell(sides[1])
            likeness = jaccard(shingles(*(t for t in old if words(t))), shingles(*(t for t in new if words(t))))
            changed = words(new[0]) != words(old[0]) if question else words(new[1]) != words(old[1])
            fits = self.voice.fits(*new) if question and answer else True
            if low <= likeness <= high and changed and fits and (not question or self.is_new(new[0])):
                return *new, likeness
        raise RuntimeError(f"{self.voice.lid}: no change of {old} has a Jaccard in [{low}, {high}]")

    def _edit(self, sides: list[list[str]], side: int) -> None:
        """Replaces, inserts, deletes a word; or moves the question's last to the answer, which changes no shingle."""
        items = sides[side]
        place, word = self.rng.randrange(len(items) + 1), self.voice.draw(self.rng, 2, 2)[0]
        act = self.rng.choice(["replace", "insert", "delete"] * 3 + ["move"])
        if act == "move" and side == 0 and sides[1] and len(items) > 5:
            sides[1].insert(0, items.pop())
        else:
            items[place : place + (act in ("replace", "delete"))] = [] if act == "delete" else [word]


def id_of(question: object, answer: object) -> str:
    """WebFAQ's id of a pair."""
    return hashlib.md5(f"{question} {answer}".encode(), usedforsecurity=False).hexdigest()


def _clean(desk: Desk) -> list[Drawn]:
    return [Drawn(*desk.texts())]


def _template(desk: Desk) -> list[Drawn]:
    """Rows that differ in the name of a territory alone, and yet are no duplicates of each other."""
    for _ in range(1_000):
        (question, _), answer = desk.pair(), desk.voice.draw(desk.rng, 8, 34)
        here, there = desk.rng.randrange(len(question)), desk.rng.randrange(len(answer))
        rows: list[Drawn] = []
        sets: list[set[tuple[str, ...]]] = []
        for name in desk.rng.sample(desk.voice.territories, min(len(desk.voice.territories), desk.rng.randint(3, 14))):
            ask = desk.voice.ask([*question[:here], name, *question[here:]])
            tell = desk.voice.tell([*answer[:there], name, *answer[there:]])
            new = shingles(ask, tell)
            likeness = [jaccard(new, other) for other in sets]
            if all(0.5 <= each <= 0.78 for each in likeness) and desk.voice.fits(ask, tell) and desk.is_new(ask):
                sets.append(new)
                rows.append(Drawn(ask, tell, jaccard=max(likeness, default=None)))
        if len(rows) > 1:
            return rows
    raise RuntimeError(f"{desk.voice.lid}: no template")


def _same_id(desk: Desk) -> list[Drawn]:
    """An id with another text, with the same text, or both."""
    first, second = desk.texts(), desk.texts()
    same = id_of(*first)
    rows = [Drawn(*first, same), Drawn(*second, same), Drawn(*first, same)]
    return desk.rng.choice([rows, rows[:2], rows[::2]])


def _same_question(desk: Desk) -> list[Drawn]:
    first = desk.texts()
    return [Drawn(*first), *(_respelt(desk, first[0]) for _ in range(desk.rng.randint(1, 2)))]


def _respelt(desk: Desk, question: str) -> Drawn:
    """The question in other case, width, spaces or punctuation, with another answer."""
    wide = question.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    spaced, marked = question.replace(" ", "\u00a0 "), f"… {question[:-1]} !!{desk.rng.choice('?!.)')}"
    ways = [question.upper(), question.title(), question.lower(), wide, spaced, marked]
    desk.rng.shuffle(ways)
    for way in [*ways, marked]:
        answer = desk.texts()[1]
        if way != question and words(way) == words(question) and desk.voice.fits(way, answer):
            return Drawn(way, answer)
    raise RuntimeError(f"{desk.voice.lid}: {question} has no other spelling")


def _near(desk: Desk) -> list[Drawn]:
    """Two or three rows, each near to every other."""
    pair = desk.pair()
    rows = [(desk.voice.ask(pair[0]), desk.voice.tell(pair[1]))]
    likeness = []
    for low in [TAU, 0.88][: desk.rng.randint(1, 2)]:
        asked, told, likely = desk.altered(*pair, low, 1, 5)
        if all(jaccard(shingles(asked, told), shingles(*other)) >= TAU for other in rows):
            rows.append((asked, told))
            likeness.append(likely)
    return [Drawn(asked, told, jaccard=max(likeness)) for asked, told in rows]


def _near_miss(desk: Desk) -> list[Drawn]:
    pair = desk.pair()
    asked, told, likely = desk.altered(*pair, 0.7, BELOW_TAU, 8)
    return [
        Drawn(desk.voice.ask(pair[0]), desk.voice.tell(pair[1]), jaccard=likely),
        Drawn(asked, told, jaccard=likely),
    ]


def _asked(low: float, high: float) -> Callable[[Desk], list[Drawn]]:
    def make(desk: Desk) -> list[Drawn]:
        """A question of the benchmark, changed, with an answer of its own."""
        asked, _, likely = desk.altered(desk.leak()[0], [], low, high, 2)
        return [Drawn(asked, desk.texts()[1], jaccard=likely)]

    return make


def _told(low: float, high: float) -> Callable[[Desk], list[Drawn]]:
    def make(desk: Desk) -> list[Drawn]:
        """A question of its own with a relevant passage, changed."""
        _, told, likely = desk.altered([], desk.leak()[1], low, high, 8)
        return [Drawn(desk.texts()[0], told, jaccard=likely)]

    return make


def _asked_again(desk: Desk) -> list[Drawn]:
    return [_respelt(desk, desk.voice.ask(desk.leak()[0]))]


def _told_again(desk: Desk) -> list[Drawn]:
    told = desk.voice.tell(desk.leak()[1])
    return [Drawn(desk.texts()[0], desk.rng.choice([told, told.replace(" ", "  "), f"– {told[:-1]} !"]))]


def _other_passage(desk: Desk) -> list[Drawn]:
    return [Drawn(desk.texts()[0], desk.leak()[2])]


def _marked(desk: Desk) -> list[Drawn]:
    """Prefixes, quotes and emoji, which cleaning takes off."""
    question, answer = desk.texts()
    ways = [(f"Q: {question}", f"A: {answer}"), (f"{question} 😀", f"🎉 {answer}"), (f"“{question}”", f'"{answer}"')]
    return [Drawn(*desk.rng.choice(ways), expected=" ".join(words(question) + words(answer)))]


def _lines(number: int) -> Callable[[Desk], list[Drawn]]:
    def make(desk: Desk) -> list[Drawn]:
        """An answer of so many lines."""
        for _ in range(1_000):
            question, answer = desk.pair()
            cuts = [len(answer) * line // number for line in range(number + 1)]
            told = "\n".join(desk.voice.tell(answer[a:b]) for a, b in pairwise(cuts))
            if len(answer) >= number and desk.voice.fits(desk.voice.ask(question), told):
                return [Drawn(desk.voice.ask(question), told)]
        raise RuntimeError(f"{desk.voice.lid}: no answer of {number} lines")

    return make


def _short_question(desk: Desk) -> list[Drawn]:
    question, answer = desk.texts()
    return [Drawn(question[:9].strip(), answer)]


def _answer_of(chars: int) -> Callable[[Desk], list[Drawn]]:
    def make(desk: Desk) -> list[Drawn]:
        """An answer of so many characters: 30 are enough."""
        for _ in range(10_000):
            question, answer = desk.texts()
            told = answer[:chars]
            if len(told) == chars and is_word(told[-1]) and (chars < 30 or desk.voice.fits(question, told)):
                return [Drawn(question, told)]
        raise RuntimeError(f"{desk.voice.lid}: no answer of {chars} characters")

    return make


def _with(side: str, text: str | None) -> Callable[[Desk], list[Drawn]]:
    def make(desk: Desk) -> list[Drawn]:
        """Something else for a question or answer."""
        question, answer = desk.texts()
        return [Drawn(text, answer) if side == "question" else Drawn(question, text)]

    return make


def _broken(side: str) -> Callable[[Desk], list[Drawn]]:
    def make(desk: Desk) -> list[Drawn]:
        """A question or answer that is no UTF-8."""
        question, answer = desk.texts()
        broken = (question if side == "question" else answer).encode()[:21] + b"\xff\xfe ."
        return [Drawn(broken, answer) if side == "question" else Drawn(question, broken)]

    return make


def _asks(desk: Desk) -> list[Drawn]:
    question, answer = desk.texts()
    return [Drawn(question, f"{answer} {desk.texts()[1][:-1]}?")]


def _other_language(desk: Desk) -> list[Drawn]:
    question, answer = desk.pair(desk.other)
    return [Drawn(desk.other.ask(question), desk.other.tell(answer))]


KEEP, DROP, ONE = "keep", "drop", "one"
NEAR, MISS = (TAU, 1.0), (0.6, BELOW_TAU)


@dataclass(frozen=True)
class Kind:
    """How rows of a kind are made, how many there are (a share), and what prepare must do with them, and why."""

    share: float
    make: Callable[[Desk], list[Drawn]]
    fate: str = KEEP
    reason: str | None = None
    leaks: bool = False


KINDS = {
    "template": Kind(0.2, _template),
    "near_miss": Kind(0.01, _near_miss),
    "marked": Kind(0.002, _marked),
    "ten_lines": Kind(0.001, _lines(10)),
    "thirty_characters": Kind(0.001, _answer_of(30)),
    "same_id": Kind(0.01, _same_id, ONE, "duplicate_id"),
    "same_question": Kind(0.01, _same_question, ONE, "duplicate_question"),
    "near": Kind(0.02, _near, ONE, "near_duplicate"),
    "asked_exact": Kind(0.001, _asked_again, DROP, "benchmark_question_exact", True),
    "asked_near": Kind(0.001, _asked(*NEAR), DROP, "benchmark_question_near", True),
    "asked_miss": Kind(0.001, _asked(*MISS), leaks=True),
    "told_exact": Kind(0.001, _told_again, DROP, "benchmark_passage_exact", True),
    "told_near": Kind(0.001, _told(*NEAR), DROP, "benchmark_passage_near", True),
    "told_miss": Kind(0.001, _told(*MISS), leaks=True),
    "other_passage": Kind(0.001, _other_passage, leaks=True),
    "no_question": Kind(0.001, _with("question", None), DROP, "missing_question"),
    "no_answer": Kind(0.001, _with("answer", None), DROP, "missing_answer"),
    "blank_question": Kind(0.001, _with("question", " \n\t"), DROP, "empty_question"),
    "empty_answer": Kind(0.001, _with("answer", ""), DROP, "empty_answer"),
    "broken_question": Kind(0.001, _broken("question"), DROP, "undecodable_question"),
    "broken_answer": Kind(0.001, _broken("answer"), DROP, "undecodable_answer"),
    "nine_characters": Kind(0.001, _short_question, DROP, "question_short"),
    "29_characters": Kind(0.001, _answer_of(29), DROP, "answer_short"),
    "eleven_lines": Kind(0.001, _lines(11), DROP, "answer_long"),
    "asks": Kind(0.002, _asks, DROP, "answer_asks"),
    "other_language": Kind(0.005, _other_language, DROP, "language"),
    "clean": Kind(0.0, _clean),  # the rest
}
