"""What ``raytrain train`` shows before it starts: the memory that a worker needs, by part."""

import io

from rich.console import Console
from rich.table import Table

from raytrain.train.needs import OF_THE_PROCESS, Needs, size

WIDTH = 100


def memory_lines(needs: Needs) -> list[str]:
    """A table, a line each: the parts, their sum at the peak, and what a worker has."""
    found, room, train = needs.memory(), needs.room, needs.train
    device = room.device if room else "cuda"
    host = "in the machine's memory, while it is written"
    parts = [
        ("weights", found.weights, "bf16" if train.bf16 else "fp32"),
        ("gathered weights", found.gathered, "of layers at work (ZeRO 3)"),
        ("optimizer", found.optimizer, "AdamW's moments" + (", fp32 masters" if train.zero_stage else "")),
        ("gradients", found.gradients, "with the buffers they travel in"),
        ("activations", found.activations, "of the longest batch, at most"),
        ("embeddings", found.embeddings, "vectors of the whole batch, and scores"),
        ("or: update", found.update, "what it takes in place of the three above"),
        ("process", OF_THE_PROCESS, "libraries, roughly"),
        ("checkpoint", found.checkpoint, host),
        ("or: restart", needs.restart, "a whole checkpoint there, before the first step"),
    ]
    table = Table(box=None, pad_edge=False, title=f"memory of each of {needs.workers} workers, estimated")
    for title, justify in (("part", "left"), ("bytes", "right"), ("", "left")):
        table.add_column(title, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for name, number, what in parts:
        if number:
            table.add_row(name, size(number), what)
    table.add_section()
    table.add_row("peak", size(needs.peak(found)), "" if device == "cpu" else "without checkpoints")
    if room and room.memory:
        shared = f", shared by {room.workers}" if room.workers > 1 else ""
        table.add_row("there is", size(room.each), f"{room.name}{shared}")
    written = io.StringIO()
    Console(file=written, width=WIDTH).print(table)
    return [line.rstrip() for line in written.getvalue().splitlines()]
