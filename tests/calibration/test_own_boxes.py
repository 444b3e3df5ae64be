"""What ships is fitted on the catalogue that ships: boxes of whoever fits are in none of the datasets."""

from collections.abc import Callable
from pathlib import Path

import pytest

from advisor.calibration.dataset import load_dataset
from advisor.calibration.decode_material import load_material
from advisor.calibration.devices import graphics_data
from advisor.errors import CatalogueError
from advisor.store.catalogue import Catalogue, user_catalogue_dir
from advisor.store.paths import profiles_dir

CHIP = "processors/intel-processor-n97.yaml"


@pytest.fixture
def own_chip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    own = user_catalogue_dir() / "processors" / "my-own.yaml"
    own.parent.mkdir(parents=True)
    own.write_text((profiles_dir() / CHIP).read_text("utf-8").replace("id: intel-processor-n97", "id: my-own"), "utf-8")
    return own


def test_chips_of_whoever_fits_are_not_put_in_order(own_chip: Path) -> None:
    assert own_chip.stem in Catalogue.load().processor_ids()
    assert own_chip.stem not in Catalogue.shipped().processor_ids()
    assert own_chip.stem not in {chip.id for chip in load_dataset().ordered}


@pytest.mark.parametrize("read", [load_dataset, lambda: load_material(profiles_dir()), graphics_data])
def test_a_file_that_a_user_added_stops_no_fit(read: Callable[[], object], own_chip: Path) -> None:
    own_chip.rename(own_chip.with_name(Path(CHIP).name))
    with pytest.raises(CatalogueError, match="is also that of"):
        Catalogue.load()
    read()
