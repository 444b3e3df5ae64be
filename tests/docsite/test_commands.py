import click
import pytest

from docsite import commands


@click.group()
def tool() -> None:
    """Do things."""


@tool.command()
@click.argument("name")
@click.option("--size", metavar="N|all", help="How large.")
@click.option("-q", "--quick/--slow", help="How fast.")
def make(name: str, size: str, quick: bool) -> None:
    """Make NAME."""


@tool.command()
@click.option("--bare")
def silent(bare: str) -> None:
    pass


def test_a_command_is_shown_with_usage_options_and_the_commands_below_it() -> None:
    text = commands.reference(tool, "tool")
    assert "## tool\n\nDo things.\n\n```text\ntool [OPTIONS] COMMAND [ARGS]...\n```" in text
    assert "### tool make\n\nMake NAME.\n\n```text\ntool make [OPTIONS] NAME\n```" in text
    assert "| `--size N|all` | How large. |" in text


def test_a_command_without_description_and_an_option_without_help_are_named() -> None:
    assert list(commands.undocumented(tool, "tool")) == [
        "command `tool silent` has no description; give its function a docstring",
        "option --bare of `tool silent` has no help text",
    ]


def test_a_group_that_takes_other_words_for_a_command_is_known() -> None:
    command = type("Defaulting", (click.Group,), {"default_command": "make"})("tool", commands=tool.commands)
    assert list(commands.mistakes("tool box --size 3", command)) == []
    assert list(commands.mistakes("tool box --sice 3", command)) == ["`tool box --sice 3`: no option --sice"]


@pytest.mark.parametrize(
    "line",
    ["tool make box --size 3", "tool make --size=all box --slow  # a comment", "tool COMMAND --anything", "tool"],
)
def test_a_right_command_line_passes(line: str) -> None:
    assert list(commands.mistakes(line, tool)) == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("tool mak box", "`tool mak box`: no command 'mak'"),
        ("tool make box --sice 3", "`tool make box --sice 3`: no option --sice"),
        ("tool --size", "`tool --size`: no option --size"),
    ],
)
def test_a_wrong_command_line_is_named(line: str, fault: str) -> None:
    assert list(commands.mistakes(line, tool)) == [fault]
