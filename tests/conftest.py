"""Fixtures of several unit tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.store_home import Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    ram = Path(tempfile.mkdtemp(dir="/dev/shm"))
    home = Home(tmp_path, ram / "keys")
    yield home
    home.close()
    shutil.rmtree(ram)
