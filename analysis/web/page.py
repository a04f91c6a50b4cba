"""The whole page: what came out, all claims, a chapter each, and what was run."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from analysis import catalogue, coverage, drawing, settings, tidy
from analysis.chapter import Found
from analysis.ledger import TEXT
from analysis.names import SCALES
from analysis.pages import AGAIN, counted
from analysis.web import ledger
from analysis.web.elements import Link, details, downloads, paragraph, picture, prose, table
from analysis.web.plots import plots
from analysis.words import number

TITLE = "Trust Region Policy Optimization, reproduced"
HERE = Path(__file__).parent
TABLES = ("csv", "md")
"""As what the tables beside the page are written."""


class Section(NamedTuple):
    """A heading, the mark that links lead to, and what stands under it."""

    title: str
    mark: str
    content: str

    def __str__(self) -> str:
        """The element."""
        return (
            f'<section id="{self.mark}" aria-labelledby="{self.mark}-title">\n'
            f'<h2 id="{self.mark}-title">{escape(self.title)}</h2>\n{self.content}</section>\n'
        )


def page(
    runs: pd.DataFrame, found: Sequence[Found[Any]], judged: pd.DataFrame, compared: pd.DataFrame
) -> str:
    """All scales, as one self-contained page, which lies in a folder beside the files' own."""
    sections = [_claims(judged), *map(_chapter, found), *_settings(compared), _runs(runs)]
    links = "".join(f"<li>{Link(each.title, f'#{each.mark}')}</li>" for each in sections)
    return (
        f"<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(TITLE)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{_asset('page.css')}</style></head>\n"
        f'<body><a class="skip" href="#claims">Skip to the claims</a>\n'
        f"<header><h1>{escape(TITLE)}</h1>\n"
        f'<p class="lead">{prose(counted(judged))} {prose(_basis(runs))}</p>\n'
        f"{ledger.strip(judged)}</header>\n"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n'
        f"<main>\n{''.join(map(str, sections))}</main>\n"
        f"{''.join(_scripts(found))}</body></html>\n"
    )


def _basis(runs: pd.DataFrame) -> str:
    """What stands behind the verdicts, in a sentence."""
    overview = catalogue.overview(runs)
    scales = [f"“{scale}”" for scale in SCALES if scale in set(overview.scale)]
    count, hours = int(overview.runs.sum()), number(float(overview.hours.sum()))
    return f"They rest on {count:,} runs at scale {', '.join(scales)}: {hours} hours of computing."


def _claims(judged: pd.DataFrame) -> Section:
    how = details("How a verdict is reached", paragraph(TEXT))
    levels = table(coverage.table(), "How often intervals cover")
    sure = details("How often an interval covers", paragraph(coverage.TEXT) + levels)
    files = downloads([("All claims", _files("tables", "claims", TABLES))])
    content = how + sure + ledger.table(judged) + files
    return Section("What the paper claims", "claims", content)


def _chapter(each: Found[Any]) -> Section:
    title = f"{each.chapter.title} ({each.scale})"
    content = [
        paragraph(each.chapter.text),
        *_figure(each),
        table(each.table.words, f"The table of: {title}"),
        details("How these numbers were made", _made(each.runs)),
        downloads(_downloads(each)),
    ]
    return Section(title, each.stem, "".join(content))


def _figure(each: Found[Any]) -> Iterator[str]:
    """The picture; where the script can draw its curves, they take the picture's place."""
    if figure := each.picture:
        drawn = picture(drawing.render(figure, "svg"), each.chapter.alternative)
        curves = each.curves()
        yield f"<figure>{drawn}{'' if curves is None else plots(curves, each.stem)}</figure>\n"


def _made(runs: pd.DataFrame) -> str:
    """What was run, at which commit and where, and the commands that run it again."""
    commands = catalogue.commands(runs)
    parts = [
        table(catalogue.overview(runs), "What was run"),
        table(catalogue.machines(runs), "Where it was run"),
    ]
    if len(commands):
        parts += [paragraph(AGAIN), table(commands, "Commands")]
    return "".join(parts)


def _downloads(each: Found[Any]) -> Iterator[tuple[str, list[Link]]]:
    if each.own is not None:
        yield "Picture", _files("figures", each.stem, drawing.KINDS)
    yield "Table", _files("tables", each.stem, TABLES)
    for experiment in sorted(set(each.runs.experiment)):
        stem, kinds = f"{tidy.name(experiment)}__{each.scale}", ("csv", "runs.csv")
        yield f"Runs of {experiment or 'no experiment'}", _files("data", stem, kinds)


def _files(folder: str, stem: str, kinds: Sequence[str]) -> list[Link]:
    """Links to files beside the page's folder, by their kinds."""
    return [Link(f"{stem}.{kind}", f"../{folder}/{stem}.{kind}") for kind in kinds]


def _settings(compared: pd.DataFrame) -> Iterator[Section]:
    """The paper's tables of settings, ours beside."""
    for name, each in settings.tables(compared):
        title = settings.TITLES[name]
        files = downloads([("Table", _files("tables", name, TABLES))])
        content = paragraph(settings.TEXT) + table(each.words, title) + files
        yield Section(title, name, content)


def _runs(runs: pd.DataFrame) -> Section:
    failed = catalogue.failures(runs)
    told = "" if failed.empty else table(failed, "The runs that failed")
    content = paragraph(catalogue.TEXT) + table(catalogue.overview(runs), "All runs") + told
    return Section("What was run", "runs", content)


def _scripts(found: Sequence[Found[Any]]) -> Iterator[str]:
    """Our script, after the library that draws if there is something to draw."""
    if any(each.curves() is not None for each in found):
        from plotly.offline import get_plotlyjs

        yield f"<script>{get_plotlyjs()}</script>\n"
    yield f"<script>\n{_asset('page.js')}</script>\n"


def _asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
