from advisor.measure.items.preparation import PreparationItem
from tests.measure.measuring import measured


def test_costs_have_names_and_follow_the_size() -> None:
    small = PreparationItem((320, 240), (62, 62), "crop", duration_s=0.05)
    large = PreparationItem((1920, 1080), (544, 320), duration_s=0.05)
    raw = PreparationItem((320, 240), (64, 64), source="bgr24", duration_s=0.05)
    found = {record.name: record for record in measured([small, large, raw])}
    assert set(found) == {"crop/320x240/62x62", "preprocess/1920x1080/544x320", "preprocess_raw/320x240/64x64"}
    assert all(record.unit == "s" for record in found.values())
    assert found["preprocess/1920x1080/544x320"].value > 3 * found["crop/320x240/62x62"].value > 0


def test_several_threads_prepare_concurrently() -> None:
    alone = PreparationItem((320, 240), (64, 64), duration_s=0.05)
    paired = PreparationItem((320, 240), (64, 64), duration_s=0.05, streams=2)
    assert (alone.name, paired.name) == ("preprocess/320x240/64x64", "preprocess/320x240/64x64/n2")
    assert alone.key("host") != paired.key("host")
    one, two = measured([alone, paired])
    assert (one.parameters["streams"], two.parameters["streams"]) == ("1", "2")
    assert float(two.parameters["calls_per_s"]) > 0
    assert two.samples >= 10  # at least five calls of either thread
    assert 0 < two.value < 1
