"""What all plots are drawn with: figures in pixels, written as inline SVG, the same bytes for the same numbers."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTE, RULE, BAND = "#1d2430", "#5c6675", "#dfe3e9", "#f4f6f9"
TINTS = ("#a6c8e4", "#f3c9a5", "#a9d8c6", "#e3c1dc", "#ecdf9f", "#c3c6ea", "#cfd4da")
FOOT = 44.0  # pixels below a plot, for its axis
_RC = {
    "svg.fonttype": "none",  # text stays text, in the reader's own font
    "svg.hashsalt": "raytrain",
    "text.parse_math": False,  # a dollar in a name is a dollar
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine measures alike
    "font.size": 11,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTE,
    "text.color": INK,
    "xtick.color": MUTE,
    "ytick.color": MUTE,
}


@contextmanager
def drawing() -> Iterator[None]:
    """The settings of a figure, to be made and written within: not what the user's own matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        yield


def figure_of(width: float, height: float) -> Figure:
    """A figure in pixels: matplotlib writes 72 SVG units an inch."""
    figure = Figure(figsize=(width / 72, height / 72))
    figure.patch.set_alpha(0)
    return figure


def axes_of(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """The axes of a figure, without a frame; ``left``, ``top``, ``width`` and ``height`` in pixels."""
    across, down = figure.get_size_inches() * 72
    axes = figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))
    axes.patch.set_alpha(0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0, labelsize=10)
    return axes


def short(text: str, most: int) -> str:
    """A text of at most ``most`` characters, its end cut off."""
    return text if len(text) <= most else text[: most - 1] + "…"


def svg(figure: Figure, title: str, key: str) -> str:
    """The figure as an element for an HTML page; ids begin with ``key``. Without a title it is decoration."""
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    root = ElementTree.fromstring(written.getvalue())
    used = set(re.findall(r"(?:url\(|\bhref=\")#([\w.-]+)", written.getvalue()))
    for element in root.iter():
        for child in [c for c in element if c.tag.endswith(("}metadata", "}style"))]:
            element.remove(child)  # a style inside an SVG would hold for the whole page
        # HTML knows the namespaces of SVG by itself, and ids must differ from those of the other plots.
        element.tag = element.tag.rpartition("}")[2]
        attributes = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
        element.attrib.clear()
        for name, value in attributes.items():
            if name == "id" and value in used:
                element.set(name, f"{key}-{value}")
            elif name != "id":
                mark = "^#" if name == "href" else r"url\(#"
                element.set(name, re.sub(mark, lambda found: f"{found[0]}{key}-", value))
    width, height = (f"{float(x):g}" for x in root.attrib["viewBox"].split()[2:])
    root.attrib.update({"width": width, "height": height})
    if title:
        # On a narrow screen it shrinks, but not to what cannot be read.
        smallest = f"min-width: {0.68 * float(width):.0f}px"
        root.attrib.update({"role": "img", "aria-labelledby": f"{key}-title", "class": "plot", "style": smallest})
        named = ElementTree.Element("title", {"id": f"{key}-title"})
        named.text = title
        root.insert(0, named)
    else:
        root.set("aria-hidden", "true")
    return ElementTree.tostring(root, encoding="unicode")
