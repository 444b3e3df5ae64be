from __future__ import annotations

from pathlib import Path

import pytest

from advisor.errors import InputError
from advisor.verification import hardware
from advisor.verification.setup import feeds_of
from advisor.verification.sources import clip_for

from .support import scenario


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> str:
    return str(clip_for(feeds_of(scenario())[0], Path(tmp_path_factory.mktemp("hardware")), 0))


def test_a_device_that_is_not_there_is_refused_in_one_line_with_its_reason(clip) -> None:
    with pytest.raises(InputError, match=r"no device here decodes these cameras \(drm: .+\); use --decode") as caught:
        hardware.find_device([clip], ["drm"])  # PyAV knows the word, but it decodes nothing by itself
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="built without any"):
        hardware.find_device([clip], [])


def test_the_first_device_that_decodes_every_camera_is_taken(monkeypatch) -> None:
    able = {("first", "a"), ("second", "a"), ("second", "b"), ("third", "a"), ("third", "b")}
    monkeypatch.setattr(hardware, "_refusal", lambda device, path: None if (device, path) in able else "cannot")
    assert hardware.find_device(["a", "b"], ["first", "second", "third"]) == "second"
    with pytest.raises(InputError, match="first: cannot"):
        hardware.find_device(["b"], ["first"])
