"""The templates of the pages: all text that is put in is escaped."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from raytrain.report.copies import copies_of


def environment() -> Environment:
    """Where templates of this folder, and the macros that they share, are found."""
    found = Environment(
        loader=PackageLoader("raytrain", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["copies_of"] = copies_of
    return found
