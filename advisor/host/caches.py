"""Caches per level with their sharing, from /sys; absent directories (old kernels, some guests) give nothing."""

from __future__ import annotations

from collections import Counter

from advisor.records.host import CacheFact

from .tree import Tree, parse_cpu_list, parse_cpu_mask, parse_size, positive

_CPU = "sys/devices/system/cpu"
_Key = tuple[int, str, int, int | None]  # level, type, size, threads sharing


def read_caches(tree: Tree, online: tuple[int, ...]) -> tuple[CacheFact, ...]:
    """Group equal caches: level, type, size of one, how many there are and how many online threads share one.

    Where the kernel does not say who shares a cache, the number of instances stays unknown.
    """
    running = frozenset(online)
    instances: dict[_Key, set[frozenset[int]]] = {}
    users: dict[_Key, Counter[int]] = {}
    for cpu in online:
        for index in tree.numbered(f"{_CPU}/cpu{cpu}/cache", "index"):
            directory = f"{_CPU}/cpu{cpu}/cache/index{index}"
            level, size = positive(tree.integer(f"{directory}/level")), parse_size(tree.text(f"{directory}/size"))
            if level is None or size is None or level > 9:
                continue
            shared = _shared(tree, directory, cpu, running)
            key = (level, tree.text(f"{directory}/type") or "unknown", size, None if shared is None else len(shared))
            instances.setdefault(key, set()).update(() if shared is None else (shared,))
            users.setdefault(key, Counter())[cpu] += 1
    return tuple(
        CacheFact(
            level=key[0],
            type=key[1],
            size_bytes=float(key[2]),
            instances=len(instances[key]) or None,
            threads_sharing=key[3],
            cpus=tuple(sorted(users[key])),
        )
        for key in sorted(instances, key=lambda item: (item[0], item[1], item[2], item[3] or 0))
    )


def _shared(tree: Tree, directory: str, cpu: int, running: frozenset[int]) -> frozenset[int] | None:
    text = tree.text(f"{directory}/shared_cpu_list")
    found = None if text is None else parse_cpu_list(text)
    if not found:
        mask = tree.text(f"{directory}/shared_cpu_map")
        found = None if mask is None else parse_cpu_mask(mask)
    return frozenset(found) & running if found and cpu in found else None


def total_bytes(caches: tuple[CacheFact, ...], level: int) -> float | None:
    """Sum over all data-holding caches of a level; None if there is none or the number of one kind is unknown.

    A machine whose other levels are known and that has no third level has none of it; that too is None, as absence
    cannot be distinguished from a missing entry.
    """
    parts = [cache for cache in caches if cache.level == level and cache.type.lower() != "instruction"]
    if not parts or any(cache.instances is None for cache in parts):
        return None
    return sum(cache.size_bytes * (cache.instances or 0) for cache in parts)
