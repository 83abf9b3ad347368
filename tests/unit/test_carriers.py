"""What is learned of the words around names."""

from __future__ import annotations

from edge.grammar import NAME, START, Carriers
from tools.carriers import Sentence, learned, named

TYPED = frozenset({"five", "p", "m"})


def test_values_become_names_unless_the_question_asks_for_their_words():
    said = "book the copper kettle in york for five p m".split()
    found = named(said, ["york", "the copper kettle", "five p m"], TYPED)
    assert found == tuple(f"book {NAME} in {NAME} for five p m".split())


def test_only_what_many_kinds_of_dialogue_share_is_kept():
    domains = [f"domain {number}" for number in range(20)]
    shared = [Sentence(("i'd", "like", NAME), domain) for domain in domains for _ in range(20)]
    local = [Sentence(("secret", "phrase", NAME), "domain 0") for _ in range(400)]
    lines = list(learned(shared + local, frozenset()))
    carriers = Carriers.read("\n".join(lines))
    assert lines[0].startswith(START)
    assert "secret" not in carriers.followers
    assert dict(carriers.followers["like"])[NAME] > 0.5
    assert dict(carriers.followers[START])["i'd"] > 0.3
    states = set(carriers.followers)
    ends = {"</s>"}
    assert all(word in states | ends for found in carriers.followers.values() for word, _ in found)
