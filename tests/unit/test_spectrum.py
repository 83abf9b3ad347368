import numpy as np
import pytest

from edge.dialogue import RATE_HZ
from edge.spectrum import BANDS, HIGH_HZ, LOW_HZ, QUIETEST, Array, Spectrum, mel


def tone(hz: float, loud: float = 8000.0, seconds: float = 0.5, offset: float = 0.0) -> bytes:
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave: Array = np.rint(loud * np.sin(2 * np.pi * hz * at) + offset).astype("<i2")
    return wave.tobytes()


def band(hz: float) -> int:
    return round((mel(hz) - mel(LOW_HZ)) / (mel(HIGH_HZ) - mel(LOW_HZ)) * (BANDS + 1)) - 1


@pytest.mark.parametrize("samples", [0, 1, 399, 400, 559, 560, 1600])
def test_a_spectrum_comes_with_the_last_sample_of_its_window(samples):
    spectra = Spectrum().take(bytes(2 * samples))
    assert spectra.shape == (max(0, (samples - 400) // 160 + 1), BANDS)
    assert spectra.dtype == np.float32


@pytest.mark.parametrize("hz", [150, 440, 1000, 3000, 6500])
def test_a_tone_is_loudest_in_its_own_band(hz):
    spectra = Spectrum().take(tone(hz))
    assert (np.abs(spectra.argmax(axis=1) - band(hz)) <= 1).all()


def test_twice_as_loud_is_the_logarithm_of_four_more():
    soft, loud = (Spectrum().take(tone(1000, level)) for level in (4000, 8000))
    assert loud.max(axis=1) - soft.max(axis=1) == pytest.approx(np.log(4), abs=0.01)


def test_silence_is_the_quietest():
    assert Spectrum().take(bytes(3200)) == pytest.approx(np.log(QUIETEST), abs=1e-4)


@pytest.mark.parametrize("offset", [-20_000, 500, 20_000])
def test_a_constant_offset_is_not_heard(offset):
    plain, moved = (Spectrum().take(tone(700, 3000, offset=o)) for o in (0, offset))
    assert moved == pytest.approx(plain, abs=0.05)
    assert Spectrum().take(tone(700, 0, offset=offset)).max() <= np.log(QUIETEST) + 1e-3


@pytest.mark.parametrize("size", [1, 7, 320, 640, 6400])
def test_where_the_stream_is_cut_makes_no_difference(size):
    pcm = np.random.default_rng(1).normal(0, 3000, 2400).astype("<i2").tobytes()
    stream = Spectrum()
    pieces = [stream.take(pcm[at : at + size]) for at in range(0, len(pcm), size)]
    assert np.concatenate(pieces) == pytest.approx(Spectrum().take(pcm), abs=1e-5)
