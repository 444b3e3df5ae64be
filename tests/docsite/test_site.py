"""The whole site: it builds, asks no network, and a fault in a page fails the build."""

import re
import shutil
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from advisor.cli.main import cli
from advisor.workflows.schemas import schema_names

ROOT = Path(__file__).resolve().parents[2]
FETCHED = re.compile(
    r'<(?:script|img|iframe)[^>]*\ssrc="(?:https?:)?//'
    r'|<link[^>]*rel="(?:stylesheet|preconnect)[^>]*//'
)


def make(docs: Path, site: Path) -> None:
    config = load_config(str(ROOT / "mkdocs.yml"), docs_dir=str(docs), site_dir=str(site))
    config.plugins.on_startup(command="build", dirty=False)
    build(config)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    make(ROOT / "docs", directory)
    return directory


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "docs", tmp_path / "docs"))


def test_every_command_and_every_document_has_a_page(site: Path) -> None:
    assert [name for name in cli.commands if not (site / "commands" / f"{name}.html").is_file()] == []
    assert [name for name in schema_names() if not (site / "documents" / f"{name}.html").is_file()] == []
    assert [name for name in schema_names() if not (site / "documents" / f"{name}.schema.json").is_file()] == []


def test_no_page_fetches_anything(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    assert [page.name for page in pages if FETCHED.search(page.read_text(encoding="utf-8"))] == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"url\((?:https?:)?//", styles) == []


@pytest.mark.parametrize(
    ("page", "added", "warning"),
    [
        ("glossary.md", "[gone](gone.md)", "link 'gone.md'"),
        ("glossary.md", "[gone](architecture.md#gone)", "#gone"),
        ("glossary.md", "`advisor/gone.py`", "`advisor/gone.py` does not exist"),
        ("glossary.md", "`sizer gone`", "no command 'gone'"),
        ("commands/plan.md", "<!-- command: gone -->", "`sizer gone`, which does not exist"),
    ],
)
def test_a_fault_in_a_page_fails_the_build(
    docs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, page: str, added: str, warning: str
) -> None:
    path = docs / page
    path.write_text(path.read_text(encoding="utf-8") + f"\n{added}\n", encoding="utf-8")
    with pytest.raises(Abort):
        make(docs, tmp_path / "site")
    assert warning in caplog.text


def test_a_command_without_a_page_fails_the_build(docs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = docs / "commands" / "host.md"
    path.write_text(path.read_text(encoding="utf-8").replace("<!-- command: host -->", ""), encoding="utf-8")
    with pytest.raises(Abort):
        make(docs, tmp_path / "site")
    assert "command `sizer host` has no page" in caplog.text
