from __future__ import annotations

from pathlib import Path

import pytest

from advisor.errors import CatalogueError
from advisor.workflows.catalogue import show_catalogue_entry


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("i7-11800h", "did you mean 'intel-core-i7-11800h' or 'mini-pc-i7-11800h-16-gb'"),
        ("intel-core-i7-8701", "did you mean 'intel-core-i7-8700'"),
        ("nope", "'nope' is not in the catalogue; all ids: sizer catalog list"),
    ],
)
def test_an_entry_that_is_not_there_is_named_with_what_may_be_meant(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    with pytest.raises(CatalogueError) as caught:
        show_catalogue_entry(name)
    assert said in str(caught.value)
