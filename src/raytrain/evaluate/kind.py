"""What a kind of benchmark is, declared once: for names, tables, provenance and the reading alike."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from raytrain.errors import FileMissingError
from raytrain.evaluate.retrieval import Retrieval
from raytrain.storage import Location


@dataclass(frozen=True)
class Asked:
    """What is to be read of a benchmark: ``languages`` None is all it has, ``split`` "" where the file says which."""

    name: str
    languages: list[str] | None
    place: Location
    split: str


@dataclass(frozen=True)
class Kind:
    """A kind of benchmark. Its names are ``kind:WHERE`` and, where it has splits, ``kind:WHERE#split``.

    ``read`` gives one language after the other and holds one at a time; ``identity`` is what tells the files that are
    read for a split from any others. Both raise UserError. ``questions`` says from whose questions a split was made:
    two kinds with an entry in common ask the same things.
    """

    kind: str
    where: str
    task: str  # what is asked of a system, for tables: two tasks on one data set are not compared
    metric: str  # that its literature reports
    passages: str  # where they come from
    licence: str
    read: Callable[[Asked], Iterator[Retrieval]]
    identity: Callable[[Asked], Mapping[str, str]]
    label: str = ""  # that its labels begin with; default: the kind
    source: str = ""  # where the official files are
    release: str = ""  # of the official files; "" where none is fixed
    languages: tuple[str, ...] = ()  # of the release; () where the folders say
    splits: tuple[str, ...] = ()  # the first is the default
    questions: Mapping[str, str] = field(default_factory=dict)  # by split; of a file, by a word of its name

    @property
    def prefix(self) -> str:
        """What its labels begin with."""
        return self.label or self.kind

    @property
    def form(self) -> str:
        """How its names look, for people."""
        return f"{self.kind}:{self.where}{'[#SPLIT]' if len(self.splits) > 1 else ''}"

    def about(self) -> dict[str, str]:
        """What a report may say of it."""
        told = ("task", "metric", "passages", "licence", "source", "release")
        return {key: getattr(self, key) for key in told if getattr(self, key)}


def identity_of_file(asked: Asked) -> Mapping[str, str]:
    """Size and time of the one file of a benchmark. Raises FileMissingError."""
    place = asked.place
    info = place.patiently("read", lambda: place.filesystem.get_file_info(place.path))
    if not info.is_file:
        raise FileMissingError(f"cannot read {place.uri}: no such file")
    return {place.name: f"{info.size}-{info.mtime_ns}"}
