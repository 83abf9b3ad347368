"""Whatever is heard: nothing is lost, nothing is changed but by silencing, and without an anchor
nothing is changed at all."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.dialogue import FRAME_BYTES, EndOfSpeech
from edge.hearing import FRAME_S, Heard, Hearing, Listening, Piece
from edge.protocols import Frame
from edge.voice import Anchor, Judge, Judged, Sieve, anchored
from tests.unit.timbre import Timbre, customer, silence, television

SOUNDS = {
    "customer": customer(0.4),
    "television": television(0.4),
    "loud television": television(0.4, 20_000.0),
    "silence": silence(0.4),
    "noise": np.random.default_rng(3).normal(0, 600, 6400).astype("<i2").tobytes(),
    "clipped": np.where(np.arange(6400) % 90 < 45, 32_767, -32_768).astype("<i2").tobytes(),
    "offset": np.full(6400, 9000, "<i2").tobytes(),
}
scenes = st.lists(st.sampled_from(sorted(SOUNDS)), min_size=1, max_size=8)
bad_anchors = st.one_of(
    st.just(b""),
    st.binary(max_size=80),
    st.lists(st.floats(-2, 2, width=32), max_size=40).map(
        lambda numbers: np.array([*numbers, np.nan], "<f4").tobytes()
    ),
)


def heard(anchor: bytes, scene: list[str]) -> list[Heard]:
    hearing = Hearing(Listening(), [], Timbre())
    found = list(hearing.open("a", 0.0, 2.0, anchor))
    pcm = b"".join(SOUNDS[name] for name in scene)
    for number in range(len(pcm) // FRAME_BYTES):
        frame = Frame(pcm[number * FRAME_BYTES :][:FRAME_BYTES], number * FRAME_S)
        found += hearing.take(frame)
    return found


@settings(deadline=None, max_examples=40)
@given(scenes, bad_anchors)
def test_a_bad_anchor_changes_nothing_at_all(scene: list[str], anchor: bytes) -> None:
    if Anchor.of(anchor) is None:
        assert heard(anchor, scene) == heard(b"", scene)


@settings(deadline=None, max_examples=40)
@given(scenes, st.lists(st.booleans(), min_size=160, max_size=160))
def test_every_frame_comes_out_once_in_order_as_it_was_or_silent(
    scene: list[str], voiced: list[bool]
) -> None:
    anchor = anchored(Timbre(), customer(0.6))
    assert anchor is not None
    sieve = Sieve(Judge(Timbre(), anchor))
    pcm = b"".join(SOUNDS[name] for name in scene)
    came: list[Judged] = []
    went = []
    for number in range(len(pcm) // FRAME_BYTES):
        frame = Frame(pcm[number * FRAME_BYTES :][:FRAME_BYTES], number * FRAME_S)
        went.append(frame)
        came += sieve.take(Judged(frame, voiced[number]))
    came += sieve.flush()
    assert [one.frame.at for one in came] == [frame.at for frame in went]
    for one, frame in zip(came, went, strict=True):
        assert one.frame.pcm in (frame.pcm, bytes(FRAME_BYTES))


@settings(deadline=None, max_examples=40)
@given(scenes)
def test_nothing_is_handed_over_after_the_end_and_the_end_adds_no_delay(scene: list[str]) -> None:
    anchor = anchored(Timbre(), customer(0.6))
    assert anchor is not None
    found = heard(anchor.payload().content, [*scene, "silence", "silence", "silence", "silence"])
    ends = [place for place, one in enumerate(found) if isinstance(one, EndOfSpeech)]
    if ends:
        last = found[ends[0]]
        assert ends == [len(found) - 1]
        assert isinstance(last, EndOfSpeech)
        handed = sum(len(one.pcm) for one in found if isinstance(one, Piece)) // FRAME_BYTES
        assert handed * FRAME_S <= last.at + 1e-9
