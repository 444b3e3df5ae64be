from __future__ import annotations

import pytest
from click.shell_completion import ShellComplete

from advisor.cli.main import cli


def offered(*words: str) -> set[str]:
    """What a shell is offered for the last word."""
    *before, incomplete = words
    found = ShellComplete(cli, {}, "sizer", "_SIZER_COMPLETE").get_completions(before, incomplete)
    return {item.value for item in found if item.type == "plain"}


@pytest.mark.parametrize(
    ("words", "among"),
    [
        (("plan", "store"), "store-analytics"),
        (("verify", "nvr"), "nvr-motion"),
        (("plan", "store-analytics", "--on", "mini-pc-n100"), "mini-pc-n100-8-gb"),
        (("plan", "store-analytics", "--on", "this,mini-pc-n100"), "this,mini-pc-n100-8-gb"),
        (("plan", "store-analytics", "--export", "op"), "openvino"),
        (("catalog", "show", "hailo-8-m"), "hailo-8-m-2-ai-hat-26"),
        (("predict", "resnet-5"), "resnet-50"),
        (("init", "--model", "resnet-5"), "resnet-50"),
    ],
)
def test_a_shell_is_offered_what_fits(words: tuple[str, ...], among: str) -> None:
    found = offered(*words)
    assert among in found
    assert all(value.startswith(words[-1]) for value in found)
