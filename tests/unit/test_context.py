import numpy as np
import pytest

from edge.context import Encoder
from edge.dialogue import Act, Catalogue, Expectation, Slot
from edge.errors import EngineError, ModelError
from edge.protocols import Round
from edge.tflite import shipped

MANIFEST = shipped("context-encoder")
MEGS = (Round("call meg", "Do you mean Meg Jones or Meg Bauer?"),)
WHO = Expectation(Act.CHOOSE, Slot.CONTACT)
PAGE = "\u0645\u0631\u062d\u0628\u0627 \U0001f600 \x00\x1b[31m \ud800 " * 3


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(MANIFEST)


def offering(*phrases: str) -> Expectation:
    return Expectation(Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, phrases),))


def test_the_vector_is_of_unit_length(encoder):
    vector, near = encoder.encode(MEGS, WHO)
    assert len(vector) == encoder.vector_bytes == 4 * 128
    assert np.linalg.norm(np.frombuffer(vector, "<f4")) == pytest.approx(1.0, abs=1e-5)
    assert near == ()


def test_the_same_dialogue_gives_the_same_vector_whatever_is_on_offer(encoder):
    phrases = [f"contact {n}" for n in range(40)]
    vector, near = encoder.encode(MEGS, offering(*phrases))
    assert vector == encoder.encode(MEGS, WHO)[0]
    assert [phrase for phrase, _ in near] == phrases


def test_what_the_reply_offers_is_nearer_than_what_it_does_not(encoder):
    offered = ("meg bauer", "meg jones")
    others = ("power", "seven p m", "an action movie", "the italian restaurant")
    near = dict(encoder.encode(MEGS, offering(*others, *offered))[1])
    assert min(near[phrase] for phrase in offered) > max(near[phrase] for phrase in others)


def test_the_type_of_the_answer_follows_the_question(encoder):
    asked = (Round("book a table", "What time would you like the table?"),)
    time = Expectation(
        Act.REQUEST, Slot.TIME, (Catalogue(Slot.TIME, ("at half past seven", "in san jose")),)
    )
    near = dict(encoder.encode(asked, time)[1])
    assert near["at half past seven"] > near["in san jose"]


def test_act_slot_and_older_rounds_are_taken_in(encoder):
    alone = encoder.encode(MEGS, WHO)[0]
    older = (Round("play some jazz", "Here is some jazz."), *MEGS)
    assert encoder.encode(older, WHO)[0] != alone
    assert encoder.encode(MEGS, Expectation(Act.CONFIRM, Slot.YES_NO))[0] != alone


def test_resuming_from_what_was_kept_equals_starting_over(encoder):
    rounds = [Round(f"play number {n}", f"Playing {n}. Anything else?") for n in range(20)]
    memory = encoder.beginning
    for last, past in enumerate(rounds):
        resumed, _ = encoder.resume(memory, past, WHO)
        whole, _ = encoder.encode(rounds[: last + 1], WHO)
        cosine = np.frombuffer(resumed, "<f4") @ np.frombuffer(whole, "<f4")
        assert cosine >= 0.9999
        assert last >= 16 or resumed == whole
        memory = encoder.remember(memory, past)


@pytest.mark.parametrize("memory", [b"", b"\0" * 7, b"\0" * 100_000])
def test_what_another_encoder_kept_is_refused(encoder, memory):
    with pytest.raises(EngineError, match="not this encoder's; start over"):
        encoder.resume(memory, MEGS[0], WHO)


def test_the_model_tells_what_a_reply_asks(encoder):
    asked = (Round("book a table", "A table for two at Nopa. Is that right?"),)
    assert encoder.expected(asked) == (Act.CONFIRM, Slot.YES_NO)
    asked = (Round("book a table", "What time would you like the table?"),)
    assert encoder.expected(asked) == (Act.REQUEST, Slot.TIME)


def test_phrases_alone_are_embedded_as_beside_a_dialogue(encoder):
    phrases = [f"contact {n}" for n in range(20)]
    vector, near = encoder.encode(MEGS, offering(*phrases))
    alone = encoder.embed(phrases)
    assert np.linalg.norm(alone, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert alone @ np.frombuffer(vector, "<f4") == pytest.approx([c for _, c in near], abs=1e-5)


def test_a_phrase_is_embedded_once_and_too_many_are_cut_from_the_end(encoder):
    catalogues = (
        Catalogue(Slot.CONTACT, ("meg bauer", "meg bauer")),
        Catalogue(Slot.DEVICE, tuple(f"lamp {n}" for n in range(10_000))),
    )
    near = encoder.encode(MEGS, Expectation(Act.CHOOSE, Slot.CONTACT, catalogues))[1]
    assert [phrase for phrase, _ in near[:3]] == ["meg bauer", "lamp 0", "lamp 1"]
    assert len(near) <= 200


@pytest.mark.parametrize(
    "rounds",
    [
        (),
        (Round("", ""),),
        (Round("which " * 10_000, "one " * 10_000),) * 100,
        (Round(PAGE, PAGE),),
        (Round("x" * 100_000, "9" * 100_000),),
    ],
)
def test_any_dialogue_and_any_phrase_gives_a_vector(encoder, rounds):
    vector, near = encoder.encode(rounds, offering("", PAGE, "y" * 100_000, "name " * 10_000))
    assert np.isfinite(np.frombuffer(vector, "<f4")).all()
    assert len(near) == 4
    assert all(-1 <= cosine <= 1 for _, cosine in near)


def test_a_manifest_whose_limits_are_not_its_models_is_refused(tmp_path):
    copy = tmp_path / MANIFEST.name
    copy.write_text(MANIFEST.read_text().replace("batch = 16", "batch = 8"))
    with pytest.raises(ModelError, match=r"inputs and .* disagree; restore"):
        Encoder(copy)


def test_a_manifest_without_its_parameters_is_refused(tmp_path):
    copy = tmp_path / MANIFEST.name
    copy.write_text(MANIFEST.read_text().replace("phrase_words", "phrase_wards"))
    with pytest.raises(ModelError, match="phrase_words must be of type int"):
        Encoder(copy)
