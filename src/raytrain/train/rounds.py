"""How the steps of a run are cut: into rounds, which data tasks read, and these into blocks, which ranks take.

A block holds what one rank takes in some steps. A round holds blocks of the same length for all ranks in turn, so
that a row group that several ranks or steps share is read once. The first rounds are short, so that the first
batch comes soon: 1, 2, 4 … blocks a rank, up to the length of the others.
"""

from dataclasses import dataclass

BLOCK_ROWS = 4_096  # of some hundred bytes: 1 to 8 MB, which Ray Data moves well
BLOCK_BYTES = 8 << 20
ROUND_BYTES = 256 << 20  # of text: a task holds it more than once, and one column of Arrow no more than 2 GB


@dataclass(frozen=True)
class Rounds:
    """The rounds of steps ``first_step`` to ``last_step - 1``; ``len`` counts them."""

    first_step: int
    last_step: int
    block_steps: int
    block_rows: int  # every block has so many, filler included
    blocks: int  # that a rank has in a round that is no longer short

    @classmethod
    def of(
        cls, first_step: int, last_step: int, *, step_rows: int, world_size: int, rows: int, row_bytes: int = 0
    ) -> "Rounds":
        """Rounds of about ``rows`` rows for all ranks, or of ROUND_BYTES where that is less.

        ``row_bytes`` is the mean, 0 if not known; ``step_rows`` are those of a step of the busiest rank.
        """
        rows = min(rows, ROUND_BYTES // max(row_bytes, 1))
        block = min(BLOCK_ROWS, BLOCK_BYTES // max(row_bytes, 1), rows // world_size)
        steps = max(1, block // step_rows)
        blocks = max(1, rows // (world_size * steps * step_rows))
        return cls(first_step, last_step, steps, steps * step_rows, blocks)

    @property
    def _short(self) -> int:
        """How many rounds are short."""
        return (self.blocks - 1).bit_length()

    def _blocks_before(self, number: int) -> int:
        short = min(number, self._short)
        return (1 << short) - 1 + (number - short) * self.blocks

    def __len__(self) -> int:
        blocks = -(-(self.last_step - self.first_step) // self.block_steps)
        rest = blocks - self._blocks_before(self._short)
        return blocks.bit_length() if rest <= 0 else self._short - (-rest // self.blocks)

    def steps(self, number: int) -> list[range]:
        """The steps of each block of round ``number``."""
        first, stop = (self.first_step + self._blocks_before(n) * self.block_steps for n in (number, number + 1))
        begins = range(first, min(stop, self.last_step), self.block_steps)
        return [range(begin, min(begin + self.block_steps, self.last_step)) for begin in begins]
