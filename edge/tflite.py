"""The one door to TFLite: a model is what its manifest says, or it is not loaded.

A manifest is pinned and pins its model: size and SHA-256 are checked before anything parses either,
golden vectors before anything relies on the model. It never downloads, and reads a file once.
"""

from __future__ import annotations

import base64
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge import pins
from edge.errors import ModelError

try:
    from tflite_runtime import interpreter as _runtime
except ImportError:
    from ai_edge_litert import interpreter as _runtime

Array = npt.NDArray[Any]
MAX_MANIFEST_BYTES = 256 * 1024
_RESTORE = "restore the manifest that came with the model"
_PACKAGE = Path(__file__).parent
_FOLDERS = (_PACKAGE / "_models", _PACKAGE.parent / "models")


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output: `shape` without unknowns, `dtype` as numpy names it."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    unit: str


@dataclass(frozen=True, slots=True)
class Golden:
    """What the model must answer on this device, from a fresh state.

    inputs: per tensor, values that are repeated until they fill it, or base64 of its bytes;
        base64 of n tensors is run as n steps. outputs: the leading values after the last step.
    """

    inputs: tuple[str | tuple[float, ...], ...]
    outputs: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model is. `file` lies beside the manifest, or in an installed `package`.

    tolerance: largest difference of a golden output, in that output's own unit.
    parameters: whatever the model's user needs to know. metrics: what was measured on it.
    """

    path: Path
    name: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    training_data: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    tolerance: float
    golden: tuple[Golden, ...]
    package: str | None = None
    parameters: Mapping[str, Any] | None = None
    metrics: Mapping[str, Any] | None = None

    @classmethod
    def load(cls, path: Path, pin: pins.Pin | None = None) -> Manifest:
        """Read a manifest that is pinned: by its name as one that ships, or by `pin`.

        ModelError when it is missing or another, before anything parses it.
        """
        content = _content(path)
        wanted = pin or pins.SHIPPED.get(path.stem)
        if wanted is None or not wanted.fits(content):
            raise ModelError(f"{path}: not the manifest that is pinned; restore it or pin this one")
        return cls._parsed(path, content)

    @classmethod
    def unpinned(cls, path: Path) -> Manifest:
        """Read any manifest: for tools that make and judge models, never for a device's engines."""
        return cls._parsed(path, _content(path))

    @classmethod
    def _parsed(cls, path: Path, content: bytes) -> Manifest:
        try:
            return cls(path=path, **_shaped(tomllib.loads(content.decode())))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(f"{path}: {_line(error)}; {_RESTORE}") from None

    def locate(self) -> Path:
        """The model file's path; ModelError when its package is not installed."""
        if self.package is None:
            return self.path.parent / self.file
        spec = util.find_spec(self.package) if self.package.isidentifier() else None
        if spec is None or not spec.submodule_search_locations:
            raise ModelError(
                f"{self.path}: package {self.package} is not installed; "
                f"pip install {self.package.replace('_', '-')}"
            )
        return Path(spec.submodule_search_locations[0]) / self.file

    def parameter(self, name: str, kind: type[Any]) -> Any:
        """A parameter of this type; ModelError when it is missing or of another."""
        value = (self.parameters or {}).get(name)
        if isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool):
            return value
        raise ModelError(
            f"{self.path} [parameters]: {name} must be of type {kind.__name__}; restore it"
        )

    def verified(self) -> bytes:
        """The model file's bytes, whose size and SHA-256 are the manifest's."""
        path = self.locate()
        try:
            with path.open("rb") as file:
                content = file.read(self.size_bytes + 1)
        except OSError as error:
            raise ModelError(f"{path}: {error.strerror}; restore the model file") from None
        if not pins.Pin(self.sha256, self.size_bytes).fits(content):
            wanted = f"{self.size_bytes} bytes and the SHA-256 of {self.path.name}"
            remedy = f"reinstall {self.package}" if self.package else "restore the model file"
            raise ModelError(f"{path}: not the {wanted}; {remedy}")
        return content


class Model:
    """A verified model, ready to run in one thread."""

    def __init__(self, manifest: Manifest) -> None:
        """Verify, load and check the golden vectors; ModelError when any of it fails."""
        self.manifest = manifest
        self._content = manifest.verified()
        self.fresh()
        for number, golden in enumerate(manifest.golden, 1):
            self._check(golden, number)
            self.fresh()

    def fresh(self) -> None:
        """Start over: a new interpreter, because resetting its variables is not enough."""
        try:
            self._interpreter = _runtime.Interpreter(
                model_content=self._content,
                num_threads=1,
                experimental_op_resolver_type=_runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, SystemError) as error:
            raise self._broken(f"does not load ({_line(error)})") from None
        self._inputs = self._indices(self._interpreter.get_input_details(), self.manifest.inputs)
        self._outputs = self._indices(self._interpreter.get_output_details(), self.manifest.outputs)

    def quantization(self, name: str) -> tuple[float, int]:
        """Scale and zero point of an input or output."""
        details = self._interpreter.get_input_details() + self._interpreter.get_output_details()
        scale, zero_point = next(d["quantization"] for d in details if d["name"] == name)
        return float(scale), int(zero_point)

    def run(self, *inputs: Array) -> tuple[Array, ...]:
        """One step, inputs and outputs in the manifest's order; shapes and types must be its."""
        try:
            for index, value in zip(self._inputs, inputs, strict=True):
                self._interpreter.set_tensor(index, value)
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise self._broken(f"cannot compute ({_line(error)})") from None
        return tuple(self._interpreter.get_tensor(index) for index in self._outputs)

    def _indices(self, details: Sequence[Mapping[str, Any]], wanted: Sequence[Tensor]) -> list[int]:
        found = {
            (d["name"], tuple(d["shape"].tolist()), np.dtype(d["dtype"]).name): int(d["index"])
            for d in details
        }
        try:
            return [found[tensor.name, tensor.shape, tensor.dtype] for tensor in wanted]
        except KeyError as error:
            raise self._broken(f"has no tensor {error}") from None

    def _check(self, golden: Golden, number: int) -> None:
        outputs: tuple[Array, ...] = ()
        for step in self._steps(golden):
            outputs = self.run(*step)
        for tensor, got, wanted in zip(self.manifest.outputs, outputs, golden.outputs, strict=True):
            leading = got.ravel()[: len(wanted)].astype(np.float64)
            if not np.allclose(leading, wanted, rtol=0.0, atol=self.manifest.tolerance):
                raise self._broken(f"computes golden vector {number} ({tensor.name}) wrongly")

    def _steps(self, golden: Golden) -> list[list[Array]]:
        pairs = zip(self.manifest.inputs, golden.inputs, strict=True)
        return [list(step) for step in zip(*(_fill(*pair) for pair in pairs), strict=True)]

    def _broken(self, what: str) -> ModelError:
        return ModelError(
            f"{self.manifest.path}: the model {what} in {_runtime.__name__.partition('.')[0]}; "
            "install a version of the runtime that the package asks for"
        )


def shipped(name: str) -> Path:
    """The path of a manifest that ships with the package, installed or in a source checkout."""
    for folder in _FOLDERS:
        path = folder / f"{name}.toml"
        if path.is_file():
            return path
    raise ModelError(f"models/{name}.toml: no such model is shipped; reinstall the package")


def _content(path: Path) -> bytes:
    """A manifest's bytes; ModelError when it is missing or too long."""
    try:
        with path.open("rb") as file:
            if len(content := file.read(MAX_MANIFEST_BYTES + 1)) <= MAX_MANIFEST_BYTES:
                return content
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; {_RESTORE}") from None
    raise ModelError(f"{path}: longer than {MAX_MANIFEST_BYTES} bytes; {_RESTORE}")


def _fill(tensor: Tensor, values: str | tuple[float, ...]) -> list[Array]:
    if isinstance(values, str):
        steps = np.frombuffer(base64.b64decode(values), tensor.dtype)
        return list(steps.reshape(-1, *tensor.shape))
    return [np.resize(np.array(values, tensor.dtype), tensor.shape)]


def _shaped(table: dict[str, Any]) -> dict[str, Any]:
    """The manifest's fields, each of its type; ValueError, TypeError or KeyError where not."""
    known = {field.name for field in fields(Manifest)} - {"path"}
    unknown = sorted(set(table) - known)
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}")
    for key in ("name", "file", "licence", "training_data"):
        _of(str, table, key)
    if _of(int, table, "size_bytes") <= 0:
        raise ValueError("size_bytes must be above 0")
    if len(_of(str, table, "sha256")) != 64:
        raise ValueError("sha256 must be 64 hexadecimal digits")
    _inside(table["file"])
    if not _of(list, table, "golden"):
        raise ValueError("golden must hold a vector")
    return table | {
        "tolerance": float(table["tolerance"]),
        "inputs": tuple(map(_tensor, table["inputs"])),
        "outputs": tuple(map(_tensor, table["outputs"])),
        "golden": tuple(map(_golden, _of(list, table, "golden"))),
    }


def _of(kind: type[Any], table: Mapping[str, Any], key: str) -> Any:
    if key not in table:
        raise ValueError(f"{key} is missing")
    if not isinstance(table[key], kind):
        raise ValueError(f"{key} must be of type {kind.__name__}")
    return table[key]


def _tensor(table: Mapping[str, Any]) -> Tensor:
    shape = tuple(_of(list, table, "shape"))
    if not all(isinstance(size, int) and size > 0 for size in shape):
        raise ValueError("shape must be whole numbers above 0")
    dtype = np.dtype(_of(str, table, "dtype")).name
    return Tensor(_of(str, table, "name"), shape, dtype, _of(str, table, "unit"))


def _golden(table: Mapping[str, Any]) -> Golden:
    inputs = _of(list, table, "inputs")
    return Golden(
        tuple(value if isinstance(value, str) else _numbers(value) for value in inputs),
        tuple(map(_numbers, _of(list, table, "outputs"))),
    )


def _numbers(values: Sequence[Any]) -> tuple[float, ...]:
    if not values:
        raise ValueError("a golden vector must not be empty")
    return tuple(map(float, values))


def _inside(file: str) -> None:
    path = Path(file)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("file must lie beside the manifest or in its package")


def _line(error: Exception) -> str:
    """The first line of what a library said, so that a message stays one line."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
