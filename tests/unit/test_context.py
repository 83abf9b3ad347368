import hashlib
import re
from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest

from edge import text
from edge.context import Encoder, hosted
from edge.dialogue import Act, Catalogue, Expectation, Slot
from edge.errors import EngineError, ModelError
from edge.protocols import Round
from edge.tflite import Manifest, shipped

MANIFEST = shipped("context-encoder")
MEGS = (Round("call meg", "Do you mean Meg Jones or Meg Bauer?"),)
WHO = Expectation(Act.CHOOSE, Slot.CONTACT)
PAGE = "\u0645\u0631\u062d\u0628\u0627 \U0001f600 \x00\x1b[31m \ud800 " * 3


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(Manifest.load(MANIFEST))


def offering(*phrases: str) -> Expectation:
    return Expectation(Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, phrases),))


def test_the_vector_is_of_unit_length(encoder):
    encoded = encoder.encode(MEGS, WHO)
    vector, near = encoded.vector, encoded.similarities
    assert len(vector) == encoder.vector_bytes == 4 * 128
    assert np.linalg.norm(np.frombuffer(vector, "<f4")) == pytest.approx(1.0, abs=1e-5)
    assert near == ()


def test_the_same_dialogue_gives_the_same_vector_whatever_is_on_offer(encoder):
    phrases = [f"contact {n}" for n in range(40)]
    encoded = encoder.encode(MEGS, offering(*phrases))
    assert encoded.vector == encoder.encode(MEGS, WHO).vector
    assert [phrase for phrase, _ in encoded.similarities] == phrases


def test_what_the_reply_offers_is_nearer_than_what_it_does_not(encoder):
    offered = ("meg bauer", "meg jones")
    others = ("power", "seven p m", "an action movie", "the italian restaurant")
    near = dict(encoder.encode(MEGS, offering(*others, *offered)).similarities)
    assert min(near[phrase] for phrase in offered) > max(near[phrase] for phrase in others)


def test_the_type_of_the_answer_follows_the_question(encoder):
    asked = (Round("book a table", "What time would you like the table?"),)
    time = Expectation(
        Act.REQUEST, Slot.TIME, (Catalogue(Slot.TIME, ("at half past seven", "in san jose")),)
    )
    near = dict(encoder.encode(asked, time).similarities)
    assert near["at half past seven"] > near["in san jose"]


def test_act_slot_and_older_rounds_are_taken_in(encoder):
    alone = encoder.encode(MEGS, WHO).vector
    older = (Round("play some jazz", "Here is some jazz."), *MEGS)
    assert encoder.encode(older, WHO).vector != alone
    assert encoder.encode(MEGS, Expectation(Act.CONFIRM, Slot.YES_NO)).vector != alone


def test_going_on_from_what_was_kept_equals_starting_over(encoder):
    rounds = [Round(f"play number {n}", f"Playing {n}. Anything else?") for n in range(20)]
    memory = b""
    for last, past in enumerate(rounds):
        resumed = encoder.encode([past], WHO, memory)
        whole = encoder.encode(rounds[: last + 1], WHO)
        cosine = np.frombuffer(resumed.vector, "<f4") @ np.frombuffer(whole.vector, "<f4")
        assert cosine >= 0.9999
        assert last >= 16 or resumed == whole
        memory = resumed.memory


def test_what_is_kept_does_not_tell_what_was_asked_or_on_offer(encoder):
    alone = encoder.encode(MEGS, WHO).memory
    assert encoder.encode(MEGS, offering(*"abc")).memory == alone
    assert encoder.encode(MEGS, Expectation(Act.CONFIRM, Slot.YES_NO)).memory == alone


def kept_by_another(encoder: Encoder) -> list[bytes]:
    kept = encoder.encode(MEGS, WHO).memory
    other_model = bytes([kept[0] ^ 1]) + kept[1:]
    return [b"\0", kept[:-1], kept + b"\0", kept[8:], other_model, b"\0" * 100_000]


def test_what_another_encoder_kept_is_refused(encoder):
    for memory in kept_by_another(encoder):
        with pytest.raises(EngineError, match="not this encoder's; start over"):
            encoder.encode(MEGS, WHO, memory)


def test_the_model_tells_what_a_reply_asks(encoder):
    asked = (Round("book a table", "A table for two at Nopa. Is that right?"),)
    assert encoder.expected(asked) == (Act.CONFIRM, Slot.YES_NO)
    asked = (Round("book a table", "What time would you like the table?"),)
    assert encoder.expected(asked) == (Act.REQUEST, Slot.TIME)


def test_phrases_alone_are_embedded_as_beside_a_dialogue(encoder):
    phrases = [f"contact {n}" for n in range(20)]
    encoded = encoder.encode(MEGS, offering(*phrases))
    near = [cosine for _, cosine in encoded.similarities]
    alone = encoder.embed(phrases)
    assert np.linalg.norm(alone, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert alone @ np.frombuffer(encoded.vector, "<f4") == pytest.approx(near, abs=1e-5)


def test_a_phrase_is_embedded_once_and_too_many_are_cut_from_the_end(encoder):
    catalogues = (
        Catalogue(Slot.CONTACT, ("meg bauer", "meg bauer")),
        Catalogue(Slot.DEVICE, tuple(f"lamp {n}" for n in range(10_000))),
    )
    near = encoder.encode(MEGS, Expectation(Act.CHOOSE, Slot.CONTACT, catalogues)).similarities
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
    encoded = encoder.encode(rounds, offering("", PAGE, "y" * 100_000, "name " * 10_000))
    assert np.isfinite(np.frombuffer(encoded.vector, "<f4")).all()
    assert len(encoded.similarities) == 4
    assert all(-1 <= cosine <= 1 for _, cosine in encoded.similarities)


@pytest.mark.parametrize("memory", [False, True])
def test_work_is_bounded_whatever_is_said_and_offered(encoder, monkeypatch, memory):
    lengths: list[int] = []
    monkeypatch.setattr(text, "_PIECE", Watched(vars(text)["_PIECE"], lengths))
    kept = encoder.encode(MEGS, WHO).memory if memory else b""
    runs, run = count(), encoder._model.run
    monkeypatch.setattr(encoder._model, "run", lambda *given: (run(*given), next(runs))[0])
    rounds = [Round(f"{PAGE} which " * 10_000, f"one 12:00 {n} " * 10_000) for n in range(30)]
    phrases = [f"{n} {PAGE}" for n in range(10_000)]
    encoded = encoder.encode(rounds, offering(*phrases), kept)
    assert len(encoded.similarities) == 200
    assert next(runs) == 15 + 13, "16 rounds, 200 phrases at 16 a run"
    assert len(lengths) <= 3 * 16 + 200 + 1
    assert max(lengths) <= 40 * text.CHARS_PER_WORD


class Watched:
    """A pattern that notes how long each text is that it searches."""

    def __init__(self, pattern: re.Pattern[str], lengths: list[int]) -> None:
        self._pattern, self._lengths = pattern, lengths

    def finditer(self, searched: str) -> Iterator[re.Match[str]]:
        self._lengths.append(len(searched))
        return self._pattern.finditer(searched)


def test_a_manifest_whose_limits_are_not_its_models_is_refused(tmp_path):
    copy = tmp_path / MANIFEST.name
    copy.write_text(MANIFEST.read_text().replace("batch = 16", "batch = 8"))
    with pytest.raises(ModelError, match=r"inputs and .* disagree; restore"):
        Encoder(Manifest.unpinned(copy))


def test_a_manifest_without_its_parameters_is_refused(tmp_path):
    copy = tmp_path / MANIFEST.name
    copy.write_text(MANIFEST.read_text().replace("phrase_words", "phrase_wards"))
    with pytest.raises(ModelError, match="phrase_words must be of type int"):
        Encoder(Manifest.unpinned(copy))


def test_a_model_of_ones_own_is_hosted_where_it_is_pinned(tmp_path):
    for file in (MANIFEST, MANIFEST.with_suffix(".tflite")):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    own = (tmp_path / MANIFEST.name).rename(tmp_path / "own.toml")
    with pytest.raises(ModelError, match="not the manifest that is pinned"):
        hosted("two_tower", str(own))
    host = hosted("two_tower", str(own), hashlib.sha256(own.read_bytes()).hexdigest())
    asked = {"rounds": [], "act": "choose", "slot": "place", "phrases": []}
    answer, content = host["encode"](asked, b"")
    assert len(content) == answer["memory_bytes"] + 4 * 128
