"""Reference of the command line, as Markdown, from the click commands themselves."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator

import click

_VERBATIM = "\b"
"""A line with this character alone tells click not to wrap the paragraph that follows."""
_PLACEHOLDER = re.compile(r"[A-Z][A-Z_-]*")


def reference(command: click.Command, path: str, depth: int = 2) -> str:
    """Usage, description and options of a command, and of the commands below it.

    Parameters
    ----------
    path
        The command as it is typed, for example ``sizer catalog``.
    depth
        Level of the command's heading, 1 to 6.
    """
    context = click.Context(command, info_name=path)
    lines = [f"{'#' * depth} {path}", "", *_description(command), "", "```text"]
    lines += [" ".join([path, *command.collect_usage_pieces(context)]), "```", ""]
    options = [param for param in command.get_params(context) if isinstance(param, click.Option)]
    records = [record for option in options if (record := option.get_help_record(context))]
    if records:
        lines += ["| option | meaning |", "|---|---|"]
        lines += [f"| `{names}` | {_cell(text)} |" for names, text in records]
        lines.append("")
    if isinstance(command, click.Group):
        lines += [reference(child, f"{path} {name}", depth + 1) for name, child in sorted(command.commands.items())]
    return "\n".join(lines)


def undocumented(command: click.Command, path: str) -> Iterator[str]:
    """Commands without a description and options without a help text, each as one line for the build's log."""
    if not command.help:
        yield f"command `{path}` has no description; give its function a docstring"
    for param in command.params:
        if isinstance(param, click.Option) and not param.hidden and not param.help:
            yield f"option {param.opts[-1]} of `{path}` has no help text"
    if isinstance(command, click.Group):
        for name, child in sorted(command.commands.items()):
            yield from undocumented(child, f"{path} {name}")


def mistakes(line: str, root: click.Group) -> Iterator[str]:
    """What is wrong with a command line that a page shows: an unknown command or option.

    Parameters
    ----------
    line
        For example ``sizer plan shop.yaml --html plan.html``; words in capitals are placeholders.
    root
        The command behind the first word.
    """
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = root
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        if _PLACEHOLDER.fullmatch(words[0]):
            return
        default = getattr(command, "default_command", None)  # what a word is meant for that is no command
        child = command.commands.get(words[0]) or command.commands.get(default or "")
        if child is None:
            yield f"`{line}`: no command {words[0]!r}"
            return
        command, words = child, words[1:]
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {"--help", "-h"}
    for word in words:
        name = word.split("=")[0]
        if name.startswith("-") and name not in known:
            yield f"`{line}`: no option {name}"


def _description(command: click.Command) -> list[str]:
    text = inspect.cleandoc(command.help or "")
    return [line for line in text.splitlines() if line != _VERBATIM]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
