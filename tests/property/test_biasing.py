"""What holds for every n-best list, every offer and every vector."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge.biasing import rescore
from edge.dialogue import Act, Catalogue, Expectation, Hypothesis, Recognized, Slot

WORDS = ("meg", "jones", "bauer", "the", "second", "one", "number", "two", "yes", "our", "Hour")
texts = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join) | st.text(max_size=8)
scores = st.floats(-5000, 0)


@st.composite
def nbests(draw: st.DrawFn) -> list[Hypothesis]:
    readings = draw(st.lists(texts, min_size=1, max_size=8, unique=True))
    ranked = sorted((draw(scores) for _ in readings), reverse=True)
    return [Hypothesis(text, score) for text, score in zip(readings, ranked, strict=True)]


catalogues = st.builds(Catalogue, st.sampled_from(Slot), st.lists(texts, max_size=6).map(tuple))
expectations = st.builds(
    Expectation,
    st.sampled_from(Act),
    st.sampled_from(Slot),
    st.lists(catalogues, max_size=2).map(tuple),
)
vectors = st.none() | st.dictionaries(texts, st.floats(-1, 1), max_size=6)


@given(nbests(), expectations, vectors)
def test_what_is_believed_was_heard(nbest, expectation, similarities):
    assert rescore(Recognized(tuple(nbest)), expectation, similarities) in {
        reading.text for reading in nbest
    }


@given(nbests(), st.sampled_from(Act), st.sampled_from(Slot), vectors)
def test_without_offers_the_first_text_is_byte_identical(nbest, act, slot, similarities):
    for offers in ((), (Catalogue(slot, ()),)):
        believed = rescore(Recognized(tuple(nbest)), Expectation(act, slot, offers), similarities)
        assert believed.encode("utf-8", "surrogatepass") == nbest[0].text.encode(
            "utf-8", "surrogatepass"
        )


@given(nbests(), expectations, vectors, st.floats(0, 1000))
def test_a_better_score_never_takes_a_reading_away(nbest, expectation, similarities, rise):
    believed = rescore(Recognized(tuple(nbest)), expectation, similarities)
    raised = [
        replace(reading, score=reading.score + rise) if reading.text == believed else reading
        for reading in nbest
    ]
    assert rescore(Recognized(tuple(raised)), expectation, similarities) == believed


@given(nbests(), expectations, st.floats(-1, 1))
def test_equal_similarities_are_as_good_as_none(nbest, expectation, cosine):
    same = {phrase: cosine for offer in expectation.catalogues for phrase in offer.phrases}
    scored = [replace(reading, score=round(reading.score)) for reading in nbest]
    assert rescore(Recognized(tuple(scored)), expectation, same) == rescore(
        Recognized(tuple(scored)), expectation, None
    )


@given(nbests(), expectations, vectors)
def test_a_far_better_score_is_always_believed(nbest, expectation, similarities):
    first, *others = nbest
    clear = [first, *(replace(other, score=first.score - 1000) for other in others)]
    assert rescore(Recognized(tuple(clear)), expectation, similarities) == first.text
