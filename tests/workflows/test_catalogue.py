from __future__ import annotations

from pathlib import Path

import pytest

from advisor.errors import CatalogueError
from advisor.store.catalogue import Catalogue
from advisor.workflows.catalogue import list_catalogue, show_catalogue_entry


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


def test_a_display_name_does_as_well_as_an_id() -> None:
    catalogue = Catalogue.load()
    box = catalogue.platform("mini-pc-n100-8-gb")
    assert catalogue.resolve(box.name).id == box.id
    assert show_catalogue_entry(box.name.upper()) == box
    accelerator = catalogue.accelerators()[0]
    assert show_catalogue_entry(accelerator.name) == accelerator


def test_a_processor_means_the_boxes_that_have_it() -> None:
    catalogue = Catalogue.load()
    chip = catalogue.platform("mini-pc-n100-8-gb").processor
    boxes = catalogue.boxes(chip)
    assert "mini-pc-n100-8-gb" in {box.id for box in boxes}
    assert {box.processor for box in boxes} == {chip}
    assert catalogue.boxes(catalogue.processor(chip).name) == boxes
    assert [box.id for box in catalogue.boxes("mini-pc-n100-8-gb")] == ["mini-pc-n100-8-gb"]
    assert catalogue.boxes("nothing-of-the-kind") == []


def test_an_accelerator_gets_its_own_answer() -> None:
    catalogue = Catalogue.load()
    for accelerator in catalogue.accelerators():
        with pytest.raises(CatalogueError, match="known, but not modelled") as caught:
            catalogue.resolve(accelerator.id)
        assert f"sizer catalog show {accelerator.id}" in str(caught.value)
    with pytest.raises(CatalogueError, match=r"did you mean .*'hailo-8-m-2-ai-hat-26'"):
        catalogue.resolve("hailo-8")


def test_words_and_a_price_filter_the_list() -> None:
    every = list_catalogue().rows
    found = list_catalogue(words=("FANLESS", "n100"), max_price_usd=1000.0).rows
    assert found
    assert len(found) < len(every)
    for row in found:
        assert "fanless" in " ".join(map(str, row)).lower()
        assert "n100" in " ".join(map(str, row)).lower()
        assert isinstance(row[6], float)
        assert row[6] <= 1000.0
    assert list_catalogue(words=("no-such-word",)).rows == ()
    assert list_catalogue("accelerators", max_price_usd=10.0).rows == ()
