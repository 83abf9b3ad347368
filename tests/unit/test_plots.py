"""The page of an experiment: well-formed, self-contained, harmless."""

from __future__ import annotations

from xml.etree import ElementTree

from edge.plots import Change, page, plotted

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
