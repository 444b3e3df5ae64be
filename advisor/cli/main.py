"""Entry point of the ``sizer`` command: parse, call one workflow, render, exit."""

from __future__ import annotations

import sys

import click

from advisor import __version__
from advisor.cli import bench, calibrate, catalog, host, models, plan, predict, report, schema, verify
from advisor.cli.options import EXIT_CODES, report_failure, warn
from advisor.errors import SizerError


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="sizer")
def cli() -> None:
    """Size hardware for deep-learning inference: plan before buying, verify on site.

    Start with `sizer plan store-analytics` (a scenario that ships) or a scenario file of your own.
    """


for command in (
    plan.plan,
    verify.verify,
    host.host,
    bench.bench,
    calibrate.calibrate,
    predict.predict,
    catalog.catalog,
    models.models,
    report.report,
    schema.schema,
):
    cli.add_command(command)


def run(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code (contract: 0 to 4)."""
    try:
        result = cli.main(args=arguments, prog_name="sizer", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except click.Abort:
        warn("sizer: interrupted; what was measured before is kept")
        return 3
    except KeyboardInterrupt:
        warn("sizer: interrupted; what was measured before is kept")
        return 3
    except SizerError as error:
        return report_failure(error, error.exit_code)
    except BrokenPipeError:
        # The reader of our output has left (`sizer ... | head`): nothing is wrong with the answer.
        sys.stderr.close()
        return 0
    except Exception as error:  # the last line of defence: anything else is a bug of ours, exit 4
        code = report_failure(error, 4)
        warn(f"sizer: this is a bug ({type(error).__name__}); please report it with the output of --debug")
        return code
    return result if isinstance(result, int) else 0


def main() -> None:
    """Console script."""
    sys.exit(run())
