"""What holds for every n-best list, every offer and every vector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from edge.assembly import shipped_rescorer
from edge.dialogue import Act, Catalogue, Expectation, Hypothesis, Recognized, Slot
from edge.sounds import pronunciations
from edge.text import spoken

rescore = shipped_rescorer().rescore

WORDS = ("meg", "jones", "bauer", "power", "the", "second", "one", "too", "know", "our", "Hour")
texts = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join) | st.text(max_size=8)
scores = st.floats(-5000, 0)


@st.composite
def nbests(draw: st.DrawFn) -> tuple[Hypothesis, ...]:
    readings = draw(st.lists(texts, min_size=1, max_size=7, unique=True))
    ranked = sorted((draw(scores) for _ in readings), reverse=True)
    return tuple(Hypothesis(text, score) for text, score in zip(readings, ranked, strict=True))


catalogues = st.builds(Catalogue, st.sampled_from(Slot), st.lists(texts, max_size=6).map(tuple))
expectations = st.builds(
    Expectation,
    st.sampled_from(Act),
    st.sampled_from(Slot),
    st.lists(catalogues, max_size=2).map(tuple),
)
vectors = st.none() | st.dictionaries(texts, st.floats(-1, 1), max_size=6)
untyped = st.sampled_from((Slot.CONTACT, Slot.PLACE, Slot.OTHER))


@given(nbests(), expectations, vectors, nbests(), st.integers(0, 500))
def test_it_never_fails_and_without_native_search_says_only_what_was_heard_or_offered(
    nbest, expectation, similarities, expected, frames
):
    rescore(Recognized(nbest, expected, frames), expectation, similarities)
    believed = rescore(Recognized(nbest), expectation, similarities)
    offered = {
        word
        for catalogue in expectation.catalogues
        for phrase in catalogue.phrases
        for word in spoken(phrase, 16)
    }
    said = {word for reading in nbest for word in reading.text.split()}
    typed = {"no", "two", "one", "hour", "second", "four", "to", "for", "oh", "a", "i", "the", "us"}
    assert believed in {reading.text for reading in nbest} or (
        set(believed.split()) <= said | offered | typed
    )


@given(nbests(), untyped, vectors)
def test_without_offers_the_first_text_is_byte_identical(nbest, slot, similarities):
    for offers in ((), (Catalogue(slot, ()),), (Catalogue(slot, ("", "...")),)):
        expectation = Expectation(Act.REQUEST, slot, offers)
        believed = rescore(Recognized(nbest), expectation, similarities)
        assert believed.encode("utf-8", "surrogatepass") == nbest[0].text.encode(
            "utf-8", "surrogatepass"
        )


@given(nbests(), expectations, vectors, st.floats(0, 1000))
def test_a_better_score_never_takes_a_reading_away(nbest, expectation, similarities, rise):
    believed = rescore(Recognized(nbest), expectation, similarities)
    raised = tuple(
        replace(reading, score=reading.score + rise) if reading.text == believed else reading
        for reading in nbest
    )
    assert rescore(Recognized(raised), expectation, similarities) == believed


@given(nbests(), expectations, st.floats(-1, 1))
def test_equal_similarities_are_as_good_as_none(nbest, expectation, cosine):
    same = {phrase: cosine for offer in expectation.catalogues for phrase in offer.phrases}
    assert rescore(Recognized(nbest), expectation, same) == rescore(
        Recognized(nbest), expectation, None
    )


@given(nbests(), expectations, vectors)
@example(
    [Hypothesis(text, 0.0) for text in ("meg jones", "", "meg", "jones jones")],
    Expectation(Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, ("jones jones",)),)),
    None,
)
def test_readings_that_were_hardly_heard_change_nothing(nbest, expectation, similarities):
    first, *others = nbest
    clear = (first, *(replace(other, score=first.score - 4000) for other in others))
    alone = rescore(Recognized((first,)), expectation, similarities)
    assert rescore(Recognized(clear), expectation, similarities) == alone


@given(st.text())
def test_every_string_has_sounds_or_none(word):
    for said in pronunciations(word):
        assert said


@given(nbests(), st.sampled_from(Slot), st.integers(0, 2**32 - 1))
def test_a_vector_alone_chooses_among_what_was_heard(nbest, slot, seed):
    vector = np.random.default_rng(seed).normal(size=128)
    unit = (vector / np.linalg.norm(vector)).astype("<f4").tobytes()
    untyped = Expectation(Act.REQUEST, Slot.OTHER, (Catalogue(slot, ()),))
    believed = rescore(Recognized(tuple(nbest)), untyped, None, None, unit)
    assert believed in {reading.text for reading in nbest}


@given(nbests(), expectations)
def test_a_vector_of_another_size_changes_nothing(nbest, expectation):
    recognized = Recognized(tuple(nbest))
    plain = rescore(recognized, expectation, None)
    assert rescore(recognized, expectation, None, None, bytes(12)) == plain
