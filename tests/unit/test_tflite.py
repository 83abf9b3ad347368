import hashlib
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge import pins
from edge.errors import ModelError
from edge.pins import Pin
from edge.tflite import MAX_MANIFEST_BYTES, Manifest, Model, shipped

NAME = "context-encoder"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A copy of a shipped model that may be damaged."""
    original = shipped(NAME)
    shutil.copy(original.with_suffix(".tflite"), tmp_path)
    return Path(shutil.copy(original, tmp_path))


def refusal(manifest: Path) -> str:
    with pytest.raises(ModelError) as refused:
        Model(Manifest.unpinned(manifest))
    message = str(refused.value)
    assert "\n" not in message
    assert "; " in message
    return message


def rewrite(manifest: Path, old: str, new: str) -> None:
    written = manifest.read_text()
    assert old in written
    manifest.write_text(written.replace(old, new, 1))


@pytest.mark.parametrize(
    "name", [NAME, "wake-alexa", "wake-okay_nabu", "wake-hey_jarvis", "wake-hey_mycroft"]
)
def test_every_shipped_model_is_what_its_manifest_says(name):
    described = Manifest.load(shipped(name))
    assert described.name == name
    assert described.golden
    Model(described)


@pytest.mark.parametrize("change", ["# a word more\n", ""])
def test_another_manifest_than_the_pinned_one_is_refused_unread(manifest, change):
    written = manifest.read_text()
    manifest.write_text(written + change if change else written[:-1])
    with pytest.raises(ModelError, match=r"not the manifest that is pinned; restore it or pin"):
        Manifest.load(manifest)
    assert Manifest.unpinned(manifest).name == NAME


def test_a_manifest_that_nobody_pinned_is_refused(manifest):
    own = manifest.rename(manifest.with_name("own.toml"))
    with pytest.raises(ModelError, match="not the manifest that is pinned"):
        Manifest.load(own)
    digest = hashlib.sha256(own.read_bytes()).hexdigest()
    assert Manifest.load(own, Pin(digest.upper())).name == NAME
    with pytest.raises(ModelError, match="not the manifest that is pinned"):
        Manifest.load(own, Pin(digest[:-1] + "x"))


def test_every_manifest_that_ships_is_pinned_as_it_is():
    shipped_now = {path.stem: path.read_bytes() for path in shipped(NAME).parent.glob("*.toml")}
    assert pins.SHIPPED.keys() == shipped_now.keys()
    stale = [name for name, content in shipped_now.items() if not pins.SHIPPED[name].fits(content)]
    assert stale == [], "run tools/pin_models"


def test_an_unknown_model_is_not_shipped():
    with pytest.raises(ModelError, match=r"nonesuch\.toml: no such model is shipped; reinstall"):
        shipped("nonesuch")


def test_a_missing_model_is_refused(manifest):
    manifest.with_suffix(".tflite").unlink()
    assert "No such file" in refusal(manifest)


@pytest.mark.parametrize("keep", [0, 1, 1000, -1])
def test_a_truncated_model_is_refused(manifest, keep):
    model = manifest.with_suffix(".tflite")
    model.write_bytes(model.read_bytes()[:keep])
    assert "not the" in refusal(manifest)
    assert "bytes and the SHA-256 of" in refusal(manifest)


def test_a_longer_model_is_refused(manifest):
    with manifest.with_suffix(".tflite").open("ab") as model:
        model.write(b"\0")
    assert "bytes and the SHA-256 of" in refusal(manifest)


def test_a_flipped_bit_anywhere_is_refused_before_anything_parses_the_file(manifest):
    model = manifest.with_suffix(".tflite")
    described = Manifest.unpinned(manifest)
    content = model.read_bytes()
    draw = random.Random(4)
    for _ in range(20):
        flipped = bytearray(content)
        flipped[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        model.write_bytes(flipped)
        with pytest.raises(ModelError, match="the SHA-256 of"):
            described.verified()
    assert "the SHA-256 of" in refusal(manifest)


def test_a_folder_in_the_models_place_is_refused(manifest):
    manifest.with_suffix(".tflite").unlink()
    manifest.with_suffix(".tflite").mkdir()
    assert "Is a directory" in refusal(manifest)


def test_a_pinned_file_that_is_no_model_is_refused(manifest):
    described = Manifest.unpinned(manifest)
    noise = random.Random(5).randbytes(described.size_bytes)
    rewrite(manifest, described.sha256, hashlib.sha256(noise).hexdigest())
    manifest.with_suffix(".tflite").write_bytes(noise)
    assert "does not load" in refusal(manifest)


def test_a_model_that_computes_otherwise_is_refused(manifest):
    first = Manifest.unpinned(manifest).golden[0].outputs[0][0]
    rewrite(manifest, f"outputs = [[{first}", f"outputs = [[{first + 1}")
    assert "computes golden vector 1" in refusal(manifest)


def test_a_model_of_another_shape_is_refused(manifest):
    rewrite(manifest, "shape = [1, 128]", "shape = [1, 127]")
    assert "has no tensor" in refusal(manifest)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name =", "nmae =", "unknown key 'nmae'"),
        ('file = "', 'file = "../', "must lie beside"),
        ('file = "', 'file = "/', "must lie beside"),
        ("size_bytes = ", "size_bytes = -", "size_bytes must be above 0"),
        ("size_bytes = ", "size_byte = ", "unknown key"),
        ('sha256 = "', 'sha256 = "00', "64 hexadecimal digits"),
        ("[[golden]]", "[[golden]", "TOMLDecodeError"),
        ('dtype = "int32"', 'dtype = "int33"', "int33"),
        ("shape = [1, 128]", "shape = [0, 128]", "whole numbers above 0"),
        ("tolerance = ", 'tolerance = "x" #', "ValueError"),
        ("file = ", 'package = "no_such_package"\nfile = ', "pip install no-such-package"),
    ],
)
def test_a_broken_manifest_is_refused(manifest, old, new, said):
    rewrite(manifest, old, new)
    assert said in refusal(manifest)


def test_a_manifest_without_golden_vectors_is_refused(manifest):
    written = manifest.read_text()
    manifest.write_text(written[: written.index("[[golden]]")])
    assert "golden is missing" in refusal(manifest)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"\0", b"#" * (MAX_MANIFEST_BYTES + 1)])
def test_what_is_no_manifest_is_refused(manifest, content):
    manifest.write_bytes(content)
    assert manifest.name in refusal(manifest)


def test_a_missing_manifest_is_refused(tmp_path):
    assert "No such file or directory; restore the manifest" in refusal(tmp_path / "none.toml")


def test_a_parameter_must_be_there_and_of_its_type():
    described = Manifest.load(shipped("wake-alexa"))
    assert described.parameter("window", int) == 5
    with pytest.raises(ModelError, match="window must be of type str"):
        described.parameter("window", str)
    with pytest.raises(ModelError, match="nothing must be of type int"):
        described.parameter("nothing", int)


def test_inputs_of_another_shape_are_refused():
    model = Model(Manifest.load(shipped("wake-alexa")))
    with pytest.raises(ModelError, match="cannot compute"):
        model.run(np.zeros((1, 2, 40), np.int8))
    with pytest.raises(ModelError, match="cannot compute"):
        model.run()


def test_a_fresh_model_has_forgotten_what_it_heard():
    model = Model(Manifest.load(shipped("wake-alexa")))
    heard = [np.random.RandomState(n).randint(-128, 127, (1, 3, 40), np.int8) for n in range(30)]
    first = [model.run(step)[0].item() for step in heard]
    model.fresh()
    assert [model.run(step)[0].item() for step in heard] == first


def test_a_runtime_says_nothing_of_its_own(capfd):
    Model(Manifest.load(shipped("wake-alexa")))
    assert capfd.readouterr() == ("", "")
