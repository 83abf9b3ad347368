from pathlib import Path

import numpy as np
import pytest

from edge.clip import read_clip
from edge.dialogue import RATE_HZ
from edge.errors import ModelError
from edge.speaker import HOP_MS, SpeakerEncoder
from edge.spectrum import Array
from edge.tflite import shipped
from tools.manifest_file import pin_of

MANIFEST = shipped("speaker-encoder")
ALEXA = Path(__file__).parents[1] / "audio" / "alexa.flac"
CLIPPED = b"\xff\x7f" * RATE_HZ


@pytest.fixture(scope="module")
def encoder() -> SpeakerEncoder:
    return SpeakerEncoder(MANIFEST)


@pytest.fixture(scope="module")
def speech() -> bytes:
    return read_clip(ALEXA)


def samples(pcm: bytes) -> Array:
    return np.frombuffer(pcm, "<i2").astype(float)


def sound(values: Array) -> bytes:
    whole: Array = np.clip(np.rint(values), -32768, 32767).astype("<i2")
    return whole.tobytes()


def alike(encoder: SpeakerEncoder, one: bytes, other: bytes) -> float:
    voices = [np.frombuffer(encoder.embed(pcm) or b"", "<f4") for pcm in (one, other)]
    return float(voices[0] @ voices[1])


def test_a_voice_is_a_unit_vector_of_at_most_256_bytes(encoder, speech):
    voice = encoder.embed(speech)
    assert voice is not None
    assert len(voice) == 4 * encoder.size <= 256
    assert np.linalg.norm(np.frombuffer(voice, "<f4")) == pytest.approx(1.0, abs=1e-5)
    assert encoder.embed(speech) == voice


@pytest.mark.parametrize(
    "pcm",
    [b"", b"\0", bytes(2 * RATE_HZ), CLIPPED, sound(np.full(RATE_HZ, 9000.0))],
    ids=["nothing", "half a sample", "silence", "clipped to a constant", "an offset alone"],
)
def test_where_nothing_sounds_there_is_no_voice(encoder, pcm):
    assert encoder.embed(pcm) is None


def test_fifty_milliseconds_are_no_voice(encoder, speech):
    loud = int(np.abs(samples(speech)).argmax()) * 2
    assert encoder.embed(speech[loud : loud + RATE_HZ // 10]) is None
    enough = encoder.reach_ms * RATE_HZ // 1000
    assert encoder.embed(speech[loud - enough :][: 2 * enough - 2]) is None
    assert encoder.embed(speech[loud - enough :][: 2 * enough]) is not None


def test_loudness_and_an_offset_make_no_difference(encoder, speech):
    own = samples(speech)
    assert alike(encoder, speech, sound(own * 0.25)) > 0.98
    assert alike(encoder, speech, sound(own * 0.5 + 3000)) > 0.98


def test_silence_around_a_word_makes_no_difference(encoder, speech):
    assert alike(encoder, speech, bytes(RATE_HZ) + speech + bytes(RATE_HZ)) > 0.9


@pytest.mark.parametrize("worse", ["clipped", "8 kHz", "noisy"])
def test_a_worse_recording_is_still_the_same_voice(encoder, speech, worse):
    own = samples(speech)
    noise = np.random.default_rng(1).normal(0, np.abs(own).max() / 50, len(own))
    changed = {
        "clipped": np.clip(own * 3 * 32767 / np.abs(own).max(), -32768, 32767),
        "8 kHz": np.repeat(own[: len(own) // 2 * 2].reshape(-1, 2).mean(axis=1), 2),
        "noisy": own + noise,
    }
    assert alike(encoder, speech, sound(changed[worse])) > 0.5


@pytest.mark.parametrize("size", [2, 639, 640, 1280, 100_000])
def test_the_rows_of_a_stream_do_not_depend_on_its_cuts(encoder, speech, size):
    part = speech[: 2 * RATE_HZ // 2]
    stream, whole = encoder.stream(), encoder.stream().take(part)
    rows = [stream.take(part[at : at + size]) for at in range(0, len(part), size)]
    assert np.concatenate(rows) == pytest.approx(whole, abs=1e-3)
    assert whole.shape == ((len(part) // 32 - encoder.reach_ms) // HOP_MS + 1, encoder.width)


def test_any_stretch_of_a_stream_is_judged_from_a_sum(encoder, speech):
    rows = encoder.stream().take(speech)
    sums = np.concatenate([np.zeros((1, encoder.width)), rows.cumsum(axis=0, dtype=float)])
    stretch = slice(3, len(rows) - 2)
    apart = encoder.pooled(rows[stretch])
    assert apart is not None
    assert encoder.pooled((sums[len(rows) - 2] - sums[3])[None]) == pytest.approx(apart, abs=1e-4)


def test_silence_makes_rows_of_zeros_and_no_voice(encoder, speech):
    stream = encoder.stream()
    assert not stream.take(bytes(RATE_HZ)).any()
    assert stream.take(speech).any()
    quiet = stream.take(bytes(2 * RATE_HZ))[-encoder.reach_ms // HOP_MS :]
    assert not quiet.any()
    assert encoder.pooled(quiet) is None
    assert encoder.pooled(quiet[:0]) is None


def test_what_is_faint_beside_the_voice_is_silence_until_the_voice_is_forgotten(encoder):
    noise = np.random.default_rng(1).normal(0, 1.0, 12 * RATE_HZ)
    noise[:RATE_HZ] *= 8000
    noise[RATE_HZ:] *= 300
    rows = encoder.stream().take(sound(noise)).any(axis=1)
    assert not rows[1000 // HOP_MS : 2000 // HOP_MS].any()
    assert rows[-1]


def test_a_manifest_that_is_not_the_pinned_one_is_refused(tmp_path):
    copy = tmp_path / MANIFEST.name
    copy.write_text(MANIFEST.read_text() + "\n")
    with pytest.raises(ModelError, match="pinned"):
        SpeakerEncoder(copy)


@pytest.mark.parametrize(
    ("told", "changed", "why"),
    [
        (", 40]", ", 39]", "wants 39 bands, not 40"),
        ("silence =", "silents =", "silence must be of type float"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(tmp_path, told, changed, why):
    copy = tmp_path / MANIFEST.name
    copy.write_text(MANIFEST.read_text().replace(told, changed))
    with pytest.raises(ModelError, match=why):
        SpeakerEncoder(copy, pin_of(copy))
