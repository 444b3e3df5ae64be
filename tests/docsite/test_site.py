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


def test_faults_in_pages_fail_the_build(docs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    faults = {
        "[gone](gone.md)": "link 'gone.md'",
        "[gone](architecture.md#gone)": "'architecture.md#gone'",
        "`advisor/gone.py`": "`advisor/gone.py` does not exist",
        "`sizer gone`": "no command 'gone'",
        "`sizer plan --gone`": "no option --gone",
        "<!-- command: gone -->": "`sizer gone`, which does not exist",
    }
    with (docs / "glossary.md").open("a", encoding="utf-8") as page:
        page.write("\n" + "\n\n".join(faults) + "\n")
    host = docs / "commands" / "host.md"
    host.write_text(host.read_text(encoding="utf-8").replace("<!-- command: host -->", ""), encoding="utf-8")
    with pytest.raises(Abort):
        make(docs, tmp_path / "site")
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    expected = [*faults.values(), "command `sizer host` has no page"]
    assert [text for text in expected if not any(text in warning for warning in warnings)] == []
    assert len(warnings) == len(expected)
