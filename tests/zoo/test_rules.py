import pytest

from advisor.errors import ModelError
from advisor.zoo.published import Published, published, refused
from advisor.zoo.rules import RULES, rule_for, same_graph
from advisor.zoo.standin import stand_in

BUILDABLE = [row for name, row in sorted(published().items()) if refused(row) is None]


def kernels(name: str) -> dict[str, int]:
    """Convolutions of a stand-in by kind (depthwise, grouped, 1x1, full), other operators by name."""
    net = stand_in(name).describe()
    counts: dict[str, int] = {}
    for node in net.nodes:
        kind = node.op
        if kind == "Conv":
            kind = "1x1" if set(node.attributes["kernel_shape"]) == {1} else "full"
            if node.attributes["group"] > 1:
                kind = "depthwise" if net.weights[node.inputs[1]].shape[1] == 1 else "grouped"
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def test_every_published_model_has_a_rule_and_every_rule_a_model() -> None:
    met = {rule_for(row).pattern for row in BUILDABLE if same_graph(row) is None}
    assert {rule.pattern for rule in RULES} == met


def test_every_rule_says_what_it_rests_on() -> None:
    assert {rule.evidence for rule in RULES} == {"layers", "described", "named", "assumed"}
    assert all(rule.blocks for rule in RULES)


def test_a_name_without_a_rule_is_refused() -> None:
    row = Published("no-such-kind-of-net", None, 1.0, 1.0, (1, 3, 224, 224), None, "a test")
    with pytest.raises(ModelError, match="no family of stand-ins"):
        rule_for(row)


def test_fire_modules_are_one_by_one_and_three_by_three_without_depthwise() -> None:
    """Layer list of the published file: ten modules of three convolutions, a stem, one predictor here (two there)."""
    assert kernels("face-detection-retail-0004")["1x1"] == 20
    assert kernels("face-detection-retail-0004")["full"] == 12
    assert "depthwise" not in kernels("face-detection-retail-0004")


def test_rmnet_has_as_many_depthwise_kernels_as_the_published_file() -> None:
    counts = kernels("person-detection-retail-0013")
    assert counts["depthwise"] == 4 + 9 + 11 + 12
    assert counts["full"] == 2


def test_age_and_gender_has_convolutions_only() -> None:
    assert kernels("age-gender-recognition-retail-0013").keys().isdisjoint({"Gemm", "MatMul", "depthwise"})


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("face-detection-retail-0004", 0.588), ("person-detection-retail-0013", 0.723),
        ("age-gender-recognition-retail-0013", 2.138), ("googlenet-v4-tf", 42.648), ("drn-d-38", 25.9939),
        ("facenet-20180408-102900", 23.469), ("efficientnet-v2-s", 21.3816),
        ("yolo-v4-tf", 64.33), ("yolo-v3-tf", 61.922), ("yolo-v3-tiny-tf", 8.848),
    ],
)  # fmt: skip
def test_graphs_of_known_networks_have_their_parameters_to_one_in_a_thousand(name, parameters) -> None:
    """A wrong block would not come out so near by chance: the search moved none of these counts."""
    assert stand_in(name).mparams == pytest.approx(parameters, rel=2e-3)


def test_yolo_has_the_convolutions_that_its_outputs_are_numbered_by() -> None:
    """Open Model Zoo names the last output of yolo-v4-tf ``conv2d_109``, counted from 0."""
    assert sum(node.op == "Conv" for node in stand_in("yolo-v4-tf").describe().nodes) == 110


def test_deeplab_has_stride_8() -> None:
    """Its model zoo says so of all frozen graphs, and 8.78 G multiply-adds at this input."""
    net = stand_in("deeplabv3").describe()
    assert net.macs == pytest.approx(8.78e9, rel=0.01)


def test_heads_on_several_maps_share_their_weights() -> None:
    net = stand_in("horizontal-text-detection-0001").describe()
    readers = [node.inputs[1] for node in net.nodes if node.op == "Conv"]
    assert len(set(readers)) < len(readers)
    assert net.mparams == pytest.approx(2.26, rel=0.05)


def test_text_of_lines_is_grouped_and_recurrent() -> None:
    counts = kernels("text-recognition-0014")
    assert counts["grouped"] == 7
    assert counts["LSTM"] == 2
