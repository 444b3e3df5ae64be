"""How the child process listens to its parent; the run itself is tested in test_run.py."""

import queue
import subprocess
import sys
import threading
from types import SimpleNamespace

from advisor.runtimes.protocol import TensorSpec
from advisor.verification.child import StopListener, picture_of, warmup_inputs


def lines(heard: "queue.Queue[str | None]"):
    while (line := heard.get()) is not None:
        yield line


def test_a_stop_reaches_the_run_before_and_after_it_is_there() -> None:
    for early in (True, False):
        heard: queue.Queue[str | None] = queue.Queue()
        listener, run = StopListener(lines(heard)), SimpleNamespace(stop=threading.Event())
        if early:
            heard.put("stop\n")
            assert listener._stop_requested.wait(60)
            assert not run.stop.is_set()
        listener.attach(run)
        if not early:
            assert not run.stop.is_set()
            heard.put("something else\n")
            heard.put("stop\n")
        assert run.stop.wait(60)


def test_a_run_ends_when_the_parent_is_gone() -> None:
    heard: queue.Queue[str | None] = queue.Queue()
    listener, run = StopListener(lines(heard)), SimpleNamespace(stop=threading.Event())
    listener.attach(run)
    heard.put(None)
    assert run.stop.wait(60)


def test_before_there_is_a_run_the_process_ends_with_its_parent() -> None:
    code = "import sys, time\nfrom advisor.verification.child import StopListener\nStopListener(sys.stdin)\n"
    code += "print('here', flush=True)\ntime.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"here\n"
        process.stdin.write(b"stop\n")  # waits for the run that will be there
        process.stdin.close()
        assert process.wait(timeout=240) == 1


def test_beside_a_picture_stands_what_its_name_asks_for() -> None:
    specs = (
        TensorSpec("im_shape", (1, 2), "float32"), TensorSpec("image", (1, 480, 640, 3), "uint8"),
        TensorSpec("scale_factor", (1, 2), "float32"), TensorSpec("orig_target_sizes", (1, 2), "int64"),
        TensorSpec("pixel_mask", (1, 480, 640), "int64"), TensorSpec("prompts", (1, 5), "float32"),
    )  # fmt: skip
    compiled = SimpleNamespace(inputs=specs)
    assert picture_of(compiled) == 1
    shape, image, scale, sizes, mask, prompts = warmup_inputs(compiled, 0)
    assert shape.tolist() == [[480.0, 640.0]]
    assert image.shape == (1, 480, 640, 3)
    assert scale.tolist() == [[1.0, 1.0]]
    assert sizes.tolist() == [[640, 480]]
    assert (mask == 1).all()
    assert prompts.std() > 0


def test_text_has_tokens_and_masks() -> None:
    names = ("input_ids", "attention_mask", "token_type_ids")
    compiled = SimpleNamespace(inputs=tuple(TensorSpec(name, (1, 16), "int64") for name in names))
    ids, mask, types = warmup_inputs(compiled, 0)
    assert (ids >= 1).all()
    assert (mask == 1).all()
    assert (types == 0).all()
