"""Recordings of any format come out as 16 kHz mono int16; broken ones as one line."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from edge.clip import read_clip, write_flac
from edge.errors import AudioError

RATES_HZ = (8_000, 16_000, 22_050, 44_100, 48_000)


def tone(rate_hz: int, length_s: float = 0.5) -> npt.NDArray[np.float32]:
    at_s = np.arange(round(length_s * rate_hz), dtype=np.float32) / rate_hz
    samples: npt.NDArray[np.float32] = 0.5 * np.sin(np.float32(2 * np.pi * 440) * at_s)
    return samples


def loudest_hz(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * 16_000 / len(samples))


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_any_rate_and_channels_come_out_as_16_khz_mono(tmp_path, ending, rate_hz):
    path = tmp_path / f"clip.{ending}"
    soundfile.write(path, np.stack([tone(rate_hz)] * 2, axis=1), rate_hz)
    pcm = read_clip(path)
    assert abs(len(pcm) // 2 - 8000) <= 2
    assert abs(loudest_hz(pcm) - 440) < 3
    assert 15_000 < np.abs(np.frombuffer(pcm, "<i2").astype(int)).max() < 17_500


def test_opus(tmp_path):
    path = tmp_path / "clip.opus"
    soundfile.write(path, tone(48_000), 48_000, format="OGG", subtype="OPUS")
    assert abs(loudest_hz(read_clip(path)) - 440) < 3


def test_a_part(tmp_path):
    path = tmp_path / "clip.wav"
    samples = np.arange(16_000, dtype=np.int16)
    soundfile.write(path, samples, 16_000)
    assert read_clip(path, 0.25, 0.5) == samples[4000:12_000].astype("<i2").tobytes()
    assert read_clip(path, 0.75, 9.0) == samples[12_000:].astype("<i2").tobytes()


def test_flac_comes_back_as_it_was(tmp_path):
    pcm = np.random.default_rng(1).integers(-32768, 32767, 5000, dtype=np.int16).tobytes()
    write_flac(tmp_path / "clip.flac", pcm)
    assert read_clip(tmp_path / "clip.flac") == pcm


@pytest.mark.parametrize("start_s", [1.0, 2.0, -0.5])
def test_a_part_that_is_not_there(tmp_path, start_s):
    soundfile.write(tmp_path / "clip.wav", tone(16_000), 16_000)
    with pytest.raises(AudioError):
        read_clip(tmp_path / "clip.wav", start_s)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"this is no sound" * 100, b"fLaC" + bytes(60)])
def test_no_audio_file_is_one_line(tmp_path, content):
    path = tmp_path / "clip.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError) as caught:
        read_clip(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_cut_off_flac_is_an_error(tmp_path):
    path = tmp_path / "clip.flac"
    pcm = np.random.default_rng(1).integers(-9999, 9999, 48_000, dtype=np.int16).tobytes()
    write_flac(path, pcm)
    path.write_bytes(path.read_bytes()[:-20_000])
    with pytest.raises(AudioError):
        read_clip(path)


def test_no_sound_no_number_no_file_no_folder(tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), 16_000)
    soundfile.write(tmp_path / "nan.wav", np.full(99, np.nan), 16_000, subtype="FLOAT")
    for name, message in (("empty", "no sound"), ("nan", "no numbers"), ("gone", "no such")):
        with pytest.raises(AudioError, match=message):
            read_clip(tmp_path / f"{name}.wav")
    with pytest.raises(AudioError, match="cannot be written"):
        write_flac(tmp_path / "gone" / "clip.flac", b"\0\0")


def test_a_missing_library_names_the_extra(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "clip.wav", tone(8_000), 8_000)
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(AudioError, match="soundfile: install the extra 'demo'"):
        read_clip(tmp_path / "clip.wav")
