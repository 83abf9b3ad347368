import json
from pathlib import Path

import numpy as np
import pytest

from edge.clip import write_flac
from edge.dialogue import RATE_HZ
from edge.errors import AudioError
from edge.voices import Room, clips

ROW = {"id": "a", "set": "word", "file": "a.flac", "start": 0.0, "dur": 2.0}


def written(folder: Path, **changed: object) -> Path:
    path = folder / "m.jsonl"
    path.write_text(json.dumps(ROW | changed) + "\n")
    ramp = np.arange(2 * RATE_HZ).astype("<i2")
    write_flac(folder / "a.flac", ramp.tobytes())
    return path


@pytest.mark.parametrize(
    ("text", "keyword", "length_s", "short"),
    [
        ("alexa", None, 2.0, True),
        ("Smart  Mirror", None, 9.0, True),
        ("turn the lamp on", None, 1.0, False),
        ("free speech operator", "operator", 2.0, False),
        ("operator", "operator", 2.0, True),
        (None, None, 2.0, True),
        (None, None, 9.0, False),
    ],
)
def test_what_may_be_a_wake_word(tmp_path, text, keyword, length_s, short):
    (clip,) = clips(written(tmp_path, text=text, keyword=keyword, dur=length_s))
    assert clip.short is short


@pytest.mark.parametrize(
    ("text", "marks", "first", "last"),
    [
        ("alexa", (0.5, 1.0), 0.4, 1.1),
        ("turn alexa on please", (0.5, 1.0), 0.0, 2.0),
        ("please turn on alexa", (1.5, 2.0), 0.0, 1.5),
        ("alexa", (-2.0, 1.0), 0.0, 2.0),
        ("alexa", (0.5, 43_488.0), 0.0, 2.0),
        ("alexa", (None, None), 0.0, 2.0),
    ],
)
def test_a_clip_sounds_of_its_wake_word_or_of_all_but_it(tmp_path, text, marks, first, last):
    (clip,) = clips(written(tmp_path, text=text, kw_start=marks[0], kw_end=marks[1]))
    samples = np.frombuffer(clip.sound(), "<i2").astype(int)
    assert (samples[0], samples[-1]) == (first * RATE_HZ, last * RATE_HZ - 1)


def test_the_wake_word_in_a_sentence_is_cut_out(tmp_path):
    (clip,) = clips(written(tmp_path, text="turn alexa on now", kw_start=0.5, kw_end=1.0))
    samples = np.frombuffer(clip.sound(), "<i2")
    assert len(samples) == 1.5 * RATE_HZ
    assert samples[RATE_HZ // 2 - 1 : RATE_HZ // 2 + 1].tolist() == [RATE_HZ // 2 - 1, RATE_HZ]


def test_speakers_that_are_guessed_are_left_out(tmp_path):
    assert not clips(written(tmp_path, speaker="a", speaker_kind="pseudo-low"))
    assert clips(written(tmp_path, speaker="a", speaker_kind="pseudo-high"))[0].speaker == "a"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "line 1: no voice clip"),
        ("[]", "line 1: no voice clip"),
        ('{"set": "word"}', "line 1: no voice clip"),
        ("\xff", "line 1: no voice clip"),
        (None, "line 1: cannot be read"),
    ],
)
def test_bad_input_is_one_line(tmp_path, content, why):
    path = tmp_path / "bad.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(AudioError, match=why) as error:
        clips(path)
    assert "\n" not in str(error.value)


def test_everybody_is_put_into_the_same_room(tmp_path):
    draw = np.random.default_rng(1)
    response = np.zeros(800)
    response[[0, 400]] = 20_000, 10_000
    noise = draw.normal(0, 50, RATE_HZ)
    for name, sound in (("rir", response), ("noise", noise)):
        write_flac(tmp_path / f"{name}.flac", sound.astype("<i2").tobytes())
    rows = [
        ROW | {"set": name, "file": f"{name}.flac", "dur": seconds}
        for name, seconds in (("rir", 0.05), ("noise", 1.0))
    ]
    path = tmp_path / "noise.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    click = np.zeros(RATE_HZ)
    click[100:110] = 20_000
    heard = np.frombuffer(Room(path).heard(click.astype("<i2").tobytes()), "<i2").astype(float)
    assert heard[505] / heard[105] == pytest.approx(0.5, abs=0.05)
    apart = np.delete(heard, np.r_[100:110, 500:510])
    assert (heard**2).mean() / (apart**2).mean() == pytest.approx(101, rel=0.05)


def test_a_room_needs_a_response_and_a_noise(tmp_path):
    with pytest.raises(AudioError, match="no set 'rir'"):
        Room(written(tmp_path))
