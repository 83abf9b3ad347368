"""`edge devices`: which sound devices there are, and whether the profile's two hear each other.

The test plays a sweep through the loudspeaker and looks for it in what the microphone hears;
nothing that is heard is kept.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillWaiting
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from edge.audio import LOUDSPEAKER, MICROPHONE, PORT_AUDIO, Device
from edge.dialogue import FRAME_SAMPLES, RATE_HZ
from edge.errors import AudioError, ProfileError
from edge.loudspeaker import PortAudioLoudspeaker
from edge.microphone import PortAudioMicrophone
from edge.profile import Audio, Profile, load_profile, shipped_profiles
from edge.protocols import Frame, Loudspeaker, Microphone

LIMIT_S = 10.0
"""A sound server that answers nothing for so long is hung."""
BEFORE_S, SWEEP_S, AFTER_S = 0.5, 0.5, 1.0
LOWEST_HZ, HIGHEST_HZ = 400.0, 6000.0
LOUDNESS = 0.25
HEARD = 12.0
"""So far above everything else must the correlation stand; noise alone reaches 5."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a test measured.

    late_ms: how much later than the devices say the sound was heard. echo_db: level of what was
    heard over what was played. snr_db: the same over the noise before it.
    """

    late_ms: float
    echo_db: float
    snr_db: float


def sweep() -> NDArray[np.int16]:
    """What the test plays: from low to high, 16 kHz, faded in and out."""
    at = np.arange(round(SWEEP_S * RATE_HZ)) / RATE_HZ
    phase = LOWEST_HZ * at + (HIGHEST_HZ - LOWEST_HZ) / (2 * SWEEP_S) * at**2
    fade = np.minimum(1.0, np.minimum(at, at[::-1]) / 0.01)
    sound: NDArray[np.int16] = (32767 * LOUDNESS * fade * np.sin(2 * np.pi * phase)).astype("<i2")
    return sound


def measured(microphone: Microphone, loudspeaker: Loudspeaker) -> Found | None:
    """Play the sweep and look for it; None when it was not heard."""
    sound = sweep()
    frames = [microphone.read() for _ in range(round(BEFORE_S * RATE_HZ / FRAME_SAMPLES))]
    until = loudspeaker.play(sound.tobytes(), RATE_HZ)
    while frames[-1].at < until + AFTER_S:
        frames.append(microphone.read())
    return _found(frames, sound, loudspeaker.sounding_until() - SWEEP_S)


def _found(frames: list[Frame], sound: NDArray[np.int16], begun: float) -> Found | None:
    heard = np.frombuffer(b"".join(frame.pcm for frame in frames), "<i2").astype(float)
    size = 1 << (len(heard) + len(sound)).bit_length()
    spectra = np.fft.rfft(heard, size), np.conj(np.fft.rfft(sound.astype(float), size))
    likeness = np.abs(np.fft.irfft(spectra[0] * spectra[1], size)[: len(heard) - len(sound)])
    first = int(likeness.argmax())
    if likeness[first] < HEARD * np.median(likeness) or not likeness[first]:
        return None
    at = frames[first // FRAME_SAMPLES].at + first % FRAME_SAMPLES / RATE_HZ
    noise = _rms(heard[: round(BEFORE_S * RATE_HZ / 2)])
    level = _rms(heard[first : first + len(sound)])
    return Found((at - begun) * 1000, _db(level / _rms(sound)), _db(level / noise))


def _rms(samples: NDArray[Any]) -> float:
    """At least what rounding to whole steps leaves."""
    return max(0.3, float(np.sqrt(np.mean(np.square(samples, dtype=float)))))


def _db(ratio: float) -> float:
    return float(20.0 * np.log10(ratio))


def with_late_ms(text: str, late_ms: float, file: str) -> str:
    """A profile's text with this late_ms in [audio], else as it was; ProfileError if it resists."""
    line = f"late_ms = {late_ms:g}"
    header = re.search(r"^\[audio\][^\n]*(\n|\Z)", text, re.MULTILINE)
    if header is None:
        ending = "\r\n" if "\r\n" in text else "\n"
        gap = "" if not text or text.endswith("\n") else ending
        changed = f"{text}{gap}{ending}[audio]{ending}{line}{ending}"
    else:
        changed = _in_section(text, header.end(), line)
    wanted = tomllib.loads(text)
    wanted.setdefault("audio", {})["late_ms"] = float(f"{late_ms:g}")
    try:
        if tomllib.loads(changed) == wanted:
            return changed
    except tomllib.TOMLDecodeError:
        pass
    raise ProfileError(f"{file}: is written in an unusual way: put '{line}' into [audio] yourself")


def _in_section(text: str, begin: int, line: str) -> str:
    """The line instead of the section's own, or as its first; `begin` is behind its header."""
    following = re.compile(r"^\s*\[", re.MULTILINE).search(text, begin)
    end = following.start() if following else len(text)
    old = re.compile(r"^late_ms[ \t]*=[ \t]*[^\s#]+", re.MULTILINE).search(text, begin, end)
    if old:
        return text[: old.start()] + line + text[old.end() :]
    header = text[:begin]
    ending = "\r\n" if header.endswith("\r\n") else "\n"
    gap = "" if header.endswith("\n") else ending
    return f"{header}{gap}{line}{ending}{text[begin:]}"


def _write(path: Path, late_ms: float) -> None:
    try:
        text = path.read_bytes().decode()
        file = path.resolve()  # what a link names is rewritten, not the link
        fresh = file.with_name(file.name + ".new")
        fresh.write_bytes(with_late_ms(text, late_ms, path.name).encode())
        shutil.copymode(file, fresh)
        fresh.replace(file)
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: cannot be rewritten: check the file") from error


def _own(path: Path) -> Path:
    """A profile that may be written; ProfileError for one that came with the program."""
    if path.resolve() in {shipped.resolve() for shipped in shipped_profiles().values()}:
        raise ProfileError(f"{path}: came with the program: copy it and name the copy")
    load_profile(str(path))
    return path


@contextmanager
def _quiet() -> Iterator[None]:
    """The sound libraries write on stderr by themselves; our one line says it better."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _listed(audio: Audio) -> list[dict[str, Any]]:
    chosen = {}
    for role, name in ((MICROPHONE, audio.microphone), (LOUDSPEAKER, audio.loudspeaker)):
        chosen[role] = PORT_AUDIO.chosen(role, name)
    return [
        {**_plain(device), "taken_as": [r for r, one in chosen.items() if one == device]}
        for device in PORT_AUDIO.devices()
    ]


def _plain(device: Device) -> dict[str, Any]:
    return {name: value for name, value in asdict(device).items() if name != "index"}


def _tested(audio: Audio) -> Found | None:
    silent = replace(audio, late_ms=0.0)
    with closing(PortAudioMicrophone(silent, time.monotonic)) as microphone:
        with closing(PortAudioLoudspeaker(silent, time.monotonic)) as loudspeaker:
            return measured(microphone, loudspeaker)


def _answer(call: Any, audio: Audio) -> Any:
    """What the call returns; AudioError when the sound server keeps it waiting."""
    result: Future[Any] = Future()

    def work() -> None:
        try:
            result.set_result(call(audio))
        except Exception as error:
            result.set_exception(error)

    Thread(target=work, daemon=True).start()
    with _quiet():
        try:
            return result.result(LIMIT_S)
        except StillWaiting:
            message = f"the sound server answered nothing for {LIMIT_S:g} s: restart it"
            raise AudioError(message) from None


def _tell_devices(listed: list[dict[str, Any]]) -> None:
    for one in listed:
        mark = f"  <- {' and '.join(one['taken_as'])}" if one["taken_as"] else ""
        what = f"{one['inputs']:3} in {one['outputs']:3} out {one['rate_hz']:6} Hz"
        click.echo(f"{what}  {one['name']}{mark}")
    if not listed:
        click.echo("no sound devices")


def _tell_test(found: Found) -> None:
    click.echo(f"heard {found.late_ms:.1f} ms later than the devices say")
    click.echo(f"echo {found.echo_db:+.1f} dB, {found.snr_db:.1f} dB over the noise")


@click.command()
@click.option("--profile", "name", metavar="NAME", help="Shipped, or a .toml.  [default: laptop]")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--test", is_flag=True, help="Play a short sweep and listen for it.")
@click.option(
    "--write",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PROFILE.toml",
    help="Test, then write late_ms into [audio] of this file.",
)
def devices(name: str | None, as_json: bool, test: bool, write: Path | None) -> None:
    """List the sound devices, or test those of a profile."""
    own = _own(write) if write else None
    profile: Profile = load_profile(name or str(own or "laptop"))
    if not (test or own):
        listed = _answer(_listed, profile.audio)
        click.echo(json.dumps(listed)) if as_json else _tell_devices(listed)
        return
    found: Found | None = _answer(_tested, profile.audio)
    if found is None:
        raise AudioError("the sweep was not heard: turn the loudspeaker up, and check the devices")
    click.echo(json.dumps(asdict(found))) if as_json else _tell_test(found)
    if own:
        late_ms = round(max(0.0, found.late_ms), 1)
        _write(own, late_ms)
        click.echo(f"late_ms = {late_ms:g} written to {own}", err=True)
