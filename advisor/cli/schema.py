"""``sizer schema``."""

from __future__ import annotations

import click

from .options import EXIT_CODES, common, print_json_data


@click.command(epilog=EXIT_CODES)
@click.argument("name", required=False)
@common
def schema(name: str | None, as_json: bool, quiet: bool, store_url: str | None) -> None:
    """Print the JSON Schema of a document, for editors; without NAME list the documents.

    NAME is scenario, plan, verdict, prediction, host, bench, models, processor, platform, accelerator...
    """
    from advisor.workflows.schemas import schema_for, schema_names

    if name is None:
        if as_json:
            print_json_data(list(schema_names()))
        else:
            click.echo("\n".join(schema_names()))
        return
    print_json_data(schema_for(name))
