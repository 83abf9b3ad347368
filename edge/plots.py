"""Changes and their intervals as a page that needs nothing else: a table and drawn plots.

The one door to svg.py; it knows figures, and no word that was said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import svg

LEFT, WIDTH, ROW = 180, 720, 26
STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right}"
    "td:first-child,th:first-child{text-align:left}tr{border-bottom:1px solid #ddd}"
    "svg{max-width:100%;height:auto}"
)


@dataclass(frozen=True, slots=True)
class Change:
    """A relative change in percent with its interval; None where there was nothing to change."""

    label: str
    value: float | None
    low: float | None
    high: float | None


def plotted(changes: Sequence[Change]) -> str:
    """One row a change, a point on its interval; left of the line is better."""
    ends = [end for one in changes for end in (one.value, one.low, one.high) if end is not None]
    lowest, highest = min([-10.0, *ends]), max([10.0, *ends])
    scale = (WIDTH - LEFT - 20) / (highest - lowest)

    def x(percent: float) -> float:
        return round(LEFT + (percent - lowest) * scale, 1)

    height = ROW * (len(changes) + 2)
    elements: list[svg.Element] = [
        svg.Line(x1=x(0), x2=x(0), y1=ROW / 2, y2=height - ROW, stroke="#999"),
        *(_text(f"{end:+.0f} %", x(end), height - 6) for end in (lowest, 0.0, highest)),
    ]
    for row, one in enumerate(changes, 1):
        elements.append(_text(one.label, 4, row * ROW + 5, "start"))
        if one.value is None or one.low is None or one.high is None:
            continue
        elements += [
            svg.Line(x1=x(one.low), x2=x(one.high), y1=row * ROW, y2=row * ROW, stroke="#369"),
            svg.Circle(cx=x(one.value), cy=row * ROW, r=5, fill="#369"),
        ]
    return str(svg.SVG(viewBox=svg.ViewBoxSpec(0, 0, WIDTH, height), elements=elements))


def page(title: str, plots: Mapping[str, Sequence[Change]], table: Sequence[Sequence[str]]) -> str:
    """An HTML page: the plots under their headings, then the table, its first row the heads."""
    return "\n".join(_page(title, plots, table))


def _page(
    title: str, plots: Mapping[str, Sequence[Change]], table: Sequence[Sequence[str]]
) -> Iterator[str]:
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
    yield f"<style>{STYLE}</style><h1>{escape(title)}</h1>"
    for heading, changes in plots.items():
        yield f"<h2>{escape(heading)}</h2>{plotted(changes)}"
    head, *rows = table
    yield f"<table><thead>{_row(head, 'th')}</thead><tbody>"
    yield from (_row(row, "td") for row in rows)
    yield "</tbody></table></html>"


def _row(cells: Sequence[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _text(text: str, x: float, y: float, anchor: Literal["start", "middle"] = "middle") -> svg.Text:
    """svg.py leaves escaping to its caller."""
    return svg.Text(text=escape(text), x=x, y=y, font_size=13, text_anchor=anchor)
