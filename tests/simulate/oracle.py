"""An independent model of the cascade, in SimPy and plain Python.

It shares no code with advisor/simulate: other random numbers, other data structures, processes instead of events. The
rules for gangs, contention and drift repeat the engine's formulas, so that for these it checks the programming and not
the physics; queues, drops, batches and fan-out were written from docs/architecture.md alone.
Counts of objects are Poisson and independent between frames.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import simpy

SLICE_S = 0.003


class Cores:
    """Processor sharing: when more threads are runnable than cores, all slow down in proportion."""

    def __init__(self, env, cores, stacking=0.0, rng=None):
        self.env, self.cores, self.jobs, self.since, self.busy_s, self.wake = env, cores, {}, 0.0, 0.0, None
        self.stacking, self.rng = stacking, rng
        self.rates = {}

    def _load(self):
        """What all jobs share: speed and number of their threads, those of gangs, those that crowd each other."""
        threads = ganged = crowding = 0
        for job in self.jobs.values():
            threads += job["threads"]
            ganged += job["threads"] if job["gang"] > 1 else 0
            crowding += job["threads"] if "crowding" in job else 0
        return min(1.0, self.cores / threads) if threads else 1.0, threads, ganged, crowding

    def _core_share(self, job, load):
        """Part of a core that each thread of the job takes, spinning while it waits for the others."""
        speed, threads, ganged, _ = load
        if speed == 1.0 or threads >= 2 * self.cores or ganged == 0:
            return speed
        # Threads of gangs in pairs on one core, then those that a single job without a core of its own has joined.
        paired = 2 * max(0.0, ganged - self.cores)
        joined = (threads - max(ganged, self.cores)) * min(1.0, ganged / self.cores)
        taken = ganged - (paired + joined) / 2
        return taken / ganged if job["gang"] > 1 else (self.cores - taken) / (threads - ganged)

    def _own_speed(self, job, load):
        """Expected speed of the slowest of the job's threads."""
        speed, threads, _, _ = load
        if speed == 1.0 or job["gang"] <= 1:
            return self._core_share(job, load)
        full, over = divmod(threads, self.cores)
        if full == 1:  # each of its threads on a core of its own, the excess on any of the cores
            own = int(job["gang"])
            spared = math.prod(max(0.0, self.cores - over - i) / (self.cores - i) for i in range(own))
            return spared + (1 - spared) / 2
        lucky = (1 - over * (full + 1) / threads) ** job["gang"]
        return lucky / full + (1 - lucky) / (full + 1)

    def _contention(self, job, load):
        """Lengthening by work on the other cores; what has no crowding of its own neither suffers nor counts."""
        if "crowding" not in job:
            return 1.0
        others = load[3] - job["threads"]
        room = self.cores - job["threads"]
        share = min(1.0, others / room) if room > 0 else float(others > 0)
        rise = (0.0, *(job.get("rise") or (1.0,)))
        place = max(share, 0.0) * (len(rise) - 1)
        low = min(int(place), len(rise) - 2)
        return 1 + job["crowding"] * (rise[low] + (rise[low + 1] - rise[low]) * (place - low))

    def _left_s(self):
        """Time that each job would still take if nothing changed."""
        return {key: job["left"] / self.rates[key][0] for key, job in self.jobs.items()}

    def _progress(self, job, load):
        return self._own_speed(job, load) / self._contention(job, load)

    def _settle(self) -> None:
        elapsed = self.env.now - self.since
        for key, job in self.jobs.items():
            progress, busy = self.rates[key]
            job["left"] -= progress * elapsed
            self.busy_s += busy * elapsed
        self.since = self.env.now

    def run(self, work_s, threads, gang=1, **more):
        self._settle()
        done = self.env.event()
        job = {"left": work_s, "threads": threads, "gang": gang, "done": done, **more}
        if self.stacking:
            self._stack(job)
        self.jobs[id(done)] = job
        self._plan()
        if self.stacking:  # once all that follows at this moment has begun
            self.env.timeout(1e-9).callbacks.append(lambda _: self._end_waiting())
        return done

    def _stack(self, job):
        """Let a new job wait for one on whose core it was put, though another was idle.

        That one waits, too: the newcomer has the core for a slice; then they take turns until one of them is done.
        """
        work_s, threads = job["left"], job["threads"]
        taken = sum(other["threads"] for other in self.jobs.values())
        if not self.jobs or taken + threads > self.cores or self.rng.random() >= self.stacking:
            return
        victim = list(self.jobs.values())[self.rng.integers(len(self.jobs))]
        first = min(work_s, SLICE_S)
        turns = min(work_s - first, victim["left"])
        # Whoever has less left once turns are taken waits as long as it works; the other until it has gone.
        waits = first + (turns if work_s - first >= victim["left"] else work_s - first)
        victim["left"] += waits
        job["left"] += turns
        self.busy_s -= waits * min(1.0, victim["threads"]) + turns * min(1.0, threads)
        victim["shared"] = {"since": self.env.now, "waits": waits, "slice_waits": 1.0}
        job["shared"] = {"since": self.env.now, "waits": turns, "slice_waits": 0.0}

    def _end_waiting(self) -> None:
        """Where all cores are shared by more threads than there are, nobody waits for whoever was put on its core."""
        waiting = [job for job in self.jobs.values() if self._still_waits(job) > 0]
        if sum(job["threads"] for job in self.jobs.values()) <= self.cores or not waiting:
            return
        self._settle()
        for job in waiting:
            spared = self._still_waits(job)
            job["left"] -= spared
            self.busy_s += spared * min(1.0, job["threads"])
            del job["shared"]
        self._plan()

    def _still_waits(self, job):
        """What is left of its waiting: all of the slice if it was there first, half of the time afterwards."""
        if "shared" not in job:
            return 0.0
        shared = job["shared"]
        passed = self.env.now - shared["since"]
        sliced = min(passed, SLICE_S)
        return max(0.0, shared["waits"] - sliced * shared["slice_waits"] - (passed - sliced) / 2)

    def _plan(self) -> None:
        token = self.wake = object()
        load = self._load()
        # Progress and busy cores of each job: the same until a job begins or ends, which plans anew.
        self.rates = {
            key: (self._progress(job, load), job["threads"] * self._core_share(job, load))
            for key, job in self.jobs.items()
        }
        if self.jobs:
            first_done = self.env.timeout(max(0.0, min(self._left_s().values())))
            first_done.callbacks.append(lambda _: self._finish(token))

    def _finish(self, token) -> None:
        """End the job that is done first, unless another began since that was planned."""
        if token is not self.wake:
            return
        self._settle()
        left_s = self._left_s()
        first = min(left_s, key=left_s.__getitem__)
        self.jobs.pop(first)["done"].succeed()
        self._plan()


def shape_of(source, work):
    """How decoding or preparation is lengthened, where it is: only then does it lengthen others."""
    name = f"{work}_crowding"
    return {"crowding": source[name], "rise": source["core_rise"]} if name in source else {}


@dataclass
class Frame:
    released: float
    number: int
    camera: int
    visits: int = 0
    dropped: bool = False
    objects: dict = field(default_factory=dict)


class Oracle:
    """cameras: dicts (group, number, fps, phase, decode, sigma, poisson); stages: dicts (see the tests)."""

    def __init__(self, cameras, stages, cores, workers, means, seed, stacking=0.0):
        self.env = simpy.Environment()
        self.cores = Cores(self.env, cores, stacking, np.random.default_rng(seed + 1000))
        self.devices = {s["device"]: Cores(self.env, 1.0) for s in stages if "device" in s}
        self.engine = Cores(self.env, 1.0)
        self.cameras, self.stages, self.means = cameras, stages, means
        self.rng = np.random.default_rng(seed)
        self.workers = simpy.Resource(self.env, workers)
        self.waiting = [0] * len(cameras)
        self.decoder = [simpy.Resource(self.env, 1) for _ in cameras]
        self.queues = [deque() for _ in stages]
        self.changed = [self.env.event() for _ in stages]
        self.last = {}
        self.paused, self.fresh = [0.0] * len(stages), [0] * len(stages)
        self.serving, self.ended = [0] * len(stages), [-math.inf] * len(stages)
        self.released = self.done = self.dropped = 0
        self.latencies = []
        self.waits = {i: [] for i in range(len(stages))}
        self.batches = {i: [] for i in range(len(stages))}
        for c in range(len(cameras)):
            self.env.process(self._camera(c))
        for i, stage in enumerate(stages):
            startup = stage.get("startup")
            for _ in range(stage["streams"]):
                self.env.process(self._stream(i, after=startup["until"] if startup else 0.0))
            for _ in range(startup["streams"] if startup else 0):
                self.env.process(self._stream(i, helper=True))

    def run(self, until):
        self.env.run(until)
        return self

    def _camera(self, c):
        camera, number = self.cameras[c], 0
        if not camera.get("poisson"):
            yield self.env.timeout(camera["phase"])
        while True:
            if camera.get("poisson"):
                yield self.env.timeout(self.rng.exponential(1 / camera["fps"]))
            self._release(c, number)
            number += 1
            if not camera.get("poisson"):
                yield self.env.timeout(max(0.0, camera["phase"] + number / camera["fps"] - self.env.now))

    def _release(self, c, number) -> None:
        self.released += 1
        frame = Frame(self.env.now, number, c)
        frame.due = self._due(c, number)
        if self.cameras[c]["decode"] == 0:
            self.env.process(self._application(frame))
        elif self.waiting[c] == 8:
            self.dropped += 1
        else:
            self.waiting[c] += 1
            self.env.process(self._decode(frame))

    def _due(self, c, number):
        due, camera = set(), self.cameras[c]
        for i, stage in enumerate(self.stages):
            if stage.get("groups") and camera["group"] not in stage["groups"]:
                continue
            if stage.get("parent") is not None and stage["parent"] not in due:
                continue
            bucket = math.floor((number + camera["number"]) / stage["interval"])
            first = -1 if "parent" in stage else math.floor((camera["number"] - 1) / stage["interval"])
            if bucket > self.last.get((c, i), first):
                due.add(i)
            self.last[c, i] = bucket
        return due

    def _decode(self, frame):
        camera = self.cameras[frame.camera]
        with self.decoder[frame.camera].request() as mine:
            yield mine
            with self.workers.request() as worker:
                yield worker
                self.waiting[frame.camera] -= 1
                mean = camera["decode"]
                if camera.get("keys"):
                    mean /= 1 + (camera["key_factor"] - 1) / camera["keys"]
                    if frame.number % camera["keys"] == camera["key_first"]:
                        mean *= camera["key_factor"]
                sigma = camera["sigma"]
                work_s = mean * self.rng.lognormal(-(sigma**2) / 2, sigma)
                if camera.get("engine"):
                    yield self.engine.run(camera["engine"], 1.0)
                yield self.cores.run(work_s, 1.0, **shape_of(camera, "decode"))
        yield from self._application(frame)

    def _application(self, frame):
        camera = self.cameras[frame.camera]
        if camera.get("application"):
            yield self.cores.run(camera["application"], 1.0, **shape_of(camera, "application"))
        self._to_stages(frame, None)
        self._check(frame)

    def _to_stages(self, frame, parent) -> None:
        for i in sorted(frame.due):
            stage = self.stages[i]
            if stage.get("parent") != parent:
                continue
            items = 1 if parent is None else frame.objects[parent]
            if items == 0:
                continue
            if parent is None and len(self.queues[i]) >= stage["limit"]:
                if stage["drop"] == "newest":
                    self._drop(frame)
                    continue
                lost = self.queues[i].popleft()[0]
                lost.visits -= 1
                self._drop(lost)
            frame.visits += 1
            self.queues[i].append([frame, items, self.env.now, [items]])
            self._notify(i)

    def _notify(self, i) -> None:
        event, self.changed[i] = self.changed[i], self.env.event()
        event.succeed()

    def _drop(self, frame) -> None:
        if not frame.dropped:
            frame.dropped = True
            self.dropped += 1

    def _check(self, frame) -> None:
        if frame.visits == 0 and not frame.dropped:
            self.done += 1
            self.latencies.append((frame.released, self.env.now - frame.released))

    def _next_batch(self, i):
        """Requests off the queue that fit into one batch: frames, or parts of one frame's objects; never cut again."""
        stage, queue = self.stages[i], self.queues[i]
        parts, room = [], stage["batch"]
        while queue and min(stage["batch"], queue[0][1]) <= room:
            entry = queue[0]
            take = min(stage["batch"], entry[1])
            entry[1] -= take
            room -= take
            parts.append((entry, take))
            self.waits[i].extend([(self.env.now, self.env.now - entry[2])] * take)
            if entry[1] == 0:
                queue.popleft()
            if "parent" in stage and not stage.get("timeout"):
                break
        return parts

    def _wait_for_more(self, i):
        """Until a batch is full, its oldest request has waited long enough, or others have taken what waited."""
        stage, queue = self.stages[i], self.queues[i]
        while queue and sum(e[1] for e in queue) < stage["batch"] and self.env.now < queue[0][2] + stage["timeout"]:
            yield self.changed[i] | self.env.timeout(queue[0][2] + stage["timeout"] - self.env.now)

    def _stream(self, i, after=0.0, helper=False):
        """One that serves the stage: from a moment on, or on the cores until its device is ready."""
        stage, queue = self.stages[i], self.queues[i]
        until = stage["startup"]["until"] if helper else math.inf
        device = None if helper else stage.get("device")
        if helper:
            stage = stage | stage["startup"]
        if after:
            yield self.env.timeout(after)
        while True:
            while not queue:
                yield self.changed[i]
            if stage.get("timeout"):
                yield from self._wait_for_more(i)
                if not queue:
                    continue
            if self.env.now >= until:  # the device's streams have heard of what came, too
                return
            parts = self._next_batch(i)
            size = sum(take for _, take in parts)
            cold = 0.0
            if self.serving[i] == 0:
                self.paused[i], self.fresh[i] = self.env.now - self.ended[i], stage["streams"]
            if stage.get("cold") and self.fresh[i] > 0:
                cold = stage["cold"] * (1 - math.exp(-self.paused[i] / stage["settle"]))
            self.fresh[i] -= 1
            self.serving[i] += 1
            if stage.get("pre"):
                yield self.cores.run(stage["pre"] * size, 1.0, **shape_of(stage, "pre"))
            spread = math.exp(stage.get("sigma", 0.0) * self.rng.standard_normal())
            work_s, threads = (stage["service"][size] + cold) * spread, stage["threads"]
            if device is not None:
                part = stage["taken"][size] / stage["service"][size]
                yield self.devices[device].run(work_s, part)
            else:
                crowding = stage.get("crowding", 0.0)
                yield self.cores.run(work_s, threads, threads, crowding=crowding, rise=stage.get("rise"))
            self.serving[i] -= 1
            self.ended[i] = self.env.now
            self.batches[i].append((self.env.now, size))
            for (frame, _, _, left), take in parts:
                left[0] -= take
                if left[0] == 0:
                    frame.visits -= 1
                    if stage.get("finds") is not None:
                        frame.objects[i] = int(self.rng.poisson(self.means[stage["finds"]]))
                        self._to_stages(frame, i)
                    self._check(frame)
