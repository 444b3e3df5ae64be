from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from advisor.errors import ScenarioError
from advisor.records.codec import CODECS
from advisor.records.scenario import (
    Activity,
    Application,
    BatchPolicy,
    CameraGroup,
    Candidates,
    Margin,
    Money,
    ObjectCount,
    Scenario,
    Site,
    Slo,
    Stage,
)
from advisor.store.files import yaml_text
from advisor.store.paths import scenarios_dir
from advisor.store.scenario import load_scenario, parse_scenario, shipped_scenarios
from advisor.store.scenario_checks import LIMITS, _values
from advisor.store.yamltext import parse_yaml

SHOP = (scenarios_dir() / "store-analytics.yaml").read_text(encoding="utf-8")


def changed(*pairs: str) -> str:
    """The shop with texts replaced, each of which must be there."""
    text = SHOP
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert old in text
        text = text.replace(old, new, 1)
    return text


def one_line(error: ScenarioError) -> None:
    assert "\n" not in str(error)


def refusal(text: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "shop.yaml")
    message = str(caught.value)
    assert message.startswith("shop.yaml")
    assert "\n" not in message
    assert caught.value.exit_code == 2
    return message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("every: 3 frames", "evry: 3 frames", "line 15: stages[0].evry: unknown key; did you mean 'every'?"),
        ("fps: 15,", "fps: 15fps,", "cameras[0].fps: '15fps' is not a number of frames per second; write fps: 15"),
        ("4000,", "4Mbit,", "number of kilobit per second; write bitrate_kbps: 4000"),
        ("window_s: 60", "window_s: 1min", "slo.window_s: '1min' is not a number of seconds; write window_s: 60"),
        ("max_power_w: 65", "max_power_w: 65W", "'65W' is not a number of watts; write max_power_w: 65"),
        ("headroom_pct: 30", "headroom_pct: lots", "margin.headroom_pct: 'lots' is not a number of percent; write"),
        ("headroom_pct: 30", "confidence_pct: 49.9",
         "margin.confidence_pct: 49.9 must be greater than or equal to 50"),
        ("headroom_pct: 30", "confidence_pct: 100", "margin.confidence_pct: 100 must be less than 100"),
        ("headroom_pct: 30", "confidence_pct: 90 %", "margin.confidence_pct: '90 %' is not a number of percent; write"),
        ("headroom_pct: 30", "confidense_pct: 90", "unknown key; did you mean 'confidence_pct'?"),
        ("count: 6", "count: 6.5", "cameras[0].count: 6.5 is not a whole number"),
        ("count: 6", "count: true", "cameras[0].count: True is not a whole number"),
        ("count: 6", "count: -1", "cameras[0].count: -1 must be greater than or equal to 0"),
        ("fps: 15,", "fps: '15',", "cameras[0].fps: '15' is not a number"),
        ("fps: 15,", "fps: .inf,", "cameras[0].fps: inf is not a finite number"),
        ("1920x1080", "1080p", "resolution: '1080p' is not WIDTHxHEIGHT in pixels; write resolution: 1920x1080"),
        ("1920x1080", "19200x10800", "cameras[0].resolution: 19200x10800 has an edge above"),
        ("codec: h264", "codec: h.264", f"'h.264' is not one of {', '.join(CODECS)}; did you mean 'h264'?"),
        ("active_hours: 14", "active_hours: 25", "cameras[0].active_hours: 25 must be less than or equal to 24"),
        ("group: aisle", "group: 3 aisles", "cameras[0].group: '3 aisles' is not in the form of a name"),
        ("p95: 12", "p95: 2", "activity.objects_per_frame.person: p95 2.0 is below mean 4.0"),
        ("{mean: 4,", "{meen: 4,", "activity.objects_per_frame.person.meen: unknown key; did you mean 'mean'?"),
        ("on: face", "on: fase", "line 17: stages[2].on: there is no stage 'fase'; did you mean 'face'?"),
        ("on: face", "true: face", "stages[2].true: unknown key; programs that write YAML 1.1 turn `on:` into `true:`"),
        ("on: face", "on: agegender", "stages[2].on: stages run on each other in a circle: agegender -> agegender"),
        ("face: {mean", "phase: {mean", "stage 'agegender' runs on the objects of 'face', but 'face' is not in"),
        ("groups: [entrance]", "groups: [entrence]", "stages[1].groups[0]: there is no group 'entrence'; did you mean"),
        ("on: face,", "on: face, groups: [aisle],", "stage 'face', on which it runs, does not see group 'aisle'"),
        ("group: entrance", "group: aisle", "cameras[1].group: group 'aisle' appears twice"),
        ("{id: reid", "{id: face", "stages[3].id: stage 'face' appears twice (also stages[1])"),
        ("every: 5 frames", "every: 5 frame", "NO FAULT"),
        ("every: 5 frames", "every: often", "every: 'often' is neither '3 frames' nor a rate like '2/s'"),
        ("every: 5 frames", "every: 30/s", "stages[3].every: '30/s' must be above 0 and at most the 15 per second"),
        ("every: 5 frames", "every: 0/s", "stages[3].every: '0/s' must be above 0"),
        ("every: 5 frames", "every: 2 frames", "stages[3].every: '2 frames' is more often than stage 'person' looks"),
        ("every: 5 frames", "every: 6/s", "stages[3].every: '6/s' is more often than stage 'person' looks"),
        ("every: 5 frames", "every: 5/s", "NO FAULT"),
        ("every: 5 frames", "service_class: latncy, every: 5 frames", "did you mean 'latency'?"),
        ("every: 5 frames, batch: {max: 8}", "every: 5 frames, service_class: latency, batch: {max: 8, timeout_ms: 9}",
         "stages[3].batch.timeout_ms: stage reid is of service class latency, which waits for no other request"),
        ("batch: {max: 8}", "batch: {max: 100000}", "stages[2].batch.max: 100000 is above 1024"),
        ("batch: {max: 8}", "batch: 8", "stages[2].batch: 8 is not a mapping of keys to values (max, timeout_ms)"),
        ('"like:face-detection-retail-0004"', '" "', "stages[1].model: is empty"),
        ("redundancy: none", "redundancy: n+2", "margin.redundancy: 'n+2' is not one of none, n+1"),
        ("[f32, bf16, int8]", "[f32, fp16]", "accuracy.precisions[1]: 'fp16' is not one of f32, bf16, int8"),
        ("[f32, bf16, int8]", "[]", "accuracy.precisions: [] must have at least 1 item"),
        ("currency: USD", "currency: EUR", "money: currency EUR needs usd_rate"),
        ("currency: USD", "currency: euro", "money.currency: 'euro' is not in the form of three capital letters"),
        ("form_factor: []", "form_factor: [], devices: [gpu]",
         "candidates.devices[0]: there is no device 'gpu'; did you mean 'GPU'?"),
        ("form_factor: []", "form_factor: [], devices: [CPU, hailo8]",
         "candidates.devices[1]: there is no device 'hailo8'; did you mean 'hailo-8'?"),
        ("form_factor: []", "form_factor: [], devices: [hailo-8]",
         "candidates.devices[0]: hailo-8 is added to a box: permit that with candidates.add_accelerators: true"),
        ("form_factor: []", "form_factor: [minipc]", "candidates.form_factor[0]: there is no form factor 'minipc'"),
        (
            "prices: {}",
            "prices: {x: 300}",
            "prices.x: 300 is not a mapping of keys to values (value, currency, basis, date, source)",
        ),
        ("prices: {}", "prices: {x: {value: 3, source: shop}}", "candidates.prices.x.date: is missing"),
        ("latency_p95_ms: 300, ", "", "slo.latency_p95_ms: is missing"),
        ("camera_fps: 15", "camera_fps: 25", "slo.camera_fps: 25 is above the 15 frames per second of group 'aisle'"),
        ("slo:", "slos:", "slos: unknown key; did you mean 'slo'?"),
        ("margin:", "candidates:", "line 24: key 'candidates' appears twice (first in line 20)"),
        ("groups: [entrance]", "input: 12", "stages[1].input: 12 is not"),
        ("groups: [entrance]", "input: 12x", "stages[1].input"),
        ("scenario: store-analytics", "", "scenario: is missing"),
    ],
)  # fmt: skip
def test_each_fault_names_its_place_and_what_to_write(old: str, new: str, message: str) -> None:
    if message == "NO FAULT":
        parse_scenario(changed(old, new))
    else:
        assert message in refusal(changed(old, new))


def test_a_circle_of_several_stages_is_named() -> None:
    text = changed("on: face", "on: reid", "on: person", "on: agegender")
    assert "in a circle: agegender -> reid -> agegender" in refusal(text)


def test_no_source_at_all_is_refused() -> None:
    assert "no camera and no requests" in refusal(changed("count: 6", "count: 0", "count: 2", "count: 0"))
    only_stages = "scenario: x\nstages: [{id: a, model: m}]\nslo: {latency_p95_ms: 9}\n"
    assert "no camera and no requests" in refusal(only_stages)
    parse_scenario(only_stages + "requests: [{group: g, rate_per_s: 3}]\n")


def test_a_rate_above_the_requests_is_refused() -> None:
    text = "scenario: x\nstages: [{id: a, model: m, every: 4/s}]\nslo: {latency_p95_ms: 9}\n"
    text += "requests: [{group: g, rate_per_s: 3}]\n"
    assert "'4/s' must be above 0 and at most the 3 per second of group 'g'" in refusal(text)


def test_sites_name_groups_that_exist() -> None:
    def with_sites(sites: str) -> str:
        return SHOP + f"sites: [{sites}]\n"

    assert "sites[0].cameras.isle: there is no camera group 'isle'; did you mean 'aisle'" in refusal(
        with_sites("{name: big, count: 3, cameras: {isle: 4}}")
    )
    assert "a site without cameras" in refusal(with_sites("{name: big, count: 3, cameras: {aisle: 0}}"))
    twice = "{name: big, count: 1, cameras: {aisle: 4}}, {name: big, count: 2, cameras: {aisle: 2}}"
    assert "site 'big' appears twice" in refusal(with_sites(twice))
    assert parse_scenario(with_sites(twice.replace("big", "small", 1))).sites[0].count == 1


def test_one_of_many_faults_is_told_with_their_number() -> None:
    assert "(and 2 more)" in refusal(changed("fps: 15,", "fps: x,", "count: 2", "count: x", "mean: 4", "mean: x"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"# only a comment\n", "holds nothing"),
        (b"- a\n- b\n", "holds a list"),
        (b"just words", "holds a str"),
        (b"\x7fELF\x02\x01\x01\x00\xff", "not text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "not text in UTF-8"),
        ("scenario: gru\u00df".encode("latin-1"), "not text in UTF-8"),
        ("scenario: x".encode("utf-16"), "not text"),
        (SHOP[: SHOP.index("stages:") + 60].encode(), "not valid YAML"),
        (SHOP.encode() * 200, "bytes are more than"),
        (b"a: &x [*x]", "contains itself"),
        (b"scenario: !!python/object/apply:os.system [id]", "tag"),
    ],
)
def test_files_that_are_none_are_refused_in_one_line(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "shop.yaml"
    path.write_bytes(data)
    with pytest.raises(ScenarioError, match=words) as caught:
        load_scenario(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_half_a_file_at_every_length_is_a_record_or_our_error() -> None:
    for length in range(0, len(SHOP), 7):
        try:
            parse_scenario(SHOP[:length])
        except ScenarioError as error:
            one_line(error)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no such file; check the path"):
        load_scenario(tmp_path / "none.yaml")
    with pytest.raises(ScenarioError, match="is a folder"):
        load_scenario(tmp_path)
    with pytest.raises(ScenarioError, match="did you mean 'store-analytics'"):
        load_scenario("store-analytic")
    with pytest.raises(ScenarioError, match=r"no usable path|no such file"):
        load_scenario("x\0y")
    with pytest.raises(ScenarioError, match=r"no usable path|no such file"):
        load_scenario("x" * 5000)
    link = tmp_path / "loop.yaml"
    link.symlink_to(link)
    with pytest.raises(ScenarioError):
        load_scenario(link)


def test_a_file_beats_a_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_scenario("store-analytics").scenario == "store-analytics"
    Path("store-analytics").write_text(changed("scenario: store-analytics", "scenario: mine"))
    assert load_scenario("store-analytics").scenario == "mine"


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SHOP.replace("\n", "\r\n").encode())
    assert load_scenario(path) == load_scenario("store-analytics")


def test_an_unreadable_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP)
    path.chmod(0)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.getuid() and parent.stat().st_mode & 0o077 == 0:
            parent.chmod(0o711)
    tmp_path.chmod(0o755)
    if os.getuid() == 0:  # root may read anything
        os.seteuid(65534)
    try:
        with pytest.raises(ScenarioError, match="no permission to read it"):
            load_scenario(path)
    finally:
        if os.getuid() == 0:
            os.seteuid(0)


def key_paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key of a document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from key_paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from key_paths(inner, (*path, index))


EVERY_KEY = sorted(
    {
        (name, path)
        for name, file in shipped_scenarios().items()
        for path in key_paths(parse_yaml(file.read_text(encoding="utf-8"))[0])
        # Names of classes and platforms are the user's own words.
        if path[:-1] not in {("activity", "objects_per_frame"), ("candidates", "prices")}
    },
    key=str,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(EVERY_KEY), st.data())
def test_a_misspelt_key_names_its_neighbour(place: tuple[str, tuple[Any, ...]], data: st.DataObject) -> None:
    name, path = place
    document = copy.deepcopy(parse_yaml(shipped_scenarios()[name].read_text(encoding="utf-8"))[0])
    holder: Any = document
    for part in path[:-1]:
        holder = holder[part]
    key = path[-1]
    position = data.draw(st.integers(0, len(key) - 1))
    slip = data.draw(st.sampled_from(["double", "drop", "swap"]))
    if slip == "double" or len(key) < 4:
        wrong = key[:position] + key[position] + key[position:]
    elif slip == "drop":
        wrong = key[:position] + key[position + 1 :]
    else:
        position = min(position, len(key) - 2)
        wrong = key[:position] + key[position + 1] + key[position] + key[position + 2 :]
    if wrong in holder or wrong == key:
        return
    holder[wrong] = holder.pop(key)
    message = refusal(yaml.safe_dump(document, sort_keys=False))
    assert wrong in message
    assert f"did you mean '{key}'" in message


@settings(max_examples=150)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_record_or_our_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(data)
    try:
        load_scenario(path)
    except ScenarioError as error:
        one_line(error)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, len(SHOP)), st.integers(0, 12), st.text(max_size=6)), min_size=1, max_size=4))
def test_a_damaged_file_gives_a_record_or_our_error(damage: list[tuple[int, int, str]]) -> None:
    text = SHOP
    for place, length, inserted in damage:
        text = text[:place] + inserted + text[place + length :]
    try:
        parse_scenario(text)
    except ScenarioError as error:
        one_line(error)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ANYTHING = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)


@settings(max_examples=150)
@example(("factory-line", ("accuracy",)), {"\n": None})
@example(("factory-line", ("accuracy",)), {"\x1b[31m": None})
@given(st.sampled_from(EVERY_KEY), ANYTHING)
def test_any_value_anywhere_gives_a_record_or_our_error(place: tuple[str, tuple[Any, ...]], value: Any) -> None:
    name, path = place
    document = copy.deepcopy(parse_yaml(shipped_scenarios()[name].read_text(encoding="utf-8"))[0])
    holder: Any = document
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    try:
        parse_scenario(yaml.safe_dump(document))
    except ScenarioError as error:
        one_line(error)


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    groups = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    fps = draw(st.sampled_from([1.0, 5.0, 12.5, 15.0, 60.0]))
    cameras = tuple(
        CameraGroup(
            group=name,
            count=draw(st.integers(1, 50)),
            resolution=draw(st.sampled_from(["640x480", "1920x1080"])),
            codec=draw(st.sampled_from(["h264", "raw"])),
            fps=fps,
            active_hours=draw(st.floats(0.1, 24.0)),
        )
        for name in groups
    )
    ids = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    stages: list[Stage] = []
    every = 1
    for index, name in enumerate(ids):
        every = draw(st.integers(every, every + 3))
        stages.append(
            Stage(
                id=name,
                model=draw(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)),
                on=None if index == 0 else draw(st.sampled_from(ids[:index])),
                every=draw(st.sampled_from([None, f"{every} frames"])) if index else f"{every} frames",
                batch=BatchPolicy(max=draw(st.integers(1, 64)), timeout_ms=draw(st.floats(0, 100))),
            )
        )
        if stages[-1].every is None:
            every = max(every, 1)
    mean = draw(st.floats(0, 20))
    return Scenario(
        scenario=draw(NAMES),
        cameras=cameras,
        activity=Activity(objects_per_frame=dict.fromkeys(ids, ObjectCount(mean=mean, p95=mean * 2 + 1))),
        stages=tuple(stages),
        slo=Slo(latency_p95_ms=draw(st.floats(1, 1e4)), camera_fps=draw(st.sampled_from([None, fps]))),
        margin=Margin(headroom_pct=draw(st.just(0.0) | st.floats(1, 99)), confidence_pct=draw(st.floats(50, 99.9))),
        money=Money(cost_of_failure=draw(st.none() | st.floats(0, 1e5))),
        application=Application(overhead_ms_per_frame=draw(st.none() | st.floats(0, 1e4))),
        site=Site(max_power_w=draw(st.none() | st.floats(1, 1e4)), fanless=draw(st.booleans())),
        candidates=Candidates(vendors=tuple(draw(st.lists(st.text(max_size=6).filter(str.isprintable), max_size=2)))),
    )


@settings(max_examples=100)
@given(scenarios())
def test_what_is_written_reads_back_equal(scenario: Scenario) -> None:
    assert parse_scenario(yaml_text(scenario)) == scenario


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fps: 15, bitrate_kbps: 4000", "fps: 1.0e+300, bitrate_kbps: 4000", "cameras[0].fps: 1e+300 is above 1,000"),
        ("mean: 4, p95: 12, max: 25", "mean: 1000000000, p95: 1000000000", "person.mean: 1e+09 is above 1,000"),
        ("lifetime_years: 5", "lifetime_years: 1.0e+308", "money.lifetime_years: 1e+308 is above 100"),
        ("growth_cameras: 2", "growth_cameras: 1000000000", "growth_cameras: 1e+09 is above 10,000"),
        ("growth_cameras: 2", f"growth_cameras: {'9' * 400}", "growth_cameras: inf is not a whole number"),
        ("growth_cameras: 2", f"growth_cameras: {'9' * 5000}", "line"),
        ("fps: 15, bitrate", "fps: 0.0001, bitrate", "cameras[0].fps: 0.0001 is below 0.001"),
        ("window_s: 60", "window_s: 1.0e-300", "slo.window_s: 1e-300 is below 1"),
        ("fps: 15, bitrate_kbps: 4000", "fps: 0.01, bitrate_kbps: 4", "slo.window_s: 60 s hold no frame of group "),
        ("every: 3 frames", f"every: {'9' * 400} frames", "every: a text of 407 characters is neither"),
        ("every: 3 frames", f"every: {'9' * 400}/s", "every: a text of 402 characters is neither"),
        ("every: 3 frames", f"every: 0.{'0' * 400}1/s", "every: a text of 405 characters is neither"),
        ("id: person", "id: decode", "stages[0].id: 'decode' is what reports call decoding; choose another name"),
        ("group: aisle", "source: pipe:0, group: aisle", "cameras[0].source: a numbered pipe"),
        ("group: aisle", f"source: {'x' * 5000}, group: aisle", "cameras[0].source: has 5000 characters"),
        ("group: aisle", "source: 'rtsp://h:port/x', group: aisle", "its port is no number from 1 to 65535"),
        ("group: aisle", "source: 'concat:a|b', group: aisle", "concat: is no protocol that is allowed (rtsp, rtsps"),
    ],
)
def test_figures_beyond_all_measure_are_slips(old: str, new: str, message: str) -> None:
    assert message in refusal(changed(old, new))


def test_every_limit_is_of_a_key_that_exists() -> None:
    full = parse_scenario(
        changed(
            "scenario: store-analytics",
            "scenario: store-analytics\nrequests: [{group: callers, rate_per_s: 1}]\n"
            "sites: [{name: small, count: 2, cameras: {aisle: 3}}]",
            "prices: {}",
            "prices: {some-box: {value: 1, date: 2026-01-01, source: shop}}",
        ),
        "shop.yaml",
    )
    for pattern in LIMITS:
        assert list(_values(full.model_dump(), pattern)), pattern


def test_the_application_is_stated_in_part_in_whole_or_not_at_all() -> None:
    def application(text: str) -> Application:
        return parse_scenario(f"{SHOP}\n{text}\n").application

    assert parse_scenario(SHOP).application == Application()
    assert application("application: none") == Application(overhead_ms_per_frame=0.0, overhead_ms_per_object=0.0)
    assert application("application: {overhead_ms_per_frame: 3}") == Application(overhead_ms_per_frame=3.0)
    assert application("application: {}") == Application()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("application: nothing", "application: 'nothing' is not a mapping of keys to values (overhead_ms_per_frame, "
         "overhead_ms_per_object), nor none"),
        ("application: {overhead_ms_per_frame: 3ms}", "a number of milliseconds; write overhead_ms_per_frame: 3"),
        ("application: {overhead_ms_per_objects: 3}", "unknown key; did you mean 'overhead_ms_per_object'?"),
        ("application: {overhead_ms_per_object: -1}", "-1 must be greater than or equal to 0"),
        ("application: {overhead_ms_per_frame: 1000000}", "is above 100,000, the most that is taken for meant"),
    ],
)  # fmt: skip
def test_a_fault_in_the_application_is_told(text: str, message: str) -> None:
    assert message in refusal(f"{SHOP}\n{text}\n")


def test_a_stage_may_not_be_called_as_what_is_reported_beside_the_stages() -> None:
    for word in ("decode", "application"):
        assert word in refusal(changed("{id: person,", f"{{id: {word}, objects: person,", "on: person", f"on: {word}"))


def test_what_a_failure_costs_is_an_amount_and_may_be_left_out() -> None:
    assert parse_scenario(SHOP).money.cost_of_failure is None
    assert parse_scenario(SHOP).margin.confidence == 0.9
    money = next(line for line in SHOP.splitlines() if line.startswith("money:"))
    stated = money.replace("}", ", cost_of_failure: 250}", 1)
    assert parse_scenario(changed(money, stated)).money.cost_of_failure == 250.0
    negative = refusal(changed(money, stated.replace("250", "-1")))
    assert "money.cost_of_failure: -1 must be greater than or equal to 0" in negative
