"""The config of prepare. Every step is a switch: ``false`` turns it off; the defaults are those of the WebFAQ paper."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    NonNegativeInt,
    PlainValidator,
    PositiveInt,
    Tag,
)

from raytrain.section import KeyedByLabel, Label, Labels, Probability, Section, Seed, Share, each_once


def _near(value: object) -> float | Literal[False]:
    if value is False or (isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1):
        return False if value is False else float(value)
    raise ValueError("give a Jaccard above 0, at most 1, or false")


Near = Annotated[float | Literal[False], PlainValidator(_near)]


def _which(value: object) -> str:
    return "off" if value is False else "on"


def _switch(value: object) -> object:
    """``true``, or nothing under the key, is the default rules."""
    return {} if value is None or value is True else value


class Lengths(Section):
    """How long questions and answers must be, in characters, for one language; what is left out is as for all."""

    min_question_chars: NonNegativeInt | None = None
    min_answer_chars: NonNegativeInt | None = None
    max_answer_lines: PositiveInt | None = None
    question_in_answer: bool | None = None


class Clean(Section):
    """Text put into one form, and pairs that are no question with its answer left out (arXiv 2502.20936, section 3)."""

    nfc: bool = Field(True, description="texts in Unicode normal form C")
    strip: bool = Field(True, description="take off Q: and A: prefixes, quotes around a text, and emoji")
    min_question_chars: NonNegativeInt = 10
    min_answer_chars: NonNegativeInt = 30
    max_answer_lines: PositiveInt = Field(10, description="an answer with more lines is a page, not an answer")
    question_in_answer: bool = Field(False, description="keep pairs whose answer asks something (has a '?')")
    languages: Annotated[dict[Label, Lengths], KeyedByLabel] = Field(
        {}, description="other lengths for some languages: {jpn: {min_question_chars: 5}}"
    )


class LanguageId(Section):
    """Pairs that are not in the language they are filed under left out, by fastText's lid.176."""

    threshold: Probability = Field(0.63, description="a pair identified with less confidence is left out too")


class Deduplicate(Section):
    """Of pairs that are the same, only the first in the seeded order is kept; within a language."""

    ids: bool = Field(True, description="pairs with the same id")
    questions: bool = Field(True, description="pairs with the same question, case and punctuation aside")
    near: Near = Field(
        0.8, description="pairs whose sets of three-word shingles overlap at least so much (Jaccard), or false"
    )


class Decontaminate(Section):
    """Pairs that hold a question or a relevant passage of a configured benchmark left out."""

    exact: bool = Field(True, description="the same text, case and punctuation aside")
    near: Near = Field(0.8, description="shingle sets that overlap at least so much (Jaccard), or false")
    all_passages: bool = Field(False, description="also answers that are any other candidate passage (the same text)")


Off = Annotated[Literal[False], Tag("off")]


def _sources(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Corpus(Section):
    """prepare: which pairs, what is kept of them, and how they are laid out."""

    source: Annotated[list[str], Field(min_length=1), BeforeValidator(_sources), AfterValidator(each_once)] = Field(
        description="one or several of: demo:cldr, a folder or object-store prefix of {lang}.parquet, "
        "{lang}/*.parquet or {lang}.jsonl[.gz], hf://NAME@REVISION"
    )
    languages: Labels | None = Field(
        None, description="languages to prepare, and to train the tokenizer on; default: all in the source"
    )
    max_bad_fraction: Share = Field(
        0.05, description="stop if more rows than this can't be used at all: mistyped, not UTF-8, empty"
    )
    clean: Annotated[Annotated[Clean, Tag("on")] | Off, Discriminator(_which), BeforeValidator(_switch)] = Clean()
    identify: Annotated[Annotated[LanguageId, Tag("on")] | Off, Discriminator(_which), BeforeValidator(_switch)] = (
        LanguageId()
    )
    deduplicate: Annotated[Annotated[Deduplicate, Tag("on")] | Off, Discriminator(_which), BeforeValidator(_switch)] = (
        Deduplicate()
    )
    decontaminate: Annotated[
        Annotated[Decontaminate, Tag("on")] | Off, Discriminator(_which), BeforeValidator(_switch)
    ] = Decontaminate()
    tokenise: bool = Field(
        False, description="make the token ids of all pairs once, before training, which then never waits for them"
    )
    row_group_rows: PositiveInt = Field(512, description="rows a row group: what is read at once, and shuffled anew")
    shard_rows: PositiveInt = Field(65_536, description="rows a file; the last of a language has fewer")
    seed: Seed = Field(17, description="seed of the shuffle")

    def content(self) -> dict[str, Any]:
        """What of this can change the corpus, besides what the sources hold."""
        return self.model_dump(mode="json", exclude={"source", "languages", "max_bad_fraction", "tokenise"})
