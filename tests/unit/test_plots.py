"""Drawings and pages: well-formed, to scale, self-contained, harmless."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from edge.plots import (
    Change,
    Span,
    document,
    figure,
    gauge,
    histogram,
    page,
    plotted,
    share,
    timeline,
)

CHANGES = [
    Change("all", -25.0, -40.0, -10.0),
    Change("<slot> & co", 5.0, -1.0, 12.0),
    Change("nothing", None, None, None),
]
SVG = "{http://www.w3.org/2000/svg}"


def test_a_change_is_a_point_on_its_interval() -> None:
    drawn = ElementTree.fromstring(plotted(CHANGES))  # noqa: S314 - made here
    better, worse = (float(one.attrib["cx"]) for one in drawn.iter(f"{SVG}circle"))
    zero, first, _ = drawn.iter(f"{SVG}line")
    assert better < float(zero.attrib["x1"]) < worse
    assert float(first.attrib["x1"]) < better < float(first.attrib["x2"])
    assert "<slot> & co" in [one.text for one in drawn.iter(f"{SVG}text")]


def test_a_page_needs_nothing_else_and_escapes_what_it_shows() -> None:
    made = page("Signals", {"+screen <x>": CHANGES}, [["signal", "n"], ["<b>", "3"]])
    assert made.count("<svg") == 1
    assert "<script" not in made
    assert "src=" not in made
    assert "&lt;b&gt;" in made
    assert "+screen &lt;x&gt;" in made


def drawn(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - made here


def rects(text: str) -> list[dict[str, str]]:
    return [one.attrib for one in drawn(text).iter(f"{SVG}rect")]


def test_a_bar_is_red_only_when_its_slow_end_is_beyond_the_budget() -> None:
    assert 'class="over"' not in gauge(50, 100, 150, 150)
    assert 'class="over"' in gauge(50, 100, 151, 150)


def test_a_bar_ends_where_its_share_of_the_budget_is() -> None:
    track, bar, _ = rects(gauge(75, 75, 75, 150))
    assert float(bar["width"]) == pytest.approx(float(track["width"]) / 2)
    _, endless, interval = rects(gauge(1e9, 1e9, 1e9, 1))
    assert float(endless["width"]) <= 152
    assert float(interval["width"]) == 0


def test_every_value_is_in_one_column() -> None:
    columns = rects(histogram([-3.0, 0.0, 0.1, 7.0, 7.0], "ms", {"median": 0.1}))
    heights = [float(one["height"]) for one in columns]
    assert max(heights) == 120
    assert sum(heights) == pytest.approx(120 / 2 * 5)


@pytest.mark.parametrize("values", [[5.0], [0.0, 0.0], [1e-9, 2e9], [-4.0]])
def test_columns_fit_the_drawing_whatever_the_values(values: list[float]) -> None:
    columns = rects(histogram(values, "ms", {}))
    assert all(0 <= float(one["x"]) <= 720 for one in columns)
    assert len(columns) <= 60


def test_nothing_has_no_columns() -> None:
    assert histogram([], "ms", {}) == ""


def test_a_timeline_keeps_the_order_of_time() -> None:
    spans = [Span("sound", -1000, 0), Span("<vector>", -900, -880), Span("answer", 5, 300)]
    made = timeline(spans, {"re-opened": 5.0})
    sound, vector, answer = rects(made)
    assert float(sound["x"]) < float(vector["x"]) < float(answer["x"])
    assert float(vector["width"]) >= 3
    assert "<vector>" in [one.text for one in drawn(made).iter(f"{SVG}text")]


def test_figures_and_shares_as_people_read_them() -> None:
    assert [figure(one) for one in (None, 3.0, 12345.6, 0.12345)] == ["-", "3", "12,346", "0.123"]
    assert [share(one) for one in (None, 1.0, 0.99996, 0.123)] == [
        "-",
        "100 %",
        "99.996 %",
        "12.3 %",
    ]


def test_a_page_is_for_day_and_night() -> None:
    made = document("<t>", ["<p>x</p>"])
    assert "prefers-color-scheme:dark" in made
    assert "&lt;t&gt;" in made
    assert "width=device-width" in made
