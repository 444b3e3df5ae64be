"""ncnn's files as kernels: the numbers of a layer's line against hand-made ones."""

import pytest

from advisor.graph.ncnn_kernels import ncnn_kernels, peak_bytes, read_layers

PARAM = """7767517
9 10
Input in0 0 1 in0
Convolution first 1 1 in0 1 0=16 1=3 11=3 3=2 13=2 4=1 5=1 6=432
ConvolutionDepthWise deep 1 1 1 2 0=16 1=3 11=3 4=1 5=1 6=144 7=16
ConvolutionDepthWise grouped 1 1 2 3 0=32 1=3 11=3 4=1 5=1 6=1152 7=4
Split split 1 2 3 4 5
BinaryOp add 2 1 4 5 6 0=0
Pooling mean 1 1 6 7 0=1 4=1
InnerProduct classes 1 1 7 out0 0=10 1=1 2=320
NoSuchLayer odd 1 1 out0 out1
"""
SHAPES = {
    "in0": (3, 32, 32), "1": (16, 16, 16), "2": (16, 16, 16), "3": (32, 16, 16), "4": (32, 16, 16), "5": (32, 16, 16),
    "6": (32, 16, 16), "7": (32,), "out0": (10,), "out1": (10,),
}  # fmt: skip


def test_layers_become_kernels_with_their_work() -> None:
    kernels = {kernel.name: kernel for kernel in ncnn_kernels(read_layers(PARAM), SHAPES, 2, "cpu")}
    assert list(kernels) == ["first", "deep", "grouped", "add", "mean", "classes", "odd"]
    assert [kernel.type for kernel in kernels.values()] == [
        "conv", "dwconv", "groupconv", "eltwise", "pool", "fc", "other",
    ]  # fmt: skip
    first = kernels["first"]
    assert first.flop == 2 * 2 * 16 * 16 * 16 * 3 * 9
    assert first.weight_bytes == 4 * (432 + 16)
    assert (first.kernel_size, first.strides) == ((3, 3), (2, 2))
    assert (first.input_shape, first.output_shape) == ((2, 3, 32, 32), (2, 16, 16, 16))
    assert kernels["deep"].flop == 2 * 2 * 16 * 16 * 16 * 9
    assert kernels["grouped"].flop == 2 * 2 * 32 * 16 * 16 * 4 * 9
    assert kernels["classes"].flop == 2 * 2 * 320
    assert kernels["add"].flop == 0
    assert kernels["first"].implementation == "ncnn_Convolution_cpu"


def test_the_most_that_lives_at_once() -> None:
    # grouped (output of 32 planes) beside its input of 16; a split moves nothing
    assert peak_bytes(read_layers(PARAM), SHAPES) >= 4 * 256 * (16 + 32)


@pytest.mark.parametrize("text", ["", "7767517\n", "nonsense\n1 1\n", PARAM.replace("9 10", "12 10")])
def test_what_is_no_whole_file_is_refused(text) -> None:
    with pytest.raises(ValueError, match=r"ncnn|layers"):
        read_layers(text)
