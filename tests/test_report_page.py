"""The report in a browser: nothing overflows, everything is legible, and its switches work.

A harness holds the page in frames of several widths, with script and without, and measures it
from outside (`report_probe.js`): the page is the very file that a reader opens.
"""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from analysis_runs import committed

from analysis import report
from analysis.names import look
from analysis.panels import by_rank
from analysis.verdicts import VERDICTS

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[1]
NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
WIDTHS = (360, 1200, 2000)
SCHEMES = {"dark": 0, "light": 1}
"""The value of Chromium's setting for each scheme that a reader may prefer."""
GROUNDS = {"dark": "rgb(20, 23, 26)", "light": "rgb(250, 250, 250)"}
FRAME = '<iframe id="{name}" src="{page}" style="width:{width}px;height:900px" {kind}></iframe>'
PLAIN = 'sandbox="allow-same-origin"'
"""A frame without script, into which the harness can look."""


@pytest.fixture(scope="module")
def read() -> report.Read:
    return committed()


@pytest.fixture(scope="module")
def page(read: report.Read, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if BROWSER is None:
        pytest.skip("no chromium on PATH: the report is not looked at in a browser")
    [path] = report.report(read, tmp_path_factory.mktemp("results"))
    return path


def looked_at(page: Path, scheme: str, directory: Path) -> dict[str, Any]:
    """What the probe measures with a colour scheme, by frame; nothing may stand on the console."""
    frames = [
        FRAME.format(name=f"{name}-{width}", page=page.as_uri(), width=width, kind=attribute)
        for name, attribute, widths in (("script", "", WIDTHS), ("plain", PLAIN, WIDTHS[:2]))
        for width in widths
    ]
    harness = directory / "harness.html"
    probe = (ROOT / "tests" / "report_probe.js").read_text()
    harness.write_text(
        "<!doctype html><html><head><style>:root { color-scheme: light dark }</style></head>"
        f"<body>{''.join(frames)}<pre></pre><script>{probe}</script></body></html>"
    )
    command = [
        *(str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
        *("--allow-file-access-from-files", "--enable-logging=stderr"),
        *(f"--user-data-dir={directory / 'profile'}", "--window-size=2100,1000"),
        f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
        *("--virtual-time-budget=120000", "--dump-dom", harness.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert [line for line in console if "Blocked script execution" not in line] == []
    [written] = re.findall(r"<pre>(.*?)</pre>", done.stdout, re.S) or [""]
    assert written, done.stderr
    found: dict[str, Any] = json.loads(unescape(written))
    return found


@pytest.fixture(scope="module", params=sorted(SCHEMES))
def seen(
    request: pytest.FixtureRequest, page: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What was measured in one colour scheme, by frame."""
    frames = looked_at(page, request.param, tmp_path_factory.mktemp(request.param))
    assert len(frames) == 5 and not [each["error"] for each in frames.values() if "error" in each]
    grounds = {each["ground"] for each in frames.values()}
    assert grounds == {GROUNDS[request.param]}, "the browser did not take the colour scheme"
    return frames


def scripted(seen: dict[str, Any]) -> list[dict[str, Any]]:
    return [frame for name, frame in seen.items() if name.startswith("script")]


def plain(seen: dict[str, Any]) -> list[dict[str, Any]]:
    return [frame for name, frame in seen.items() if name.startswith("plain")]


def test_the_page_never_overflows_sideways(seen: dict[str, Any]) -> None:
    assert [frame["width"] for frame in scripted(seen)] == list(WIDTHS)
    assert all(frame["needs"] == frame["width"] for frame in seen.values())


def test_the_verdict_stays_in_sight_however_far_the_claims_are_scrolled(
    seen: dict[str, Any], read: report.Read
) -> None:
    count = len(read.ledger)
    assert all((f["claims"]["rows"], f["claims"]["seen"]) == (count, count) for f in seen.values())
    assert seen["script-360"]["claims"]["scrolled"] > 100


def test_every_text_has_enough_contrast(seen: dict[str, Any]) -> None:
    for frame in seen.values():
        ratio, text = frame["contrast"]
        assert ratio >= 4.5, text


def test_nothing_is_asked_of_any_network(seen: dict[str, Any]) -> None:
    assert all(frame["loaded"] == [] and frame["broken"] == 0 for frame in seen.values())


def test_pressing_a_verdict_shows_its_claims_alone(seen: dict[str, Any], read: report.Read) -> None:
    judged = list(read.ledger.verdict)
    for frame in scripted(seen):
        assert frame["shown"] == judged
        for name, pressed in zip(VERDICTS, frame["pressed"], strict=True):
            count = judged.count(name)
            assert pressed["button"] == f"{count} {name}"
            assert pressed["shown"] == [name] * count
            assert pressed["told"].startswith(f"{count} of {len(judged)} claims")


def test_everything_that_can_be_used_shows_when_it_has_the_focus(seen: dict[str, Any]) -> None:
    assert all(shown for frame in scripted(seen) for _, shown in frame["focused"])


def test_every_panel_is_drawn_in_its_width_and_says_what_it_is(
    seen: dict[str, Any], read: report.Read
) -> None:
    curves = [each.curves() for each in read.found]
    panels = [panel for each in curves if each is not None for panel in each.panels]
    for frame in scripted(seen):
        assert len(frame["plots"]) == len(panels)
        for panel, plot in zip(panels, frame["plots"], strict=True):
            assert plot["label"].startswith(f"{panel.title}: {panel.y} against {panel.x}")
            assert plot["lines"] > 0
            assert 200 < plot["width"] == plot["drawing"] < frame["width"]


def test_pointing_at_a_mean_tells_its_value_and_interval(
    seen: dict[str, Any], read: report.Read
) -> None:
    curves = next(each.curves() for each in read.found if each.curves() is not None)
    means = curves.panels[0].means
    first = means[means.method == by_rank(means.method)[0]].iloc[-1]
    for frame in scripted(seen):
        name, at, interval = frame["said"]
        assert name.startswith(f"{look(first.method).label} (")
        assert at == f"at {first.x:.0f}: {first['mean']:.4g}"
        low, high = interval.removeprefix("95 % interval ").split(" to ")
        assert np.allclose([float(low), float(high)], [first.low, first.high], rtol=1e-4)


def test_methods_runs_and_axes_can_be_switched(seen: dict[str, Any]) -> None:
    for frame in scripted(seen):
        lines = frame["switched"]
        assert lines["all"] > lines["withoutRuns"] > lines["withoutRunsAndFirst"] > 0
        assert lines["again"] == lines["all"]
        assert (lines["x"], lines["y"]) == ("linear", "log")


def test_pictures_stand_where_nothing_is_drawn_and_everywhere_without_script(
    seen: dict[str, Any], read: report.Read
) -> None:
    pictures = sum(each.own is not None for each in read.found)
    drawn = sum(each.curves() is not None for each in read.found)
    assert drawn > 0
    for frame in scripted(seen):
        assert (frame["pictures"], frame["places"]) == (pictures - drawn, drawn)
    for frame in plain(seen):
        assert (frame["pictures"], frame["places"], frame["buttons"]) == (pictures, 0, 0)
        assert frame["shown"] == list(read.ledger.verdict)
