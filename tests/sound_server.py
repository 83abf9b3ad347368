"""A private PulseAudio with virtual devices, for tests of real sound streams.

Devices, by the names that PortAudio lists them under: `microphone` hears what `say` plays,
`stereo_microphone` the same of a 48 kHz stereo device, `loudspeaker` sounds into `Recording`,
and `echo` is a microphone that hears the loudspeaker. `microphone` hears it as well where the
server is given an echo.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ctypes.util import find_library
from functools import cache
from pathlib import Path
from threading import Thread

import numpy as np
from numpy.typing import NDArray

SINKS = {
    "said": "rate=16000 channels=1",
    "said_stereo": "rate=48000 channels=2",
    "loudspeaker": "rate=48000 channels=2",
}
PCMS = {
    "microphone": "said.monitor",
    "stereo_microphone": "said_stereo.monitor",
    "loudspeaker": "loudspeaker",
    "echo": "loudspeaker.monitor",
}
STARTING_LIMIT_S = 20.0


def missing() -> str:
    """What must be installed before this runs; empty when all is there."""
    programs = [name for name in ("pulseaudio", "pactl", "pacat") if not shutil.which(name)]
    plugins = [Path(folder) for folder in ("/usr/lib", "/usr/lib64")]
    plugin = "alsa-lib/libasound_module_pcm_pulse.so"
    found = any(next(folder.glob(f"**/{plugin}"), None) for folder in plugins if folder.is_dir())
    wanted = programs + ["libportaudio2"] * (not find_library("portaudio"))
    wanted += ["libasound2-plugins"] * (not found)
    return f"needs {', '.join(wanted)}" if wanted else ""


@cache
def home() -> Path:
    """The server's folder; one a process, since ALSA and PulseAudio remember what they read."""
    folder = Path(tempfile.mkdtemp(prefix="edge-sound-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    blocks = [f"pcm.{name} {{ type pulse device {device} }}" for name, device in PCMS.items()]
    config = [
        "</usr/share/alsa/alsa.conf>",
        *blocks,
        "pcm.!default { type pulse }",
        "ctl.!default { type pulse }",
    ]
    (folder / "asound.conf").write_text("\n".join(config) + "\n")
    return folder


def environment() -> dict[str, str]:
    """Where ALSA and PulseAudio find the private server, for this process or a child."""
    return {
        "ALSA_CONFIG_PATH": str(home() / "asound.conf"),
        "PULSE_RUNTIME_PATH": str(home() / "pulse"),
        "PULSE_SERVER": f"unix:{home()}/pulse.sock",
        "PULSE_COOKIE": str(home() / "cookie"),
        "PULSE_CLIENTCONFIG": "/dev/null",
    }


class SoundServer:
    """The server as a process of its own, to be killed, stopped and started again.

    echo_db: how loud `microphone` hears the loudspeaker; None: not at all.
    """

    def __init__(self, echo_db: float | None = None) -> None:
        self._echo_db = echo_db
        private = {"HOME": str(home()), "XDG_RUNTIME_DIR": str(home())}
        self._environment = {**os.environ, **environment(), **private}
        self._children: list[subprocess.Popen[bytes]] = []
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns when every device is there and runs."""
        socket = home() / "pulse.sock"
        socket.unlink(missing_ok=True)
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1"]
        command += ["--use-pid-file=no", "--disable-shm=yes"]
        for name, form in SINKS.items():
            command += ["-L", f"module-null-sink sink_name={name} {form} format=s16le"]
        if self._echo_db is not None:  # before any client comes: it is the first stream
            path = "source=loudspeaker.monitor sink=said latency_msec=20"
            command += ["-L", f"module-loopback {path}"]
        command += ["-L", f"module-native-protocol-unix auth-anonymous=1 socket={socket}"]
        self._server = self._child(command)
        until = time.monotonic() + STARTING_LIMIT_S
        while self._pactl("set-default-sink", "loudspeaker"):
            assert time.monotonic() < until, "pulseaudio does not start"
            assert self._server.poll() is None, "pulseaudio has ended"
        self._pactl("set-default-source", "loudspeaker.monitor")
        if self._echo_db is not None:
            assert self._pactl("set-sink-input-volume", "0", f"{self._echo_db:.2f}dB") == 0
        for name in SINKS:  # a device that nobody listens to works in steps of two seconds
            self._child(_listening(name))
        self._wait_until_they_run()

    def kill(self) -> None:
        """It is gone at once, with all its clients."""
        for child in self._children:
            with suppress(ProcessLookupError):
                child.send_signal(signal.SIGCONT)
            child.kill()
            child.wait()
        self._children.clear()

    def hang(self) -> None:
        """From now on it answers nothing."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def answer(self) -> None:
        """It goes on where it hung."""
        assert self._server is not None
        self._server.send_signal(signal.SIGCONT)

    def say(self, sound: NDArray[np.int16], rate_hz: int, sink: str = "said") -> None:
        """Play samples [n] or [n, channels] into a virtual microphone; returns when all went in."""
        channels = 1 if sound.ndim == 1 else sound.shape[1]
        form = [f"--rate={rate_hz}", f"--channels={channels}", "--format=s16le", "--raw"]
        form += ["--latency-msec=500"]  # with less it stutters, with none it ends two seconds late
        subprocess.run(
            ["pacat", "--playback", f"--device={sink}", *form],
            input=sound.tobytes(),
            env=self._environment,
            check=True,
        )

    def _wait_until_they_run(self) -> None:
        """The first step of each is still a long one."""
        for name in SINKS:
            piped, silent = subprocess.PIPE, subprocess.DEVNULL
            with subprocess.Popen(
                _listening(name), env=self._environment, stdout=piped, stderr=silent
            ) as child:
                assert child.stdout is not None
                child.stdout.read(8000)
                child.kill()

    def _pactl(self, *words: str) -> int:
        silent = subprocess.DEVNULL
        command = ["pactl", *words]
        return subprocess.run(
            command, env=self._environment, stdout=silent, stderr=silent, check=False
        ).returncode

    def _child(self, command: list[str]) -> subprocess.Popen[bytes]:
        silent = subprocess.DEVNULL
        child = subprocess.Popen(command, env=self._environment, stdout=silent, stderr=silent)
        self._children.append(child)
        return child


def _listening(sink: str) -> list[str]:
    return ["parec", "--latency-msec=10", "-d", f"{sink}.monitor", "--raw"]


class Recording:
    """What the virtual loudspeaker sounds, by a client of its own; 16 kHz mono int16.

    Times are of the monotonic clock: a sample cannot have come before it sounded, so the
    earliest of all blocks tells when the first one did.
    """

    def __init__(self) -> None:
        form = ["--rate=16000", "--channels=1", "--format=s16le", "--raw", "--latency-msec=10"]
        self._child = subprocess.Popen(
            ["parec", "-d", "loudspeaker.monitor", *form],
            env={**os.environ, **environment()},
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self._pieces: list[bytes] = []
        self._bytes = 0
        self.begun = float("inf")
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def end(self) -> NDArray[np.int16]:
        """All of it, from `begun` on."""
        self._child.terminate()
        self._thread.join()
        self._child.wait()
        return np.frombuffer(b"".join(self._pieces), "<i2")

    def _listen(self) -> None:
        assert self._child.stdout is not None
        with self._child.stdout as stdout:
            while piece := stdout.read(4096):
                self._pieces.append(piece)
                self._bytes += len(piece)
                if self._bytes > 16000:  # half a second: the beginning comes all at once
                    self.begun = min(self.begun, time.monotonic() - self._bytes / 2 / 16000)


@contextmanager
def sound_server(echo_db: float | None = None) -> Iterator[SoundServer]:
    """A running server, and this process's sound libraries turned to it."""
    before = {name: os.environ.get(name) for name in environment()}
    os.environ.update(environment())
    server = SoundServer(echo_db)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
