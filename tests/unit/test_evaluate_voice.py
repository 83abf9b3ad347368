import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from edge.clip import write_flac
from edge.dialogue import RATE_HZ
from edge.evaluate_voice import evaluate, voice
from edge.spectrum import Array
from edge.tflite import shipped

MODEL = shipped("speaker-encoder")
FIGURES = {
    "speakers",
    "eer_same_word",
    "eer_other_words",
    "eer_other_session",
    "ci95",
    "ms_per_audio_s",
    "model_bytes",
    "baseline",
}
VOWELS = {"alexa": (700, 1200), "stop": (400, 2200), "turn the red lamp on": (500, 1600)}


def spoken(speaker: int, text: str, take: int, seconds: float = 0.7) -> bytes:
    """Pulses at the speaker's pitch through resonances of the text and of the speaker."""
    draw = np.random.default_rng([speaker, take, len(text)])
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave = np.zeros(len(at))
    for harmonic in range(1, 40):
        hz = harmonic * (90 + 25 * speaker)
        near = sum(np.exp(-(((hz - f * (1 + speaker / 20)) / 300) ** 2)) for f in VOWELS[text])
        wave += near * np.sin(2 * np.pi * hz * at + draw.uniform(0, 6))
    faded = wave * np.sin(np.pi * at / at[-1]) * 8000 / np.abs(wave).max()
    whole: Array = (faded + draw.normal(0, 20, len(at))).astype("<i2")
    return whole.tobytes()


def recorded(folder: Path, keys: tuple[str, ...] = ("text", "session"), speakers: int = 4) -> Path:
    rows = []
    for speaker in range(speakers):
        for number, text in enumerate(VOWELS):
            for take in range(4):
                name = f"{speaker}-{number}-{take}.flac"
                write_flac(folder / name, spoken(speaker, text, take))
                row: dict[str, object] = {
                    "id": name,
                    "set": "calls",
                    "speaker": f"s{speaker}",
                    "text": text,
                }
                row |= {"session": str(take // 2), "file": name, "start": 0.0, "dur": 0.7}
                optional = {"text", "session"} - set(keys)
                rows.append({key: value for key, value in row.items() if key not in optional})
    path = folder / "voices.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def room(folder: Path) -> Path:
    draw = np.random.default_rng(1)
    fall = np.exp(-np.arange(3000) / 600)
    for name, sound in (
        ("rir", draw.normal(0, 5000, 3000) * fall),
        ("noise", draw.normal(0, 900, RATE_HZ)),
    ):
        write_flac(folder / f"{name}.flac", sound.astype("<i2").tobytes())
    rows = [
        {"id": name, "set": name, "file": f"{name}.flac", "start": 0.0, "dur": seconds}
        for name, seconds in (("rir", 3000 / RATE_HZ), ("noise", 1.0))
    ]
    path = folder / "noise.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(voice, list(map(str, arguments)))
    return done.exit_code, done.stdout


def test_all_figures_come_as_one_json_object(tmp_path):
    code, out = run(recorded(tmp_path), "--json")
    found = json.loads(out)
    assert code == 0
    assert found.keys() >= FIGURES
    assert (found["speakers"], found["clips"], found["silent"]) == (4, 48, 0)
    for name in ("eer_same_word", "eer_other_words", "eer_other_session"):
        low, high = found["ci95"][name]
        assert 0 <= low <= found[name] <= high <= 1
    assert found["trials"]["eer_other_words"] == "sentence"
    assert found["model_bytes"] <= 200_000
    assert found["baseline"].keys() == found["kinds"].keys()


def test_one_room_for_all_is_judged_beside(tmp_path):
    found = evaluate(recorded(tmp_path, speakers=2), MODEL, room(tmp_path))
    assert found["one_room_model"].keys() == found["kinds"].keys()
    assert found["one_room_baseline"].keys() == found["kinds"].keys()


def test_a_manifest_without_text_and_session_is_judged_on_other_words(tmp_path):
    found = evaluate(recorded(tmp_path, keys=(), speakers=2), MODEL)
    assert found["eer_same_word"] is found["eer_other_session"] is None
    assert found["trials"]["eer_other_words"] == "other_word"
    assert 0 <= found["eer_other_words"] <= 1


def test_a_silent_clip_is_counted_and_left_out(tmp_path):
    path = recorded(tmp_path, speakers=2)
    write_flac(tmp_path / "0-0-0.flac", bytes(2 * RATE_HZ))
    assert evaluate(path, MODEL)["silent"] == 1


def test_without_json_the_figures_are_lines(tmp_path):
    _, out = run(recorded(tmp_path, speakers=2))
    assert any(line.split()[:1] == ["eer_same_word"] for line in out.splitlines())


def test_the_same_recordings_give_the_same_figures(tmp_path):
    path = recorded(tmp_path, speakers=2)
    one, other = (evaluate(path, MODEL) for _ in range(2))
    assert one | {"ms_per_audio_s": 0} == other | {"ms_per_audio_s": 0}
