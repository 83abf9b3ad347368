"""Figures as drawings and pages that need nothing else: no script, no font, no network.

The one door to svg.py; it knows figures and labels, and no word that was said. Colours are
classes, so that a page has them by day and by night.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import svg

LEFT, WIDTH, ROW = 180, 720, 26
LEAST_PERCENT = 10.0  # to each side of no change
GAUGE_WIDTH, GAUGE_HEIGHT, MOST_OF_BUDGET = 150, 22, 1.25
BINS, BINS_HIGH = 24, 120
LANE, MARGIN = 44, 8
STYLE = """
:root{color-scheme:light dark;--page:#fbfaf7;--card:#fff;--ink:#1d2530;--soft:#5d6875;
--line:#e3e0d8;--blue:#2563a8;--pale:#d7e4f3;--good:#1f7a4d;--bad:#b3372b;--warm:#b3701a}
@media(prefers-color-scheme:dark){:root{--page:#14181d;--card:#1b2027;--ink:#e7e9ec;--soft:#9aa5b1;
--line:#2d343d;--blue:#78aee8;--pale:#27405e;--good:#5cc08c;--bad:#f08a7e;--warm:#e3aa5c}}
*{box-sizing:border-box}
body{font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;max-width:64rem;
margin:0 auto;padding:2.5rem 1.25rem 4rem;background:var(--page);color:var(--ink)}
h1{font-size:clamp(1.7rem,5vw,2.5rem);line-height:1.15;letter-spacing:-.02em;margin:0 0 .4rem}
h2{font-size:1.3rem;letter-spacing:-.01em;margin:3rem 0 .3rem}
h3{font-size:1rem;margin:1.6rem 0 .2rem}
p{max-width:44rem;margin:.3rem 0 1rem}.soft,small,figcaption{color:var(--soft)}
section{border-top:1px solid var(--line);margin-top:2.6rem}section h2{margin-top:1.4rem}
.wide{overflow-x:auto;margin:.8rem 0 1.2rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.93rem}
td,th{padding:.4em .9em .4em 0;text-align:right;vertical-align:top;white-space:nowrap}
th{font-weight:600;color:var(--soft);font-size:.84rem;vertical-align:bottom}
td:first-child,th:first-child{text-align:left}tbody tr{border-top:1px solid var(--line)}
.good{color:var(--good)}.bad{color:var(--bad)}.good,.bad{font-weight:600}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));gap:.8rem;
margin:1.2rem 0}.tile{background:var(--card);border:1px solid var(--line);border-radius:.7rem;
padding:.8rem 1rem}.tile b{display:block;font-size:1.55rem;line-height:1.2;letter-spacing:-.02em}
.tile span{color:var(--soft);font-size:.86rem}
.boards article{display:grid;grid-template-columns:13rem 1fr;gap:.6rem 1.4rem;padding:1rem 0;
border-top:1px solid var(--line)}.boards h3{margin:0}.boards small,.budgets span{display:block;
font-size:.8rem;font-weight:400;color:var(--soft)}
.budgets{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.6rem,1fr));gap:.5rem 1rem}
@media(max-width:40rem){.boards article{grid-template-columns:1fr}}
details td:last-child,details th:last-child{text-align:left;white-space:normal;min-width:14rem}
summary{cursor:pointer;color:var(--soft)}figure{margin:1rem 0}figure svg{width:100%}
svg{max-width:100%;height:auto;display:block}svg.gauge{width:100%;max-width:152px}
svg.drawn{min-width:34rem}
text{fill:var(--ink);font-family:inherit}text.soft{fill:var(--soft)}
.axis{stroke:var(--line)}.limit{stroke:var(--ink);stroke-width:2}.mark{stroke:var(--warm);
stroke-width:1.5}.track,.pale{fill:var(--pale)}.track{opacity:.55}.fill{fill:var(--blue)}
.stroke{stroke:var(--blue);stroke-width:3}.over{fill:var(--bad)}.warm{fill:var(--warm)}
.fine{fill:var(--good)}.vague{fill:none;stroke:var(--soft);stroke-dasharray:4 4}
@media print{body{padding:0}section{break-inside:avoid}}
"""

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Change:
    """A relative change in percent with its interval; None where there was nothing to change."""

    label: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Span:
    """Something that lasted, in milliseconds from any zero. vague: its length is not known.

    kind: a class of `STYLE` that fills it.
    """

    label: str
    begins_ms: float
    ends_ms: float
    kind: str = "fill"
    vague: bool = False


def plotted(changes: Sequence[Change]) -> str:
    """One row a change, a point on its interval; left of the line is better."""
    ends = [end for one in changes for end in (one.value, one.low, one.high) if end is not None]
    lowest, highest = min([-LEAST_PERCENT, *ends]), max([LEAST_PERCENT, *ends])
    scale = (WIDTH - LEFT - 30) / (highest - lowest)

    def x(percent: float) -> float:
        return round(LEFT + (percent - lowest) * scale, 1)

    height = ROW * (len(changes) + 2)
    elements: list[svg.Element] = [
        svg.Line(x1=x(0), x2=x(0), y1=ROW / 2, y2=height - ROW, class_=["axis"]),
        *(_text(f"{end:+.0f} %", x(end), height - 6) for end in (lowest, 0.0, highest)),
    ]
    for row, one in enumerate(changes, 1):
        elements.append(_text(one.label, 4, row * ROW + 5, "start"))
        if one.value is None or one.low is None or one.high is None:
            continue
        y = row * ROW
        elements += [
            svg.Line(x1=x(one.low), x2=x(one.high), y1=y, y2=y, class_=["stroke"]),
            svg.Circle(cx=x(one.value), cy=y, r=5, class_=["fill"]),
        ]
    return _drawn(WIDTH, height, elements)


def gauge(low: float, mid: float, high: float, budget: float) -> str:
    """How much of a budget is used: a bar to `high`, its interval, and a line at the budget."""

    def x(figure: float) -> float:
        share = min(max(figure / budget, 0.0), MOST_OF_BUDGET)
        return round(share / MOST_OF_BUDGET * GAUGE_WIDTH, 1)

    kind, limit, middle = "over" if high > budget else "fill", x(budget), GAUGE_HEIGHT / 2
    elements: list[svg.Element] = [
        svg.Rect(x=0, y=middle - 4, width=limit, height=8, rx=2, class_=["track"]),
        svg.Rect(x=0, y=middle - 4, width=x(low), height=8, rx=2, class_=[kind]),
        svg.Rect(x=x(low), y=middle - 2, width=x(high) - x(low), height=4, class_=[kind]),
        svg.Line(x1=limit, x2=limit, y1=2, y2=GAUGE_HEIGHT - 2, class_=["limit"]),
    ]
    if low < high:
        elements.append(svg.Circle(cx=x(mid), cy=middle, r=4, class_=[kind]))
    return _drawn(GAUGE_WIDTH + 2, GAUGE_HEIGHT, elements, "gauge")


def histogram(values: Sequence[float], unit: str, marks: Mapping[str, float]) -> str:
    """How often which value occurs; marks: named values, drawn as lines. Empty of nothing."""
    if not values:
        return ""
    every = [0.0, *values, *marks.values()]
    lowest, highest = min(every), max(every)
    step = _round_up((highest - lowest) / BINS or 1.0)
    first = math.floor(lowest / step)
    counts = [0] * (math.floor(highest / step) - first + 1)
    for value in values:
        counts[math.floor(value / step) - first] += 1
    wide, floor = (WIDTH - 2 * MARGIN) / len(counts), BINS_HIGH + 34

    def x(value: float) -> float:
        return round(MARGIN + (value / step - first) * wide, 1)

    elements: list[svg.Element] = []
    for place, count in enumerate(counts, first):
        high = round(BINS_HIGH * count / max(counts), 1)
        elements.append(
            svg.Rect(
                x=x(place * step), y=floor - high, width=wide - 1, height=high, class_=["fill"]
            )
        )
    elements.append(svg.Line(x1=0, x2=WIDTH, y1=floor, y2=floor, class_=["axis"]))
    last = (first + len(counts)) * step
    elements.append(_text(f"{first * step:g} {unit}", x(first * step), floor + 18, "start", "soft"))
    elements.append(_text(f"{last:g} {unit}", x(last), floor + 18, "end", "soft"))
    for row, (name, at) in enumerate(marks.items()):
        elements += _marked(f"{name}: {at:,.4g} {unit}", x(at), 13 + 15 * row, floor)
    return _drawn(WIDTH, floor + 24, elements)


def _marked(text: str, x: float, y: float, floor: float) -> list[svg.Element]:
    right = x > WIDTH * 0.6
    return [
        svg.Line(x1=x, x2=x, y1=y - 9, y2=floor, class_=["mark"]),
        _text(text, x - 5 if right else x + 5, y, "end" if right else "start"),
    ]


def timeline(spans: Sequence[Span], moments: Mapping[str, float]) -> str:
    """One lane a span, its label above its bar; moments are lines through all lanes."""
    ends = [one.begins_ms for one in spans] + [one.ends_ms for one in spans]
    lowest, highest = min(*ends, *moments.values()), max(*ends, *moments.values())
    scale = (WIDTH - 2 * MARGIN) / (highest - lowest or 1.0)

    def x(at_ms: float) -> float:
        return round(MARGIN + (at_ms - lowest) * scale, 1)

    floor = 22 + LANE * len(spans)
    elements: list[svg.Element] = []
    for row, (name, at_ms) in enumerate(moments.items()):
        elements.append(svg.Line(x1=x(at_ms), x2=x(at_ms), y1=4, y2=floor, class_=["mark"]))
        side: Anchor = "end" if x(at_ms) > WIDTH * 0.6 else "start"
        elements.append(_text(name, x(at_ms), floor + 16 * (row + 1), side, "soft"))
    for lane, one in enumerate(spans):
        top, left = 18 + LANE * lane, x(one.begins_ms)
        wide = max(x(one.ends_ms) - left, 3.0)
        side = "end" if left > WIDTH * 0.5 else "start"
        elements += [
            _text(one.label, left + wide - 4 if side == "end" else left + 4, top, side),
            svg.Rect(
                x=left,
                y=top + 6,
                width=wide,
                height=14,
                rx=4,
                class_=["vague" if one.vague else one.kind],
            ),
        ]
    return _drawn(WIDTH, floor + 16 * len(moments) + 8, elements)


def page(title: str, plots: Mapping[str, Sequence[Change]], table: Sequence[Sequence[str]]) -> str:
    """An HTML page: the plots under their headings, then the table, its first row the heads."""
    drawn = [f"<h2>{escape(head)}</h2>{framed(plotted(one))}" for head, one in plots.items()]
    return document(title, [f"<h1>{escape(title)}</h1>", *drawn, tabled(table)])


def figure(value: float | None) -> str:
    """A figure as people read it."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def share(value: float | None) -> str:
    """A share as people read it: 100 % only if it is all."""
    if value is None:
        return "-"
    return f"{100 * value:.6g} %" if value > 0.999 else f"{100 * value:.3g} %"


def document(title: str, parts: Sequence[str]) -> str:
    """A whole page; parts: HTML, escaped by whoever made it."""
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    opened = f'<!doctype html><html lang="en">{head}<title>{escape(title)}</title>'
    return "\n".join([opened, f"<style>{STYLE}</style>", *parts, "</html>"])


def framed(drawing: str, caption: str = "") -> str:
    """A drawing that a narrow screen can push sideways, and what there is to see."""
    told = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure><div class="wide">{drawing}</div>{told}</figure>'


def tabled(rows: Sequence[Sequence[str]]) -> str:
    """A table of texts, its first row the heads."""
    return "".join(_tabled([[escape(cell) for cell in row] for row in rows]))


def tabled_html(rows: Sequence[Sequence[str]]) -> str:
    """The same of cells that are HTML, escaped by whoever made them."""
    return "".join(_tabled(rows))


def _tabled(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    head, *others = rows
    yield f'<div class="wide"><table><thead>{_row(head, "th")}</thead><tbody>'
    yield from (_row(row, "td") for row in others)
    yield "</tbody></table></div>"


def _row(cells: Sequence[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>"


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, …: what people like on an axis."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * one for one in (1, 2, 5, 10, 20) if power * one >= value)


def _drawn(width: float, height: float, elements: list[svg.Element], kind: str = "drawn") -> str:
    return str(
        svg.SVG(viewBox=svg.ViewBoxSpec(0, 0, width, height), elements=elements, class_=[kind])
    )


def _text(text: str, x: float, y: float, anchor: Anchor = "middle", kind: str = "") -> svg.Text:
    """svg.py leaves escaping to its caller."""
    kinds = [kind] if kind else None
    return svg.Text(text=escape(text), x=x, y=y, font_size=13, text_anchor=anchor, class_=kinds)
