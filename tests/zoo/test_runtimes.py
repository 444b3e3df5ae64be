"""Built models in both real runtimes: any batch, finite, and the same numbers."""

import numpy as np
import pytest

from advisor import zoo

pytestmark = pytest.mark.runtime

FAST = [
    "squeezenet-1.1", "mobilenet-v3-small", "shufflenet-v2", "ssd-mobilenet", "bert-mini",
    "like:age-gender-recognition-retail-0013", "like:license-plate-recognition-barrier-0001", "like:yolo-v3-tiny-tf",
    "like:face-detection-retail-0004", "like:text-recognition-0014", "like:landmarks-regression-retail-0009",
    "like:face-reidentification-retail-0095", "like:person-attributes-recognition-crossroad-0230",
]  # fmt: skip
SLOW = [
    "vgg-16", "resnet-50", "densenet-121", "inception-v3", "efficientnet-b0", "yolo-tiny", "unet", "vit-small",
    "swin-tiny", "bert-base", "yolov8n", "yolo11n", "rt-detr-l",
    "like:asl-recognition-0004", "like:quartznet-15x5-en", "like:aclnet", "like:erfnet",
    "like:text-image-super-resolution-0001", "like:text-to-speech-en-0001", "like:instance-segmentation-person-0007",
    "like:human-pose-estimation-0005", "like:convnext-tiny", "like:regnetx-3.2gf", "like:deeplabv3",
    "like:retinaface-resnet50-pytorch", "like:wav2vec2-base", "like:hbonet-0.25", "like:efficientdet-d0-tf",
    "like:mixnet-l", "like:horizontal-text-detection-0001", "like:smartlab-object-detection-0001",
    "like:human-pose-estimation-0001", "like:faceboxes-pytorch", "like:nanodet-m-1.5x-416", "like:googlenet-v4-tf",
    "like:facenet-20180408-102900", "like:person-detection-retail-0002", "like:vehicle-detection-adas-0002",
    "like:ssdlite_mobilenet_v2", "like:efficientnet-v2-b0", "like:text-recognition-0012",
    "like:emotions-recognition-retail-0003", "like:person-detection-retail-0013",
    "like:person-reidentification-retail-0288",
    "like:person-vehicle-bike-detection-crossroad-0078", "like:brain-tumor-segmentation-0002", "like:drn-d-38",
]  # fmt: skip


def inputs(file, batch):
    rng = np.random.default_rng(20 + batch)
    shape = (batch, *file.input_shape[1:])
    if file.token_limit is not None:
        return rng.integers(0, file.token_limit, shape)
    return rng.random(shape, dtype=np.float32)


def by_onnxruntime(path, x):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"input": x})[0]


def by_openvino(path, x):
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    model.reshape(list(x.shape))
    assert not model.is_dynamic()
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    return next(iter(core.compile_model(model, "CPU", settings)(x).values()))


def check(name, directory) -> None:
    file = zoo.build(name, directory)
    for batch in (1, 4):
        x = inputs(file, batch)
        a, b = by_onnxruntime(file.path, x), by_openvino(file.path, x)
        assert a.shape == b.shape
        assert np.isfinite(a).all()
        assert a.std() > 1e-3, "activations died out"
        if file.output_layout == "ssd":
            assert a.shape[2] % batch == 0
            check_boxes(a.reshape(batch, -1, 7), b.reshape(batch, -1, 7))
        else:
            assert a.shape[0] == batch
            if name.startswith("rt-detr"):
                # Positions that come equally near to being chosen as queries may be chosen in another order.
                np.testing.assert_allclose(np.sort(a[..., 4:], axis=None), np.sort(b[..., 4:], axis=None), atol=0.05)
            elif name == "like:deeplabv3":
                # Numbers of classes: at a tie of two classes a pixel may get either.
                assert (a == b).mean() > 0.999
            else:
                # Of 20 normalisations over two million numbers each, summed in single precision, one alone differs from
                # that in double precision by 6e-5 of a deviation (ONNX Runtime) and 2e-5 (OpenVINO).
                share = 1e-3 if name == "like:brain-tumor-segmentation-0002" else 1e-4
                np.testing.assert_allclose(a, b, rtol=1e-3, atol=share * np.abs(a).max())


def check_boxes(a, b) -> None:
    """Rows of equal confidence may change places, so confidences are compared in order, boxes by their range."""
    for rows in (a, b):
        assert (rows[:, :, 0] == np.arange(len(a))[:, None]).all()
        assert (rows[:, :, 1] >= 1).all()
        assert (np.diff(rows[:, :, 2], axis=1) <= 0).all()
        assert ((rows[:, :, 3:] >= 0) & (rows[:, :, 3:] <= 1)).all()
        assert (rows[:, :, 5:] >= rows[:, :, 3:5]).all()
    np.testing.assert_allclose(a[:, :, 2], b[:, :, 2], rtol=1e-3)


@pytest.mark.parametrize("name", FAST)
def test_both_runtimes_agree(name, tmp_path) -> None:
    check(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_both_runtimes_agree_on_larger_models(name, tmp_path) -> None:
    check(name, tmp_path)
