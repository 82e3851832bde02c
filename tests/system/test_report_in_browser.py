"""The report in a real browser: nothing overflows at a desk or on a phone, nothing is fetched, and Arabic runs right.

Needs a `chromium` (or `google-chrome`) on PATH; without one these tests are skipped.
"""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from made_reports import DEMO, report_of, result_of
from made_sweeps import made_sweep
from raytrain.evaluate.metrics import METRICS
from raytrain.report.page import render
from raytrain.report.sweep_page import sweep_page
from raytrain.study.results import PRIMARY, Failure, Passage, Results

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.system, pytest.mark.skipif(BROWSER is None, reason="needs a chromium on PATH")]

# Opens everything that is folded, then measures from outside: the page itself holds no script.
FRAME = """<!DOCTYPE html><meta charset="utf-8"><title>…</title>
<iframe id="f" src="%s.html" style="width:%dpx;height:900px;border:0"></iframe><pre id="found"></pre>
<script>
document.getElementById("f").onload = event => {
  const page = event.target.contentDocument
  page.querySelectorAll("details").forEach(d => { d.open = true })
  const wide = page.documentElement.clientWidth
  const scrolls = e => e.closest(".scroll, .panels > div, pre")
  const out = [...page.body.querySelectorAll("*")].filter(e => {
    const box = e.getBoundingClientRect()
    return box.width > 0 && box.right > wide + 1 && !scrolls(e)
  })
  const asked = [...page.querySelectorAll(".failure .question")]
  const why = [...page.querySelectorAll("td.words")].filter(e => /^[\u0600-\u06ff]/.test(e.textContent))
  document.getElementById("found").textContent = JSON.stringify({
    width: wide,
    scrolls: page.documentElement.scrollWidth,
    out: out.slice(0, 5).map(e => e.tagName + " " + e.className + " " + e.textContent.slice(0, 40)),
    directions: asked.map(e => [e.lang, getComputedStyle(e).direction]),
    arabic: why.map(e => getComputedStyle(e).direction),
    fetched: event.target.contentWindow.performance.getEntriesByType("resource").map(e => e.name),
  })
}
</script>"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder with the pages of a wide study and of a wide sweep, and its address on this machine."""
    folder = tmp_path_factory.mktemp("page")
    study = result_of(["english", "non-english", "mixed with a rather long name", "temperature 3"], DEMO)
    texts = {
        "ara": "من اخترع الهاتف؟",
        "jpn": "電話を発明したのは誰ですか。",
        "eng": "w" * 300,
        "tha": "ใครเป็นผู้ประดิษฐ์โทรศัพท์",
    }
    failures = [
        Failure(
            system="mixed with a rather long name",
            benchmark=study.name,
            language=language,
            question="q",
            text=text,
            score=0.0,
            found=[Passage(passage="p" * 120, text=text * 3, score=0.8, relevant=False)],
            missed=Passage(passage="p2", text=text, score=None, relevant=True),
        )
        for language, text in texts.items()
    ]
    (folder / "report.html").write_text(render(report_of(study, failures=failures)), encoding="utf-8")
    sweep = made_sweep(40, DEMO, ["average", "worst", "never_trained"], name="a sweep " + "w" * 60)
    failed = sweep.trials[12].model_copy(update={"why": "نفدت الذاكرة " + "w" * 200})
    sweep = sweep.model_copy(update={"trials": [*sweep.trials[:12], failed, *sweep.trials[13:]]})
    confirmation = Results(primary=PRIMARY, metrics=list(METRICS), benchmarks=[study])
    (folder / "sweep.html").write_text(sweep_page(sweep, confirmation), encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def browse(*options: str) -> subprocess.CompletedProcess[str]:
    """Runs the browser without a window; gives what it wrote."""
    fixed = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--virtual-time-budget=20000",
    ]
    return subprocess.run([str(BROWSER), *fixed, *options], capture_output=True, text=True, timeout=300, check=True)


@pytest.mark.parametrize("page", ["report", "sweep"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_overflows_and_nothing_is_fetched(served: tuple[Path, str], page: str, width: int) -> None:
    folder, address = served
    (folder / f"frame-{page}-{width}.html").write_text(FRAME % (page, width), encoding="utf-8")
    done = browse(f"--window-size={width + 100},1000", "--dump-dom", f"{address}/frame-{page}-{width}.html")
    (text,) = re.findall(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    found = json.loads(unescape(text))
    assert found["width"] == pytest.approx(width, abs=20)  # a scroll bar
    assert found["out"] == []
    assert found["scrolls"] <= found["width"]
    assert found["fetched"] == []
    languages = {"ar": "rtl", "ja": "ltr", "en": "ltr", "th": "ltr"}
    assert dict(found["directions"]) == (languages if page == "report" else {})
    assert found["arabic"] == ([] if page == "report" else ["rtl"])
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("page", ["report", "sweep"])
def test_a_picture_of_it_can_be_taken(served: tuple[Path, str], page: str, tmp_path: Path) -> None:
    """To be looked at by whoever changes it: its place is printed."""
    _, address = served
    for name, size in {"desk": "1280,2400", "phone": "390,2400"}.items():
        shot = tmp_path / f"{name}.png"
        browse(f"--window-size={size}", f"--screenshot={shot}", f"{address}/{page}.html")
        print(shot)
        assert shot.stat().st_size > 20_000
