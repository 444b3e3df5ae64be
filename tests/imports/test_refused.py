"""Broken files, and files that lack what only the user can add: one line each."""

from __future__ import annotations

import pytest

from advisor.errors import InputError
from advisor.imports.formats.base import ImportOptions, Machine
from advisor.imports.formats.registry import FORMATS, format_named
from tests.imports import samples
from tests.imports.conftest import Write

CAMERA = "cameras: {a: {ffmpeg: {inputs: [{path: 'rtsp://h/s', roles: [detect]}]}, detect: %s}}"
STREAM = "gst-launch-1.0 filesrc location=a.mp4 ! decodebin ! %s ! fakesink"
SETUP = '"configuration_setup": {"topology": "n"}'
HEAD = "Topology name;Batch size;Infrastructure;Average time of single pass (s);Latency;FPS\n"

BROKEN = [
    ("frigate", "mqtt: {enabled: false}\n", "names no 'cameras'"),
    ("frigate", "cameras: [\n", "not valid YAML"),
    ("frigate", "cameras: {a: 3}\n", "line 1, cameras.a: is no mapping"),
    ("frigate", "cameras: {a: {detect: {width: 1, height: 1}}}\n", "has no ffmpeg.inputs"),
    ("frigate", CAMERA % "{fps: five, width: 640, height: 480}", "'five' is not a number above 0"),
    ("frigate", CAMERA % "{width: 640}", "say --resolution WxH"),
    ("frigate", CAMERA % "{width: 0, height: 480}", "'0' is not a number above 0"),
    ("frigate", CAMERA % "{enabled: false}", "no camera detects anything"),
    ("frigate", "cameras: {a: {ffmpeg: {inputs: [rtsp://h/s]}}}\n", "an input is a mapping with path and roles"),
    ("intel-retail", "{", "is not valid JSON"),
    ("intel-retail", "[]", "holds no JSON object"),
    ("intel-retail", samples.RETAIL_CAMERAS, "has no 'workload_pipeline_map'"),
    ("intel-retail", samples.RETAIL_WORKLOADS, "has no lane_config.cameras"),
    ("intel-retail", samples.RETAIL_ONE_FILE.replace('["age"]', '["agee"]'), "no workload 'agee'; did you mean 'age'?"),
    ("intel-retail", samples.RETAIL_ONE_FILE.replace('["age"]', "[]"), "names no workloads"),
    ("intel-retail", samples.RETAIL_ONE_FILE, "say --resolution WxH"),
    ("intel-retail", samples.RETAIL_ONE_FILE.replace('"type"', '"kind"'), "no list of elements with a type"),
    ("dlstreamer", STREAM % 'gvadetect model="a', "line 1: a quote is opened here"),
    ("dlstreamer", "echo hello\n", "has no source"),
    ("dlstreamer", STREAM % "queue", "has no source"),
    ("dlstreamer", STREAM % "gvadetect device=CPU", "line 1, gvadetect: names no model"),
    ("dlstreamer", STREAM % "gvaclassify model=a.xml", "no gvadetect stands before it"),
    ("dlstreamer", STREAM % "gvadetect model=a.xml inference-interval=x", "is not a whole number"),
    ("dlstreamer", STREAM % "gvadetect model=a.xml", "say --resolution WxH"),
    ("dlstreamer", STREAM % "video/x-raw,width=640 ! gvadetect model=a.xml", "say --resolution WxH"),
    ("dlstreamer", STREAM % "capsfilter caps=width=640,height=360 ! gvadetect model=a.xml", "say --resolution WxH"),
    ("dlstreamer", STREAM % "tee name=t u. ! gvadetect model=a.xml", "hangs on 'u.', not on a source"),
    ("cameras", "a,b\n1,2\n", "no heading is 'name' or 'address'"),
    ("cameras", "name,resolution\nx,640x480\n", "no row is a camera (line 2: states no frames per second"),
    ("cameras", "name,fps\nx,5\n", "states no resolution; say --resolution WxH"),
    ("cameras", "name,fps,resolution,codec\nx,5,640x480,av1\n", "codec: 'av1' is none of"),
    ("cameras", "name,fps,resolution,bitrate\nx,5,640x480,much\n", "bitrate 'much' is not a number of kbit/s"),
    ("cameras", "name,fps,resolution\nx,-5,640x480\n", "fps '-5' is not above 0"),
    ("benchmark-app", "{}", "holds no execution results"),
    ("benchmark-app", "{" + SETUP + ', "execution_results": {"throughput": "nan"}}', "'nan' is not a number"),
    ("benchmark-app", '{"execution_results": {"throughput": "5"}}', "names no topology; say --model NAME"),
    ("benchmark-app", "Execution results\nthroughput;fast\n", "throughput 'fast' is not a number"),
    ("benchmark-app", samples.BENCHMARK_JSON[:200], "is not valid JSON"),
    ("dli", "a;b\n1;2\n", "its headings are not those of a DLI table"),
    ("dli", HEAD + "n;1;CPU: Intel(R) Core(TM) i5-8600K;1;1;1\n", "is of another machine"),
    ("dli", HEAD + "n;1;CPU: i7-8700, A;1;1;1\nn;1;CPU: i7-8700, B;1;1;1\n", "holds results of 2 machines"),
    ("dli", HEAD + "n;1;;1;1;None\n", "no row holds a result (line 2: holds no FPS)"),
    ("dli", HEAD + "n;1.5;;1;1;3\n", "batch size '1.5' is not a whole number"),
    ("triton", "Concurrency,Throughput\n1,2\n", "has neither 'Inferences/Second'"),
    ("triton", samples.PERF, "say --model NAME"),
    ("triton", "Model,Throughput (infer/sec)\nnet,x\n", "Throughput (infer/sec) 'x' is not a number"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "text", "words"), BROKEN)
def test_a_broken_file_is_one_line(form: str, text: str, words: str, write: Write) -> None:
    path = write("given", text)
    options = ImportOptions(machine=Machine("intel-core-i7-8700", "Intel Core i7-8700"))
    with pytest.raises(InputError) as caught:
        format_named(form).read(path, options)
    message = str(caught.value)
    assert words in message
    assert str(path) in message
    assert "\n" not in message


@pytest.mark.parametrize("form", [form.name for form in FORMATS])
def test_a_file_that_is_empty_or_absent_is_refused(form: str, write: Write) -> None:
    options = ImportOptions(machine=Machine("intel-core-i7-8700", "Intel Core i7-8700"))
    path = write("given", "")
    with pytest.raises(InputError, match="is empty"):
        format_named(form).read(path, options)
    with pytest.raises(InputError, match=r"no such file|cannot be read"):
        format_named(form).read(path.with_name("none"), options)


@pytest.mark.parametrize("form", ["benchmark-app", "dli", "triton"])
def test_figures_need_a_machine(form: str, write: Write) -> None:
    text = {"benchmark-app": samples.BENCHMARK_CSV, "dli": samples.DLI, "triton": samples.ANALYZER}[form]
    with pytest.raises(InputError, match="name it with --on PLATFORM"):
        format_named(form).read(write("given", text), ImportOptions())


def test_a_form_that_is_not_known_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'frigate'"):
        format_named("frigat")
