from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from advisor.store import yamltext
from advisor.store.yamltext import MAX_DEPTH, MAX_VALUES, YamlTextError, parse_yaml, scalar


class LimitedLoader(yaml.SafeLoader):
    """A parser that refuses deep nesting by itself, in words of its own, as the libyaml of PyYAML 6.0.4 does."""

    deepest = 2 * MAX_DEPTH

    def fetch_flow_collection_start(self, token_class: Any) -> None:
        if self.flow_level >= self.deepest:
            raise yaml.scanner.ScannerError(None, None, "words of the parser", self.get_mark())
        super().fetch_flow_collection_start(token_class)


# The fastest parser of this machine, the one that every PyYAML has, and one that knows a limit of its own.
LOADERS = [yamltext.LOADER, yaml.SafeLoader, LimitedLoader]


def one_line(error: YamlTextError) -> None:
    assert "\n" not in str(error)


def test_keys_are_words_even_where_yaml_1_1_sees_booleans() -> None:
    data, _ = parse_yaml("on: face\nno: yes\noff: 12:30\n1: x\n")
    assert data == {"on": "face", "no": "yes", "off": "12:30", "1": "x"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("15", 15), ("-3", -3), ("+7", 7), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("4.", 4.0), ("true", True),
        ("False", False), ("null", None), ("~", None), ("", None), ("yes", "yes"), ("0x10", "0x10"),
        ("1_000", "1_000"), ("15fps", "15fps"),
        ("2/s", "2/s"), ("2026-11-21", "2026-11-21"), ("010", 10), ("'15'", "15"),
        ('"true"', "true"),
        ("! 15", "15"),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    read = parse_yaml(f"a: {text}\n")[0]["a"]
    assert read == value
    assert type(read) is type(value)


def test_lines_count_from_one() -> None:
    _, lines = parse_yaml("# a comment\na: 1\nb:\n  - x\n  - {c: 2,\n     d: 3}\n")
    assert lines[("a",)] == 2
    assert lines[("b",)] == 3
    assert lines[("b", 0)] == 4
    assert lines[("b", 1, "d")] == 6


def test_an_alias_repeats_its_value() -> None:
    assert parse_yaml("a: &x {b: 1}\nc: *x\nd: [&y 5, *y]\n")[0] == {"a": {"b": 1}, "c": {"b": 1}, "d": [5, 5]}


def bomb(levels: int) -> str:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


def test_aliases_that_unfold_without_end_are_refused() -> None:
    parse_yaml(bomb(3))
    with pytest.raises(YamlTextError, match=f"more than {MAX_VALUES} values"):
        parse_yaml(bomb(9))


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("a: 1\nb: 2\na: 3", "'a' appears twice .*line 1", 3),
        ("a: &x [*x]", "contains itself", 1),
        ("a: *x", "no anchor &x", 1),
        ("a:\n  !!python/object/apply:os.system ['true']", "tag .* is not allowed", 2),
        ("a: !!timestamp 2026-01-01", "tag .* is not allowed", 1),
        ("? [1]\n: 2", "a key must be a word", 1),
        ("a: &x b\n*x : 2", "a key must be a word", 2),
        ("a: 1\n---\nb: 2", "second document", 2),
        ("a: [1, 2\nb: 2", "not valid YAML", 2),
        ("[" * 50 + "]" * 50, "nested deeper", 1),
        ("\n".join(" " * n + "- " for n in range(100)), "nested deeper", 41),
        ("a: b: c", "not valid YAML", 1),
    ],
)
def test_refusals_name_their_line(text: str, words: str, line: int) -> None:
    with pytest.raises(YamlTextError, match=words) as caught:
        parse_yaml(text)
    assert caught.value.line == line


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("text", ["[" * 200_000, "{a: " * 100_000, "- " * 100_000, "[" * 100 + "]" * 100])
def test_deep_nesting_is_refused_in_our_words_whoever_notices_first(
    monkeypatch: pytest.MonkeyPatch, loader: type, text: str
) -> None:
    monkeypatch.setattr(yamltext, "LOADER", loader)
    with pytest.raises(YamlTextError, match=f"nested deeper than {MAX_DEPTH} levels; write it flatter") as caught:
        parse_yaml(text)
    assert caught.value.line == 1
    one_line(caught.value)


@pytest.mark.parametrize("loader", LOADERS)
def test_a_syntax_error_is_not_taken_for_deep_nesting(monkeypatch: pytest.MonkeyPatch, loader: type) -> None:
    monkeypatch.setattr(yamltext, "LOADER", loader)
    with pytest.raises(YamlTextError, match="not valid YAML") as caught:
        parse_yaml("a: " + "[" * (MAX_DEPTH - 1) + "}")
    one_line(caught.value)


@given(st.text())
def test_any_text_gives_a_value_or_our_error(text: str) -> None:
    try:
        parse_yaml(text)
    except YamlTextError as error:
        one_line(error)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**20), 10**20))
def test_numbers_read_back(number: float) -> None:
    assert scalar(repr(number)) == number


def test_merge_keys_add_what_a_mapping_does_not_state_itself() -> None:
    text = "a: &a {fps: 15, count: 6}\nb: &b {fps: 5, codec: raw}\nc:\n  count: 2\n  <<: [*a, *b]\nd: {<<: *a}\n"
    data, lines = parse_yaml(text)
    assert data["c"] == {"count": 2, "fps": 15, "codec": "raw"}  # its own value, then the first mapping of the list
    assert data["d"] == data["a"] == {"fps": 15, "count": 6}
    assert lines[("c", "codec")] == 5
    assert parse_yaml("a: {'<<': 1}")[0] == {"a": {"<<": 1}}


@pytest.mark.parametrize("value", ["3", "[1]", "[{}, 1]", "", "text"])
def test_a_merge_key_without_a_mapping_is_refused(value: str) -> None:
    with pytest.raises(YamlTextError, match="<< merges mappings only") as caught:
        parse_yaml(f"a: {{<<: {value}}}")
    assert caught.value.line == 1


def test_two_merge_keys_and_merges_without_end_are_refused() -> None:
    with pytest.raises(YamlTextError, match="<< appears twice"):
        parse_yaml("a: &a {b: 1}\nc: {<<: *a, <<: *a}")
    with pytest.raises(YamlTextError, match="contains itself"):
        parse_yaml("a: &a {<<: *a}")
    wide = "l0: &l0 {" + ", ".join(f"k{n}: 1" for n in range(10)) + "}\n"
    grown = "\n".join(f"l{n}: &l{n} {{<<: [{', '.join([f'*l{n - 1}'] * 10)}]}}" for n in range(1, 9))
    with pytest.raises(YamlTextError, match=f"more than {MAX_VALUES} values"):
        parse_yaml(wide + grown)


def test_the_characters_of_what_is_no_text_are_kept() -> None:
    _, lines = parse_yaml("a: 1.000\nb: [4.0, x]\n")
    assert lines.written == {("a",): "1.000", ("b", 0): "4.0"}
