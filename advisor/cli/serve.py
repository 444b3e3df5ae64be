"""``sizer serve``."""

from __future__ import annotations

from pathlib import Path

import click

from . import INTERRUPTED
from .options import EXIT_CODES, PathOption, common, echo, print_document

DEFAULT_PORT = 8765


@click.command(epilog=EXIT_CODES)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS",
              help="Address to listen on. Any but loopback needs a token, which every request then carries.")  # fmt: skip
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port to listen on; 0: any free one.",
)
@click.option("--token-file", type=PathOption, default=None, metavar="FILE",
              help="Token that permits changes, such as the import of prices. Default: SIZER_SERVE_TOKEN, else none: read-only.")  # fmt: skip
@click.option("--name", "names", multiple=True, metavar="HOST",
              help="Another name of this machine that browsers may use; may be repeated. Other names are refused.")  # fmt: skip
@common
def serve(
    host: str,
    port: int,
    token_file: Path | None,
    names: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    store_url: str | None,
) -> int:
    """Show plans, verdicts, offers and measurements of the store in the browser, until Ctrl-C.

    Read-only, and for this machine alone, unless told otherwise. With a token price lists can be imported: what would
    change is shown first. The same lists are JSON below /api. Needs the extra `serve` (flask, waitress).
    """
    import os

    from advisor.errors import InputError
    from advisor.workflows.browse import check_store

    try:
        from advisor.serve.access import is_loopback
        from advisor.serve.app import Settings
        from advisor.serve.server import read_token
        from advisor.serve.server import serve as serve_until_interrupted
    except ModuleNotFoundError as error:
        raise InputError(
            f"{error.name} is not installed; `pip install 'sizer[serve]'` brings what `sizer serve` needs"
        ) from error

    token = read_token(token_file, os.environ.get("SIZER_SERVE_TOKEN"))
    name = check_store(store_url)  # a store that cannot be opened is no store to serve
    settings = Settings(store_url, host, is_loopback(host), names, token)

    def ready(address: str) -> None:
        if as_json:
            print_document("serve", address=address, store=name, read_only=token is None)
        else:
            echo(f"{address} shows store {name}{', read-only' if token is None else ''}; Ctrl-C ends it")
        import sys

        sys.stdout.flush()

    try:
        serve_until_interrupted(settings, port, ready)
    except KeyboardInterrupt:
        return INTERRUPTED  # as it is meant to end: nothing was measured that could be lost
    return 0
