"""Which reading of an answer to believe, given what was offered; the same for every recognizer.

It weighs the recognizer's readings, and what they become when a stretch that sounds like
something on offer is read as that. It never looks at the sound itself, and leaves a reading
alone unless another one is clearly likelier.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from edge.answers import COUNTED, TYPES, Type, expected_type, spelled
from edge.candidates import FEATURES, Proposals, propose
from edge.dialogue import Expectation, Hypothesis, Recognized
from edge.errors import ModelError
from edge.grafting import graft
from edge.likeness import Floats
from edge.offers import Offers, Words, named, offered, offers
from edge.sounds import Sounds
from edge.weights import Weights
from edge.wording import Wording

FIRST_READINGS = 4  # whose stretches are compared with what is on offer
FIRST_WORDS = 80  # of a reading; in a longer one nothing is looked for
MOST_WORDS = 240  # of these readings together; those below are left out
SHORT = 4  # words of a reading that is likely to name what was asked for and nothing else
NAMING = 3  # readings below the first ones that are compared because they name something on offer
UNHEARD_NATS = -150.0
"""So far behind the first reading another one is no evidence of anything."""
HOMOPHONE = 0.1  # cost per phone up to which a word may be one that an answer of the type needs


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a question makes of its answer before the answer is heard.

    typed: the words of an answer of the type, as if they were on offer.
    """

    offers: Offers
    type: Type | None
    typed: Offers


class Rescorer:
    """The trained scorer. Built once; `rescore` keeps nothing and runs in any thread."""

    def __init__(self, weights: Weights, sounds: Sounds, wording: Wording | None) -> None:
        """ModelError when the weights are those of other features.

        wording: None for vectors that it does not understand.
        """
        self._sounds = sounds
        self._wording = wording
        self._net = Net.read(weights)
        self._nats = {name: float(value) for name, value in weights.parameters["nats"].items()}
        self._typed: dict[Type | None, Offers] = {None: offers((), sounds)}
        for kind in TYPES:
            self._typed[kind] = offers(sorted(kind.telling | kind.around), sounds)

    def prepare(self, expectation: Expectation) -> Prepared:
        """The part of the work that needs no answer: done while the question is being asked."""
        kind = expected_type(expectation)
        return Prepared(offered(expectation, self._sounds), kind, self._typed[kind])

    def rescore(
        self,
        recognized: Recognized,
        expectation: Expectation,
        similarities: Mapping[str, float] | None,
        prepared: Prepared | None = None,
        vector: bytes = b"",
    ) -> str:
        """The text to believe; "" when nothing was heard.

        similarities: offered phrase → cosine to the context vector; None when there is no vector.
        prepared: what `prepare` made of the same expectation. vector: the context vector. Without
        one, where nothing is offered and the question asks for no type, it is the first text as it
        stands. Without a vector, a reading that was believed is believed all the more when its own
        score rises.
        """
        if not recognized.nbest:
            return ""
        ready = prepared or self.prepare(expectation)
        if vector and self._wording:
            gains = self._wording.gains([each.text for each in recognized.nbest], vector)
            recognized = replace(recognized, nbest=self._reworded(recognized.nbest, gains))
        plain = recognized.nbest[0].text
        if len(plain.split()) > FIRST_WORDS or not (len(ready.offers) or ready.type):
            return plain
        native = self._native(recognized, ready)
        if native is not None:
            return native
        typed = self._typed_text(recognized.nbest, ready)
        return typed if typed is not None else self._mended(recognized.nbest, ready, similarities)

    def gains(self, proposals: Proposals, nbest: Sequence[Hypothesis], pulls: Floats) -> Floats:
        """By how many nats each proposal is likelier right than wrong, less a margin.

        pulls: per item, what the context vector says for it.
        """
        scores = np.array([each.score - nbest[0].score for each in nbest], np.float32)
        heard = self._nats["score"] * scores[proposals.reading]
        found: Floats = self._net(proposals.features) + heard + pulls[proposals.item]
        related = proposals.features[:, FEATURES.index("others_named")] > 0
        short = len(nbest[0].text.split()) <= SHORT
        alone = self._nats["margin_short" if short else "margin_alone"]
        found -= np.where(related, self._nats["margin"], alone)
        return found

    def _reworded(self, nbest: Sequence[Hypothesis], gains: Floats) -> tuple[Hypothesis, ...]:
        """The list, led by the reading whose words the context makes likeliest, if it clearly is.

        It takes over the first one's score: the rest stays as far behind as it was.
        """
        scores = np.array([each.score for each in nbest], np.float32)
        nats = self._nats["wording_score"] * scores + self._nats["wording"] * gains
        best = int(nats.argmax())
        if nats[best] - nats[0] <= self._nats["wording_margin"]:
            return tuple(nbest)
        ahead = replace(nbest[best], score=nbest[0].score)
        return ahead, *nbest[:best], *nbest[best + 1 :]

    def _native(self, recognized: Recognized, ready: Prepared) -> str | None:
        """What the search for expected answers found, where the sound says hardly less for it."""
        if not recognized.expected:
            return None
        first, best = recognized.nbest[0], recognized.expected[0]
        gain = best.score - first.score
        per_frame = gain / max(1, recognized.frames)
        if not per_frame > -self._nats["native_per_frame"]:
            return None
        plain, found = _words(first.text), _words(best.text)
        near = gain > -self._nats["native"]
        if near and ready.type and ready.type.fits(found) and not ready.type.fits(plain):
            return best.text
        grafted = graft(plain, found, ready.offers)
        wanted = grafted.whole or (near and not grafted.lost)
        return " ".join(grafted.words) if wanted and grafted.brought else None

    def _typed_text(self, nbest: Sequence[Hypothesis], ready: Prepared) -> str | None:
        """The likeliest reading that is an answer of the type, if it is likely enough."""
        plain = _words(nbest[0].text)
        name = next(
            (name for each in nbest[:FIRST_READINGS] if (name := _spelled(each, ready.offers))), ""
        )
        if name:
            return name
        if ready.type is None or named(plain, ready.offers) or ready.type.fits(plain):
            return None
        sounding = self._homophones(plain, ready.type, ready.typed)
        if sounding is not None:
            return sounding
        nats = [self._typed_nats(nbest, rank) for rank in range(len(nbest))]
        fits = [at for at, each in enumerate(nbest) if ready.type.fits(_words(each.text))]
        best = max(fits, key=lambda at: nats[at], default=0)
        return nbest[best].text if best and nats[best] > 0.0 else None

    def _typed_nats(self, nbest: Sequence[Hypothesis], rank: int) -> float:
        score = self._nats["score"] * (nbest[rank].score - nbest[0].score)
        return self._nats["typed"] + score - math.log1p(rank)

    def _homophones(self, plain: Words, kind: Type, typed: Offers) -> str | None:
        """The reading as an answer of the type, when it sounds the same but for its spelling."""
        strange = [at for at, word in enumerate(plain) if word not in kind.telling | kind.around]
        if not strange or len(strange) > 2:
            return None
        words = list(plain)
        for at in strange:
            proposals = propose([(plain[at],)], typed, self._sounds)
            costs = proposals.features[:, FEATURES.index("cost_per_phone")]
            if not len(costs) or costs.min() > HOMOPHONE:
                return None
            words[at] = " ".join(typed.texts[proposals.item[int(costs.argmin())]])
        return " ".join(words) if kind.fits(words) else None

    def _mended(
        self,
        readings: Sequence[Hypothesis],
        ready: Prepared,
        similarities: Mapping[str, float] | None,
    ) -> str:
        """The first reading with what is on offer in the places that sound like it."""
        faintest = readings[0].score + UNHEARD_NATS / self._nats["score"]
        heard = [each for each in readings if each.score > faintest]
        nbest = _worth(heard, ready.offers)
        proposals = propose([_words(each.text) for each in nbest], ready.offers, self._sounds)
        pulls = self._nats["similarity"] * _nearness(ready.offers, similarities or {})
        gains = self.gains(proposals, nbest, pulls)
        gains[_recounted(_words(nbest[0].text), proposals, ready.offers)] = -1.0
        places = chosen(proposals, gains)
        return mended(nbest[0].text, proposals, places, ready.offers)


@dataclass(frozen=True, slots=True)
class Net:
    """One hidden layer: features → log odds that a proposal mends the reading."""

    mean: Floats
    spread: Floats
    inner: Floats
    inner_bias: Floats
    outer: Floats
    outer_bias: Floats

    @classmethod
    def read(cls, weights: Weights) -> Net:
        """The net of a weights file; ModelError when it is one for other features."""
        if tuple(weights.parameters["features"]) != FEATURES:
            raise ModelError("models/rescorer.toml: made for other features; reinstall the package")
        hidden = int(weights.parameters["hidden"])
        size = len(FEATURES)
        sizes = (size, size, size * hidden, hidden, hidden, 1)
        numbers = np.frombuffer(weights.content, np.float32)
        parts = np.split(numbers, np.cumsum(sizes)[:-1])
        return cls(parts[0], parts[1], parts[2].reshape(size, hidden), *parts[3:])

    def __call__(self, features: Floats) -> Floats:
        """[n] log odds of [n, FEATURES]."""
        scaled = (features - self.mean) / self.spread
        found: Floats = np.tanh(scaled @ self.inner + self.inner_bias) @ self.outer
        return found + self.outer_bias


def chosen(proposals: Proposals, gains: Floats) -> list[int]:
    """Which proposals to follow: the best ones that are likelier right, none over another."""
    found: list[int] = []
    likely = np.flatnonzero(gains > 0.0)
    for at in likely[np.argsort(-gains[likely], kind="stable")].tolist():
        start, end = proposals.start[at], proposals.end[at]
        if all(end <= proposals.start[one] or start >= proposals.end[one] for one in found):
            found.append(at)
    return sorted(found, key=lambda one: int(proposals.start[one]))


def mended(text: str, proposals: Proposals, places: Sequence[int], offered: Offers) -> str:
    """The text with these proposals followed; byte for byte as it stands where there are none."""
    if not places:
        return text
    written, texts = text.split(), offered.texts
    said: list[str] = []
    at = 0
    for place in places:
        said += [*written[at : proposals.start[place]], *texts[proposals.item[place]]]
        at = int(proposals.end[place])
    return " ".join(said + written[at:])


def _recounted(plain: Words, proposals: Proposals, offered: Offers) -> list[int]:
    """Proposals to say another number than was heard; a list is no evidence for that."""
    texts = offered.texts
    places = zip(proposals.start, proposals.end, proposals.item, strict=True)
    return [
        at
        for at, (start, end, item) in enumerate(places)
        if COUNTED.issuperset(plain[start:end]) and COUNTED.issuperset(texts[item])
    ]


def _nearness(offered: Offers, similarities: Mapping[str, float]) -> Floats:
    """[items] how much nearer to the vector an item is than the usual one; 0 where unknown."""
    if not similarities:
        return np.zeros(len(offered), np.float32)
    near = [
        [similarities[phrase] for phrase in phrases if phrase in similarities]
        for phrases in offered.phrases
    ]
    known = [max(each) for each in near if each]
    usual = sum(known) / len(known) if known else 0.0
    return np.array([max(each) - usual if each else 0.0 for each in near], np.float32)


def _spelled(reading: Hypothesis, offered: Offers) -> str:
    """The name on offer that the reading spells letter by letter."""
    name = spelled(_words(reading.text))
    return name if (name,) in offered.places else ""


def _worth(nbest: Sequence[Hypothesis], offered: Offers) -> Sequence[Hypothesis]:
    """The first readings and the next that name an offer, as many as there is time for."""
    below = (each for each in nbest[FIRST_READINGS:] if named(_words(each.text), offered))
    found = [*nbest[:FIRST_READINGS], *islice(below, NAMING)]
    sizes = np.cumsum([len(each.text.split()) for each in found])
    return found[: max(1, int(np.searchsorted(sizes, MOST_WORDS, side="right")))]


def _words(text: str) -> Words:
    return tuple(text.lower().split())
