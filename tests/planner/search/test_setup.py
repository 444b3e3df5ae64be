from __future__ import annotations

import math

import pytest
from scipy.stats import poisson

from advisor.planner.question.load_case import Load, LoadCase
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.setup import (
    decode_worker_choices,
    gop_frames,
    max_decode_workers,
    plain_decode_share,
    set_up,
    streams_needed,
)
from advisor.records.scenario import CameraGroup
from tests.planner.fakes import scenario

from .parts import choice, option, platform_model


def group(**changes: object) -> CameraGroup:
    base: dict[str, object] = {"group": "a", "count": 1, "resolution": "640x480", "fps": 15.0}
    return CameraGroup.model_validate(base | changes)


def poisson_streams(busy: float) -> int:
    return max(1, int(poisson.isf(1e-3, busy)))


def test_streams_take_all_but_a_thousandth_of_the_bursts() -> None:
    shop = scenario()
    wide = option(platform_model(shop, cores=16), shop, "person")
    # Little's law: rate x the option's own time, one standard deviation slow.
    for rate in (1.0, 5.0, 40.0, 120.0, 300.0):
        assert streams_needed(wide, rate, 1.0) == min(16, poisson_streams(rate * wide.pass_s(1.0)))
    assert streams_needed(wide, 0.0, 1.0) == 1
    # Never more than fit on the cores.
    assert streams_needed(wide, 10_000.0, 1.0) == 16


def test_a_faster_precision_needs_fewer_streams() -> None:
    shop = scenario(accuracy={"precisions": ["int8", "f32"]})
    options = platform_model(shop, cores=16).every_option(shop, shop.stage("person"))
    needed = {
        item.config.precision: streams_needed(item, 40.0, 1.0) for item in options if item.threads_per_stream == 1
    }
    assert needed["int8"] < needed["f32"] < 16


def test_objects_of_a_frame_need_a_pass_per_full_batch() -> None:
    shop = scenario()
    model = platform_model(shop, cores=16)
    single, fours = option(model, shop, "reid"), option(model, shop, "reid", batch=4)
    # 24 frames/s with six objects each: six passes of one, or two of four.
    assert streams_needed(single, 24.0, 6.0) == poisson_streams(24.0 * 6 * single.pass_s(1.0))
    assert streams_needed(fours, 24.0, 6.0) == poisson_streams(24.0 * 2 * fours.pass_s(1.0))


def test_decoder_threads_never_exceed_cores_or_cameras() -> None:
    shop = scenario()
    load = LoadCase.of(shop).nominal(1)
    assert max_decode_workers(platform_model(shop, cores=4), shop, load) == 4
    assert max_decode_workers(platform_model(shop, cores=16), shop, load) == 8
    # Decoding keeps 120 frames/s x 8 ms = 0.96 cores busy; half as many again is two threads.
    assert decode_worker_choices(platform_model(shop, cores=16), shop, load, MEDIAN) == (8, 2)
    assert decode_worker_choices(platform_model(shop, cores=2), shop, load, MEDIAN) == (2,)


def test_a_setup_requests_the_streams_that_are_needed() -> None:
    shop = scenario()
    model = platform_model(shop, cores=8)
    setup = set_up(model, shop, choice(model, shop), Load({"aisle": 1, "door": 0}))
    # 5 calls/s of 20 ms: 0.1 in flight, so two streams are enough of the eight that would fit.
    assert setup.streams["person"] == 2
    assert setup.decode_workers == 1
    config = setup.configs["person"]
    assert (config.streams, config.threads, config.requests) == (2, 2, 2)


def test_frames_between_key_frames_decode_faster_than_the_mean() -> None:
    assert gop_frames(group(gop_frames=7)) == 7
    assert gop_frames(group(fps=12.5)) == 25
    # One key frame of 4.5 times the time in ten frames: mean 1.35 times that of the others.
    median_over_mean = math.exp(-(0.25**2) / 2)
    assert plain_decode_share(group(gop_frames=10)) == pytest.approx(median_over_mean / 1.35)
    assert plain_decode_share(group(codec="mjpeg", gop_frames=10)) == pytest.approx(median_over_mean)
