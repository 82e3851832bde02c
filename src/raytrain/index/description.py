"""What an index is made of, as its manifest says it: all that a reader needs besides the files."""

from collections.abc import Sequence

from raytrain.artifact import File, Record
from raytrain.errors import UserError
from raytrain.index.embeddings import Span
from raytrain.index.shards import ShardRecord


class Description(Record):
    """An index of ``rows`` vectors: its kind as FAISS names it, its shards in order, and whose rows are whose.

    ``nprobe`` of the lists are looked into; both it and the quantizer are None of an exact one.
    """

    kind: str
    dimension: int
    rows: int
    quantizer: File | None
    nprobe: int | None
    shards: list[ShardRecord]
    spans: list[Span]

    @classmethod
    def of(
        cls,
        kind: str,
        dimension: int,
        quantizer: File | None,
        nprobe: int | None,
        shards: Sequence[ShardRecord],
        spans: Sequence[Span],
    ) -> "Description":
        """Of an index that was built."""
        return cls(
            kind=kind,
            dimension=dimension,
            rows=sum(shard.rows for shard in shards),
            quantizer=quantizer,
            nprobe=nprobe,
            shards=list(shards),
            spans=list(spans),
        )

    def check(self, uri: str) -> None:
        """Raises UserError if shards have another quantizer, or leave out or repeat a row: answers would be wrong."""
        needed = self.quantizer.sha256 if self.quantizer else ""
        at = 0
        for shard in self.shards:
            if shard.quantizer != needed:
                raise UserError(
                    f"{uri}/{shard.shard.path}: was built with another quantizer ({shard.quantizer[:12] or 'none'}) "
                    f"than the index has ({needed[:12] or 'none'}): build it again"
                )
            if shard.first != at:
                raise UserError(
                    f"{uri}/{shard.shard.path}: begins at row {shard.first:,} and not at {at:,}: build it again"
                )
            at += shard.rows
        if at != self.rows or (self.spans and self.spans[-1].stop != self.rows):
            raise UserError(f"{uri}: holds {at:,} of {self.rows:,} passages: build it again")

    def ranges(self, languages: Sequence[str] | None) -> list[tuple[int, int]]:
        """The rows of some languages (None: all), as ``[first, stop)`` apart from each other. Raises UserError."""
        if languages is None:
            return [(0, self.rows)] if self.rows else []
        there = {span.language for span in self.spans}
        unknown = sorted(set(languages) - there)
        if unknown:
            raise UserError(f"nothing of {', '.join(unknown)} is indexed; there is {', '.join(sorted(there))}")
        found: list[tuple[int, int]] = []
        for span in self.spans:
            if span.language in languages and span.first < span.stop:
                if found and found[-1][1] == span.first:
                    found[-1] = found[-1][0], span.stop
                else:
                    found.append((span.first, span.stop))
        return found

    def span_of(self, number: int) -> Span:
        """Whose passage ``number`` is."""
        return next(span for span in self.spans if span.first <= number < span.stop)
