from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from edge.cli import main
from edge.errors import EdgeError


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", list(commands(main)), ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*path, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output
    described = result.output.split("Options:")[0].split("\n", 1)[1]
    assert described.strip(), "a command says what it does"


@pytest.mark.parametrize("arguments", [["dmeo"], ["demo", "--vioce", "x"], ["demo", "extra"]])
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2


def test_version() -> None:
    assert "26.11" in CliRunner().invoke(main, ["--version"]).output


def test_a_missing_package_of_an_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(main._modules, "gone", "edge_gone:demo")
    result = CliRunner().invoke(main, ["gone"])
    assert result.exit_code == 1
    assert result.stderr == "Error: this needs 'edge_gone': pip install 'edge[demo]'\n"


def test_an_unexpected_error_is_one_line_without_words(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command
    def broken() -> None:
        raise RuntimeError("words of a customer")

    monkeypatch.setattr("edge.cli.broken", broken, raising=False)
    monkeypatch.setitem(main._modules, "broken", "edge.cli:broken")
    result = CliRunner().invoke(main, ["broken"])
    assert result.exit_code == 1
    assert result.stderr.startswith("edge: unexpected RuntimeError at test_cli.py:")
    assert "customer" not in result.output
    assert result.stderr.count("\n") == 1
    assert isinstance(CliRunner().invoke(main, ["--debug", "broken"]).exception, RuntimeError)


def test_every_error_of_ours_has_one_sentence() -> None:
    def below(kind: type[EdgeError]) -> Iterator[type[EdgeError]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    for kind in below(EdgeError):
        assert kind.__doc__
        assert "\n" not in kind.__doc__
