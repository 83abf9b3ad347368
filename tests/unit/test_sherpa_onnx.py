"""What sherpa-onnx says is missing."""

from __future__ import annotations

import importlib.util

import pytest

from edge.engines.sherpa_onnx import SherpaOnnx
from edge.errors import EngineError

installed = importlib.util.find_spec("sherpa_onnx") is not None


@pytest.mark.skipif(installed, reason="sherpa-onnx is installed")
def test_a_missing_library_is_named_in_one_line():
    with pytest.raises(EngineError, match=r"^sherpa-onnx is not installed: install the extra "):
        SherpaOnnx()


@pytest.mark.skipif(not installed, reason="sherpa-onnx is not installed")
def test_the_files_that_lack_are_named_with_their_place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = tmp_path / "edge" / "models" / "sherpa-onnx"
    folder.mkdir(parents=True)
    (folder / "encoder-7.int8.onnx").touch()
    with pytest.raises(
        EngineError, match=r"/sherpa-onnx: lacks decoder\*.onnx, joiner\*.onnx, tok"
    ):
        SherpaOnnx()
