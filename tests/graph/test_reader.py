"""What a file says, and how broken files are refused."""

import hashlib

import pytest

from advisor.errors import ModelError, RuntimeRefusal
from advisor.graph.frontend import hash_file, make_static, read_file
from advisor.graph.inputs import GivenShapes
from advisor.graph.reader import read_facts
from advisor.runtimes.conformance_networks import foreign_operator, small_network

from . import files, networks


def test_facts_of_a_small_network(tmp_path) -> None:
    facts = read_facts(small_network(tmp_path / "n.onnx"))
    assert facts.input_shape == (1, 3, 32, 32)
    assert facts.declared_shapes == ((None, 3, 32, 32),)
    assert not facts.dynamic
    assert facts.input_types == ("f32",)
    assert facts.output_shapes == ((1, 10),)
    assert facts.operators["Convolution"] == 3
    assert facts.operators["GroupConvolution"] == 2
    assert "Constant" not in facts.operators
    assert facts.uncounted == 0
    convolutions = 16 * 27 * 256 + 16 * 9 * 256 + 32 * 16 * 256 + 32 * 288 * 256 + 32 * 72 * 256
    assert facts.flop == 2 * (convolutions + 320)


def test_open_sizes_need_input(tmp_path) -> None:
    path = small_network(tmp_path / "n.onnx", size="side")
    with pytest.raises(ModelError, match=r"n\.onnx: input x .*input:"):
        read_facts(path)
    facts = read_facts(path, (1, 3, 64, 64))
    assert facts.dynamic
    assert facts.input_shape == (1, 3, 64, 64)


def test_a_fixed_file_can_be_read_at_another_size(tmp_path) -> None:
    path = small_network(tmp_path / "n.onnx", batch=1)
    assert read_facts(path, (1, 3, 64, 64)).flop > 3.9 * read_facts(path).flop


def test_impossible_input_names_the_operator(tmp_path) -> None:
    path = small_network(tmp_path / "n.onnx")
    with pytest.raises(ModelError, match=r"input: \[1, 4, 32, 32\] is refused: operator Convolution"):
        read_facts(path, (1, 4, 32, 32))
    with pytest.raises(ModelError, match="does not fit"):
        read_facts(path, (1, 3, 32))


def test_an_empty_input_is_named(tmp_path) -> None:
    net = networks.Net()
    path = net.save(tmp_path / "empty.onnx", [1, 0, 4, 4], net.add("Relu", ["x"]), [1, 0, 4, 4])
    with pytest.raises(ModelError, match=r"input x is empty: \[1, 0, 4, 4\]"):
        read_facts(path)
    with pytest.raises(ModelError, match="is empty"):
        read_facts(small_network(tmp_path / "n.onnx"), (1, 3, 0, 32))


def test_a_model_without_input_is_refused(tmp_path) -> None:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    value = numpy_helper.from_array(np.ones((1, 4), np.float32), "value")
    node = helper.make_node("Constant", [], ["y"], value=value)
    graph = helper.make_graph([node], "g", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), tmp_path / "none.onnx")
    with pytest.raises(ModelError, match="no input"):
        read_facts(tmp_path / "none.onnx")


def test_batch_against_a_fixed_reshape_names_the_operator(tmp_path) -> None:
    import numpy as np

    net = networks.Net()
    shape = networks.net_constant(net, np.array([1, 48], np.int64))
    out = net.add("Reshape", ["x", shape])
    path = net.save(tmp_path / "fixed.onnx", [1, 3, 4, 4], out, [1, 48])
    with pytest.raises(RuntimeRefusal, match=r"batch 2 is refused: operator Reshape"):
        make_static(read_file(path), path, batch=2)


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.999])
def test_truncated_file(tmp_path, kept) -> None:
    path = small_network(tmp_path / "n.onnx")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ModelError, match=r"n\.onnx"):
        read_facts(path)


def test_missing_and_foreign(tmp_path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        read_facts(tmp_path / "none.onnx")
    with pytest.raises(ModelError, match="operator Frobnicate"):
        read_facts(foreign_operator(tmp_path / "odd.onnx"))
    (tmp_path / "noise.xml").write_text("<net><layers>")
    with pytest.raises(ModelError, match=r"noise\.xml"):
        read_facts(tmp_path / "noise.xml")


def test_ir_with_its_weights(tmp_path) -> None:
    import openvino

    onnx_path = small_network(tmp_path / "n.onnx", batch=1)
    openvino.save_model(read_file(onnx_path), str(tmp_path / "ir.xml"), compress_to_fp16=False)
    first = read_facts(tmp_path / "ir.xml")
    assert first.flop == read_facts(onnx_path).flop
    assert first.parameters == read_facts(onnx_path).parameters
    before = hash_file(tmp_path / "ir.xml")
    weights = tmp_path / "ir.bin"
    weights.write_bytes(bytes([weights.read_bytes()[0] ^ 1]) + weights.read_bytes()[1:])
    assert hash_file(tmp_path / "ir.xml") != before


def test_hash_is_sha256(tmp_path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(b"abc")
    assert hash_file(path) == hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(ModelError):
        hash_file(tmp_path / "b.onnx")


def test_a_fixed_batch_is_counted_per_picture(tmp_path) -> None:
    path = files.picture_net(tmp_path / "eight.onnx", batch=8)
    facts = read_facts(path)
    assert (facts.input_shape, facts.file_batch) == ((1, 3, 16, 16), 8)
    assert facts.flop == files.CONV_FLOP
    assert read_facts(files.picture_net(tmp_path / "one.onnx", batch="N")).file_batch == 1


def test_a_fixed_batch_that_the_graph_insists_on_is_divided_by(tmp_path) -> None:
    path = files.picture_net(tmp_path / "eight.onnx", batch=8, flatten=True)
    facts = read_facts(path)
    assert (facts.input_shape, facts.file_batch, facts.flop) == ((1, 3, 16, 16), 8, files.CONV_FLOP)
    with pytest.raises(RuntimeRefusal, match=r"batch 2 is refused: operator Reshape.*fixes its batch at 8"):
        make_static(read_file(path), path, batch=2)


@pytest.mark.parametrize(("layout", "shape"), [("NCHW", (1, 3, 32, 64)), ("NHWC", (1, 32, 64, 3))])
@pytest.mark.parametrize("kind", [1, 2, 10])
def test_width_and_height_are_the_pictures_in_every_order_and_type(tmp_path, layout, shape, kind) -> None:
    path = files.picture_net(tmp_path / "n.onnx", batch="N", size="side", layout=layout, kind=kind)
    facts = read_facts(path, given=GivenShapes(picture=(64, 32)))
    assert facts.input_shape == shape
    assert facts.flop == files.CONV_FLOP * 64 * 32 / 16**2


def test_the_picture_may_stand_behind_other_inputs(tmp_path) -> None:
    sizes = ("sizes", 7, ["N", 2])
    path = files.picture_net(tmp_path / "n.onnx", batch="N", size="side", beside=[sizes], last=True)
    facts = read_facts(path, given=GivenShapes(picture=(64, 32)))
    assert facts.input_shape == (1, 3, 32, 64)
    assert facts.further_shapes == {}
    assert facts.dynamic


def test_open_dimensions_beside_a_picture_are_given_by_name(tmp_path) -> None:
    beside = ("prompts", 1, ["N", "prompts", 2])
    path = files.picture_net(tmp_path / "n.onnx", batch="N", size="side", beside=[beside])
    for given in (GivenShapes(picture=(64, 32)), GivenShapes((1, 3, 32, 64))):
        with pytest.raises(ModelError, match=r"input prompts has shape .*input: 'image\[1,3,32,64\],prompts\[1,1,2\]'"):
            read_facts(path, given=given)
    facts = read_facts(path, given=GivenShapes(named={"image": (1, 3, 32, 64), "prompts": (1, 5, 2)}))
    assert facts.input_shape == (1, 3, 32, 64)
    assert facts.further_shapes == {"prompts": (1, 5, 2)}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.pt", "export it to ONNX first"), ("a.PTH", "export it to ONNX first"), ("a.safetensors", "ONNX first"),
        ("a.engine", r"compiled for one device \(TensorRT\).*ONNX first"), ("a.hef", r"\(Hailo\).*ONNX first"),
        ("a.rknn", r"\(Rockchip\).*ONNX first"), ("a.bin", r"give the \.xml of the OpenVINO IR, a\.xml, or export"),
    ],
)  # fmt: skip
def test_formats_that_nothing_here_reads_get_the_way_to_one_that_is_read(tmp_path, name, words) -> None:
    (tmp_path / name).write_bytes(b"\x80\x02 not damaged at all")
    with pytest.raises(ModelError, match=words) as caught:
        read_facts(tmp_path / name)
    assert "damaged" not in str(caught.value)


def test_weights_beside_their_graph_name_it(tmp_path) -> None:
    (tmp_path / "a.xml").write_text("<net/>")
    (tmp_path / "a.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"give the \.xml of the OpenVINO IR, a\.xml$"):
        read_facts(tmp_path / "a.bin")


def test_a_newer_operator_set_is_told_whole(tmp_path) -> None:
    from onnx import helper

    node = helper.make_node("OperatorOfTomorrow", ["x"], ["y"])
    path = files.save(tmp_path / "n.onnx", [node], [("x", 1, [1, 4])], "y", opset=999)
    with pytest.raises(ModelError, match=r"operator set 999 is newer than what is known here \(\d+\); export it again"):
        read_facts(path)
