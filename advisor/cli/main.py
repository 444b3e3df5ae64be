"""Entry point of the ``sizer`` command: parse, call one workflow, render, exit."""

from __future__ import annotations

import contextlib
import errno
import gc
import io
import os
import sys

import click

from advisor import __version__
from advisor.addresses import hidden
from advisor.cli.tolerant_stream import flush_or_discard
from advisor.errors import SizerError
from advisor.report.printable import printable
from advisor.workflows.context import few_collections

from . import (
    bench,
    calibrate,
    catalog,
    compare,
    farm,
    host,
    import_file,
    init,
    kit,
    models,
    plan,
    predict,
    report,
    schema,
    serve,
    store,
    verify,
)
from .options import EXIT_CODES, report_failure, warn
from .signals import ended_like_ctrl_c

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="sizer")
def cli() -> None:
    """Size hardware for deep-learning inference: plan before buying, verify on site.

    Start with `sizer plan store-analytics` (a scenario included with sizer), or write your own with `sizer init`.
    """


for command in (
    init.init,
    import_file.import_file,
    plan.plan,
    verify.verify,
    kit.kit,
    host.host,
    bench.bench,
    compare.compare,
    farm.farm,
    calibrate.calibrate,
    predict.predict,
    catalog.catalog,
    models.models,
    report.report,
    schema.schema,
    serve.serve,
    store.store,
):
    cli.add_command(command)


def run(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code (contract: 0 to 4)."""
    given = sys.argv[1:] if arguments is None else arguments
    unreadable = next((text for text in given if not _is_text(text)), None)
    if unreadable is not None:
        warn(
            f"sizer: argument {hidden(ascii(unreadable))} is not text in {sys.getfilesystemencoding().upper()}, and"
            " documents hold text only; rename the file or folder, or run with LC_ALL=C.UTF-8"
        )
        return 2
    try:
        with ended_like_ctrl_c():
            result = cli.main(args=arguments, prog_name="sizer", standalone_mode=False)
    except click.ClickException as error:
        shown = io.StringIO()  # usage and hint too, and what was typed may be an address with a password
        error.show(shown)
        if isinstance(error, click.MissingParameter) and error.param is not None and error.param.name == "scenario":
            shown.write("Name a file, or one that ships, such as store-analytics; `sizer init` writes a first one.\n")
        with contextlib.suppress(OSError):
            click.echo(printable(hidden(shown.getvalue())), err=True, nl=False)
        return 2
    except (click.Abort, KeyboardInterrupt):
        warn("sizer: interrupted; finished measurements are stored")
        return 3
    except SizerError as error:
        return report_failure(error, error.exit_code)
    except (BrokenPipeError, SystemExit) as error:
        # A closed pipe (`sizer ... | head`) is not an error. click from 8.2 exits by itself then, with code 1, which
        # means "the answer is no" here; nothing else exits with standalone_mode off.
        if isinstance(error, SystemExit) and error.code != 1:
            raise
        _drop_output()
        return 0
    except OSError as error:
        if error.errno not in _NO_ROOM:
            return _bug(error)
        _drop_output()
        warn("sizer: cannot write the output: the disk is full; free some space and run again")
        return 2
    except Exception as error:  # anything else is a bug, exit 4
        return _bug(error)
    return result if isinstance(result, int) else 0


def _is_text(argument: str) -> bool:
    """Whether no byte of an argument was left undecoded: JSON, pages and the store have no way to write such."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bug(error: Exception) -> int:
    code = report_failure(error, 4)
    warn(f"sizer: this is a bug ({type(error).__name__}); please report it with the output of --debug")
    return code


def _drop_output() -> None:
    """Discard buffered output: the interpreter would try to write it once more at exit, and complain."""
    with contextlib.suppress(OSError, ValueError):  # tests replace stdout by something without a descriptor
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def main() -> None:
    """Console script."""
    # openvino imports its converter of models where it finds it: 0.2 s, and no command converts any.
    sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]  # openvino allows for it to be missing
    # pydantic asks every installed package whether it plugs into it: none does, and it takes longer than a record's class.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    for stream in (sys.stdout, sys.stderr):
        # A terminal that has no letter for a name shows ? for it; the default is an exception.
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")
    with few_collections():
        code = run()
    flush_or_discard(sys.stderr)
    gc.freeze()  # the interpreter looks for cycles as it ends, and none of them matters any more
    sys.exit(code)
