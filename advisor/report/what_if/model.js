// What boxes do at other settings: the planner's closed forms over the embedded surface, and its choice among boxes.
// Same formulas and names as advisor/planner/search and advisor/planner/answer; docs/methods/what-if.md.
// eslint-disable-next-line no-unused-vars
const sizerModel = (surface) => {
  "use strict";
  const Z90 = 1.2815515655446004;
  const LOADS = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((part) => part / 8);
  const K = surface.constants;
  const draws = {};
  for (const [part, text] of Object.entries(surface.draws)) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    draws[part] = Float64Array.from(new Int16Array(bytes.buffer), (value) => value / K.draw_unit);
  }
  const ofStage = Object.fromEntries(surface.stages.map((stage) => [stage.id, stage]));
  const limitsOf = (place) => (place.device ? surface.device_limits : surface.limits);
  for (const place of surface.placements) Object.assign(place, surface.stage_sets[place.stages]);
  for (const box of surface.boxes) box.ways = box.placements.map((place) => surface.placements[place]);

  // Value of P10, P50, P90 at a standard normal quantile, log-normal on each side of the median.
  const at = (three, z) => {
    if (three[1] <= 0) return three[1];
    if (three.length === 3) three.push(Math.log(three[1] / three[0]) / Z90, Math.log(three[2] / three[1]) / Z90);
    return three[1] * Math.exp((z >= 0 ? three[4] : three[3]) * z);
  };
  const risen = (rise, share) => {
    const points = rise.length ? rise : [1];
    const place = share * points.length;
    const low = Math.min(Math.floor(place), points.length - 1);
    const before = low === 0 ? 0 : points[low - 1];
    return before + (place - low) * (points[low] - before);
  };
  const othersBusy = (cores, threads, load) =>
    Math.min(1, Math.max(0, load * cores - threads) / Math.max(cores - threads, 1e-9));

  // Cores kept busy where work takes longer the more of them are: smallest solution of B = F(B).
  const busyCores = (demand, cores) => {
    for (let i = 0; i + 1 < LOADS.length; i += 1) {
      if (demand[i + 1] <= LOADS[i + 1] * cores) {
        const low = demand[i] - LOADS[i] * cores;
        const high = demand[i + 1] - LOADS[i + 1] * cores;
        return cores * (LOADS[i] + (low / (low - high)) * (LOADS[i + 1] - LOADS[i]));
      }
    }
    return demand[LOADS.length - 1];
  };

  // Cameras of each group when there are so many in all: largest remainder, earlier groups first.
  const spread = (counts, total) => {
    const now = counts.reduce((sum, count) => sum + count, 0);
    if (now === 0) return counts.slice();
    const exact = counts.map((count) => (count * total) / now);
    const result = exact.map(Math.floor);
    const order = exact.map((_, i) => i).sort((a, b) => result[a] - exact[a] - (result[b] - exact[b]) || a - b);
    let missing = total - result.reduce((sum, count) => sum + count, 0);
    for (const i of order) {
      if (missing-- <= 0) break;
      result[i] += 1;
    }
    return result;
  };

  const interval = (stage, fps) => {
    const own = stage.every_frames ?? (stage.every_per_s ? fps / stage.every_per_s : 1);
    return stage.on === null ? own : Math.max(own, interval(ofStage[stage.on], fps));
  };

  // What one box is offered per second.
  const offered = (setting, counts) => {
    const node = surface.objects_nodes.findIndex((value) => Math.abs(value - setting.objects) < 1e-6);
    const pick = (column) => column[column.length === 1 ? 0 : node];
    const groups = surface.groups.map((group, i) => ({ group, fps: setting.fps[i], count: counts[i] }));
    const frames = groups.reduce((sum, item) => sum + item.fps * item.count, 0);
    const stages = surface.stages.map((stage) => {
      let calls = 0;
      for (const item of groups) {
        if (stage.groups.includes(item.group.group)) {
          calls += (item.fps / interval(stage, item.fps)) * stage.motion * item.count;
        }
      }
      const reaching = frames > 0 ? (calls * (1 - pick(stage.empty))) / frames : 0;
      const passes = Object.fromEntries(Object.entries(stage.passes).map(([batch, column]) => [batch, pick(column)]));
      return { stage, calls, items: pick(stage.items), passes, decides: reaching >= K.decides_p95 };
    });
    return { groups, frames, cameras: counts.reduce((sum, count) => sum + count, 0), stages };
  };

  // Decoding of a group at a rate: linear in the time between frames, as bits per frame are.
  const decodeAt = (place, item) => {
    const cost = place.decode[item.group.group];
    if (!cost) return null;
    const nodes = item.group.fps_nodes;
    let i = 0;
    while (i + 2 < nodes.length && item.fps > nodes[i + 1]) i += 1;
    const part = nodes.length === 1 ? 0 : (1 / item.fps - 1 / nodes[i]) / (1 / nodes[i + 1] - 1 / nodes[i]);
    const mix = (column) => column[i].map((value, q) => value + part * ((column[i + 1] ?? column[i])[q] - value));
    return { alone: mix(cost.alone_ms), full: mix(cost.full_ms), engine: mix(cost.engine_ms), session: cost.session_share };
  };

  const plainShare = (item) => {
    const gop = item.group.gop_frames ?? Math.max(1, Math.round(K.gop_s * item.fps));
    return Math.exp(-(item.group.plain_sigma ** 2) / 2) / (1 + (item.group.key_factor - 1) / gop);
  };

  // Inference streams for the passes that coincide (Poisson).
  const streamsNeeded = (own, k, place, load) => {
    const shape = place.rises[own.rise[k]];
    const alone = at(own.alone_ms[k], 1);
    const full = at(own.full_ms[k], 1);
    const time = (alone + risen(shape, K.sized_at) * (full - alone)) / 1000;
    const busy = load.calls * Math.max(1, Math.ceil(load.items / own.batch[k])) * time;
    let streams = 1;
    let term = Math.exp(-busy);
    let known = term + term * busy;
    term *= busy;
    while (streams < own.streams[k] && 1 - known > K.burst) {
      streams += 1;
      term *= busy / streams;
      known += term;
    }
    return streams;
  };

  // Everything of one way to use a box under a load that does not depend on the draw.
  const laidOut = (place, load) => {
    const slowing = place.slowed_most > 0;
    const slowed = LOADS.map((part) => (slowing ? risen(place.rises[0], othersBusy(place.cores, 1, part)) : 0));
    const decode = load.groups.map((item) => decodeAt(place, item));
    const stages = load.stages.map((stageLoad) => {
      const own = place.stages[stageLoad.stage.id];
      const shapes = own.precision.map((_, k) =>
        LOADS.map((part) =>
          slowing ? risen(place.rises[own.rise[k]], othersBusy(place.cores, own.threads[k], part)) : 0));
      return { ...stageLoad, own, shapes, onObjects: stageLoad.stage.on !== null };
    });
    return { place, load, slowing, slowed, decode, stages };
  };

  // One option's demand [cores] at each load and its figures, with these quantiles of its parts.
  const demandOf = (laid, entry, k, z) => {
    const { own } = entry;
    const full = at(own.full_ms[k], z.model) / 1000;
    const alone = Math.min(at(own.alone_ms[k], z.model) / 1000, full);
    const each = own.cores[k];
    const place = laid.place;
    let prepared = at(own.preparation_alone_ms, z.preparation) / 1000;
    let preparedFull = at(own.preparation_full_ms, z.preparation) / 1000;
    if (entry.onObjects) {
      prepared += at(place.application_object_alone_ms, z.application) / 1000;
      preparedFull += at(place.application_object_full_ms, z.application) / 1000;
    }
    const passes = entry.passes[own.batch[k]];
    const demand = LOADS.map((_, i) => entry.calls * (
      passes * each * (alone + entry.shapes[k][i] * (full - alone)) +
      entry.items * (prepared + laid.slowed[i] * (preparedFull - prepared))));
    const cold = entry.calls * passes * (at(place.colds_ms[own.cold[k]], z.pause) / 1000) * each;
    const busy = own.busy_ms.length ? at(own.busy_ms[k], z.model) / 1000 : 0;
    return { demand, cold, device: entry.calls * passes * busy, busy, alone, full, passes, prepared, path: alone + prepared };
  };

  const ofFrames = (laid, z) => {
    const { place, load } = laid;
    const demand = LOADS.map(() => 0);
    let decoding = 0;
    let widest = 0;
    let pixels = 0;
    let sessions = 0;
    const kept = 1 - surface.drops_max_pct / 100;
    const before = load.groups.map((item, g) => {
      const cost = laid.decode[g];
      if (cost === null) return 0;
      const alone = at(cost.alone, z.decode) / 1000;
      const full = at(cost.full, z.decode) / 1000;
      const rate = item.fps * item.count;
      LOADS.forEach((_, i) => { demand[i] += rate * (alone + laid.slowed[i] * (full - alone)); });
      decoding += rate * full;
      if (item.count > 0) widest = Math.max(widest, kept * Math.min(item.fps, surface.camera_fps ?? item.fps) * alone);
      pixels += (rate * at(cost.engine, z.decode)) / 1000;
      sessions += item.count * at(cost.session, z.decode);
      return plainShare(item) * alone;
    });
    const least = at(place.application_frame_alone_ms, z.application) / 1000;
    const most = at(place.application_frame_full_ms, z.application) / 1000;
    LOADS.forEach((_, i) => { demand[i] += load.frames * (least + laid.slowed[i] * (most - least)); });
    return { demand, decoding, widest, before, application: least, engine: Math.max(pixels, sessions) };
  };

  const pathOf = (laid, frames, parts) => {
    const byId = {};
    laid.stages.forEach((entry, s) => { byId[entry.stage.id] = parts[s].path; });
    let longest = 0;
    laid.stages.forEach((entry) => {
      if (!entry.decides) return;
      const times = laid.load.groups
        .map((item, g) => (entry.stage.groups.includes(item.group.group) ? frames.before[g] : Infinity));
      let total = Math.min(...times) + frames.application;
      for (let stage = entry.stage; stage; stage = stage.on === null ? null : ofStage[stage.on]) total += byId[stage.id];
      longest = Math.max(longest, total);
    });
    return longest;
  };

  const MEDIAN = { model: 0, preparation: 0, application: 0, pause: 0, decode: 0 };

  // Figures of a configuration (option of each stage) at quantiles; `z` gives those of a stage's model by place.
  const figures = (laid, choice, frames, quantilesOf, streams) => {
    const { place } = laid;
    const parts = laid.stages.map((entry, s) => demandOf(laid, entry, choice[s], quantilesOf(s)));
    const demand = LOADS.map((_, i) => frames.demand[i] + parts.reduce((sum, part) => sum + part.demand[i], 0));
    const cold = parts.reduce((sum, part) => sum + part.cold, 0);
    const least = demand[0];
    const law = laid.slowing ? Math.max(least, K.least_of_law * busyCores(demand, place.cores)) : least;
    const busy = busyCores(demand.map((part) => part + cold), place.cores) / place.cores;
    const path = pathOf(laid, frames, parts);
    const device = Math.max(parts.reduce((sum, part) => sum + part.device, 0), frames.engine);
    const load = Math.min(busy, 1);
    let streamsBusy = 0;
    let burst = 0;
    let items = 0;
    let calls = 0;
    laid.stages.forEach((entry, s) => {
      const shape = place.rises[entry.own.rise[choice[s]]];
      const part = parts[s];
      const passes = part.passes * (part.alone + risen(shape, load) * (part.full - part.alone));
      if (entry.onObjects) {
        burst = Math.max(burst, entry.own.on_device[choice[s]] ? part.passes * part.busy : passes / streams[s]);
      }
      const each = passes + entry.items * part.prepared;
      streamsBusy = Math.max(streamsBusy, (entry.calls * each) / streams[s]);
      calls += entry.calls;
      if (entry.onObjects) items += entry.calls * entry.items;
    });
    const { cores } = place;
    const slow = (path * 1000) / surface.latency_p95_ms;
    const coded = laid.load.groups.reduce((sum, item, g) => sum + (laid.decode[g] ? item.count : 0), 0);
    const values = [
      cores, busy, (demand[LOADS.length - 1] + cold) / cores, cold / cores, place.slowed_most, items / cores,
      calls / cores, frames.decoding / cores, laid.load.frames / Math.max(laid.load.cameras, 1), laid.load.cameras,
      streamsBusy, streams.reduce((sum, count) => sum + count, 0) / cores,
      Math.max(1, Math.min(Math.max(1, Math.floor(cores + 1e-9)), coded)), slow, device,
      slow / (1 - Math.min(Math.max(busy, device), K.full)), (burst * 1000) / surface.latency_p95_ms,
    ];
    const features = values.map((value) => Math.log(Math.max(value, K.least_feature)));
    const { mean, scale } = limitsOf(place);
    const standard = features.map((value, i) => (value - mean[i]) / scale[i]);
    return { parts, demand, cold, least, law, busy, path, device, features, standard };
  };

  const utilisation = (place, own) => {
    const z = own.standard;
    const c = limitsOf(place).utilisation;
    let total = c[0] + place.utilisation_offset;
    let n = 1;
    for (let i = 0; i < z.length; i += 1) total += c[n++] * z[i];
    for (let i = 0; i < z.length; i += 1) for (let j = i; j < z.length; j += 1) total += c[n++] * z[i] * z[j];
    return Math.min(1, Math.min(own.busy, 1) * Math.exp(total));
  };
  const failing = (place, own) => {
    const c = limitsOf(place).failure;
    return c[0] + place.failure_offset + own.standard.reduce((sum, value, i) => sum + c[i + 1] * value, 0);
  };

  // Options of a stage that are permitted; with `onDevice` those of that place alone, where there are any.
  const allowed = (entry, setting, onDevice) => {
    const all = entry.own.precision.map((name, k) => k).filter((k) => setting.int8 || entry.own.precision[k] !== "int8");
    const there = all.filter((k) => entry.own.on_device[k] === onDevice);
    return onDevice === undefined || there.length === 0 ? all : there;
  };

  // Option of each stage with the least demand in all; of equal ones (1 %) that with the fewest threads.
  const leastChoice = (laid, setting, frames, onDevice) => {
    const cores = laid.place.cores;
    const options = laid.stages.map((entry) => allowed(entry, setting, onDevice));
    if (options.some((row) => row.length === 0)) return null;
    const costed = laid.stages.map((entry, s) => options[s].map((k) => ({ k, ...demandOf(laid, entry, k, MEDIAN) })));
    const likely = (picked) => busyCores(LOADS.map((_, i) =>
      frames.demand[i] + picked.reduce((sum, item) => sum + item.demand[i] + item.cold, 0)), cores);
    const full = (item) => Math.max(0, item.device);
    let load = 0.5;
    let picked = null;
    for (let round = 0; round < 6; round += 1) {
      const place = Math.min(load, 1) * (LOADS.length - 1);
      const low = Math.min(Math.floor(place), LOADS.length - 2);
      const cost = (item) => item.demand[low] + (place - low) * (item.demand[low + 1] - item.demand[low]) + item.cold +
        (laid.place.device ? full(item) * cores : 0);
      picked = costed.map((row) => row.reduce((best, item) => (cost(item) < cost(best) ? item : best)));
      load = likely(picked) / cores;
    }
    const step = (value) => Math.floor(Math.log(Math.max(value, 1e-12)) / K.equal_demand);
    const bucket = step(likely(picked));
    laid.stages.forEach((entry, s) => {
      const fewer = costed[s].filter((item) => entry.own.threads[item.k] < entry.own.threads[picked[s].k])
        .sort((a, b) => entry.own.threads[a.k] - entry.own.threads[b.k]);
      for (const item of fewer) {
        const other = picked.slice();
        other[s] = item;
        if (step(likely(other)) <= bucket) { picked = other; break; }
      }
    });
    return picked.map((item) => item.k);
  };

  // Each stage on the cores or on the device: what closed forms leave, least demand first and the fastest second.
  const sharedChoices = (laid, setting, frames) => {
    const usable = 1 - setting.headroom / 100;
    const { cores } = laid.place;
    const places = [false, true].map((onDevice) => leastChoice(laid, setting, frames, onDevice));
    if (places.includes(null)) return [];
    const costed = places.map((picked) => laid.stages.map((entry, s) => demandOf(laid, entry, picked[s], MEDIAN)));
    const known = new Set();
    const found = [];
    for (let mask = 0; mask < 2 ** laid.stages.length; mask += 1) {
      const where = laid.stages.map((_, s) => (mask >> s) & 1);
      const choice = where.map((place, s) => places[place][s]);
      if (known.has(choice.join())) continue;
      known.add(choice.join());
      const parts = where.map((place, s) => costed[place][s]);
      const demand = LOADS.map((_, i) => frames.demand[i] + parts.reduce((sum, part) => sum + part.demand[i], 0));
      const cold = parts.reduce((sum, part) => sum + part.cold, 0);
      const law = laid.slowing ? Math.max(demand[0], K.least_of_law * busyCores(demand, cores)) : demand[0];
      const likely = busyCores(demand.map((part) => part + cold), cores);
      const device = parts.reduce((sum, part) => sum + part.device, 0);
      const path = pathOf(laid, frames, parts);
      found.push({ choice, likely, path, over: Math.max(law / cores, device) / usable, late: path * 1000 > surface.latency_p95_ms });
    }
    const held = found.filter((item) => item.over <= 1 && !item.late).sort((a, b) => a.likely - b.likely);
    if (held.length === 0) return [found.reduce((best, item) => (item.over < best.over ? item : best)).choice];
    const fastest = held.reduce((best, item) => (item.path < best.path ? item : best));
    const tried = [held[0], fastest, ...held.slice(1)];
    return tried.filter((item, i) => tried.indexOf(item) === i).slice(0, K.tries_on_device).map((item) => item.choice);
  };

  // Configurations worth trying: least demand first, then stage by stage the fastest, longest gain first.
  const choices = (laid, setting, frames) => {
    if (laid.place.device) return sharedChoices(laid, setting, frames);
    const first = leastChoice(laid, setting, frames);
    if (first === null) return [];
    const fastest = laid.stages.map((entry) => allowed(entry, setting).map((k) => ({ k, path: demandOf(laid, entry, k, MEDIAN).path }))
      .reduce((best, item) => (item.path < best.path ? item : best)));
    const gains = laid.stages.map((entry, s) => ({ s, gain: demandOf(laid, entry, first[s], MEDIAN).path - fastest[s].path }))
      .filter((item) => item.gain > 0).sort((a, b) => b.gain - a.gain);
    const all = [first];
    for (const { s } of gains) {
      const next = all[all.length - 1].slice();
      next[s] = fastest[s].k;
      all.push(next);
    }
    return all;
  };

  const sortedMemory = Float64Array.from(draws.memory).sort();
  const rankAsked = (confidence) => Math.ceil(+((confidence / 100) * K.draws).toFixed(6));

  const memoryOf = (laid, choice, z) => K.system_mib + laid.load.cameras * K.camera_mib +
    laid.stages.reduce((sum, entry, s) => sum + at(entry.own.memory_mib[choice[s]], z), 0);

  // Whether a configuration keeps headroom and SLO at the median; `over`: how far it misses, as a factor.
  const atMedian = (box, laid, choice, setting) => {
    const { place, load } = laid;
    const usable = 1 - setting.headroom / 100;
    const frames = ofFrames(laid, MEDIAN);
    const streams = laid.stages.map((entry, s) => streamsNeeded(entry.own, choice[s], place, entry));
    const own = figures(laid, choice, frames, () => MEDIAN, streams);
    const cpu = utilisation(place, own);
    const memory = memoryOf(laid, choice, sortedMemory[rankAsked(setting.confidence) - 1]);
    let traffic = load.groups.reduce((sum, item) => sum + item.fps * item.count * item.group.traffic_mb, 0);
    traffic += laid.stages.reduce((sum, entry, s) => sum + entry.calls * entry.items * entry.own.traffic_mb[choice[s]], 0);
    const checks = [
      ["latency", (own.path * 1000) / surface.latency_p95_ms],
      ["camera rate", frames.widest / K.decode_full],
      ["cores", own.law / place.cores / usable],
      ["CPU", cpu / usable],
      ["memory", box.memory_mib > 0 ? memory / box.memory_mib : Infinity],
      ["memory bandwidth", place.bandwidth_gb_s ? traffic / 1000 / place.bandwidth_gb_s / usable : 0],
      ["device", (own.device * limitsOf(place).device_ratio) / usable],
      ["latency or rate", Math.exp(0.05 * failing(place, own))],
    ];
    const worst = checks.reduce((best, check) => (check[1] > best[1] ? check : best));
    return { frames, streams, own, cpu, over: worst[1], limit: worst[0], holds: worst[1] <= 1 };
  };

  // Share of the joint draws in which a configuration meets the SLO; with `step`, of every so many of them.
  const probability = (box, laid, choice, streams, step = 1) => {
    const { place } = laid;
    const mixed = laid.stages.map((entry, s) => {
      const k = choice[s];
      const { model } = entry.stage;
      const share = entry.own.machine_share[k];
      const [common, own] = entry.own.on_device[k]
        ? [draws[`device ${place.device}`], draws[`model ${model} on ${place.device}`]]
        : [draws.machine, draws[`model ${model}`]];
      return { common, own, a: Math.sqrt(share), b: Math.sqrt(1 - share) };
    });
    const parts = ["preparation", "application", "pause", "decode"];
    const z = laid.stages.map(() => ({}));
    let held = 0;
    for (let d = 0; d < K.draws; d += step) {
      const common = {};
      for (const part of parts) common[part] = draws[part][d];
      mixed.forEach((item, s) => {
        for (const part of parts) z[s][part] = common[part];
        z[s].model = item.a * item.common[d] + item.b * item.own[d];
      });
      const frames = ofFrames(laid, common);
      const own = figures(laid, choice, frames, (s) => z[s], streams);
      const lost = own.law > place.cores || own.device > 1 || own.path * 1000 > surface.latency_p95_ms ||
        frames.widest > K.decode_full || memoryOf(laid, choice, draws.memory[d]) > box.memory_mib;
      if (!lost && failing(place, own) <= 0) held += 1;
    }
    return Math.min(Math.max((held * step) / K.draws, K.least_probability), K.most_probability);
  };

  // The same, from a tenth of the draws where those tell it from what decides; `exactly` works out the rest when it is shown.
  const TENTH = 10;
  const ROUGHLY = 0.12; // four standard deviations of a share of 0.9 of a hundred draws
  const exactly = (found) => {
    if (found.rough) {
      found.probability = probability(found.box, found.laid, found.choice, found.median.streams);
      found.rough = false;
    }
    return found.probability;
  };
  const roughly = (found, asked) => {
    found.probability = probability(found.box, found.laid, found.choice, found.median.streams, TENTH);
    found.rough = true;
    const told = [asked, asked - surface.resolution].every((p) => Math.abs(found.probability - p) > ROUGHLY);
    return told ? found.probability : exactly(found);
  };

  const grown = (setting) => {
    const total = setting.cameras.reduce((sum, count) => sum + count, 0);
    return spread(setting.cameras, total + setting.growth);
  };
  const perBox = (counts, boxes) => counts.map((count) => Math.ceil(count / boxes));
  const placesOf = (box, setting) => box.ways.filter((place) => setting.devices || !place.with_device);

  const priceOf = (box, setting, count) => {
    const quoted = setting.prices[box.id];
    const bought = count + surface.spare_boxes;
    // Of more boxes than there are no price is known, unless the user states one.
    if (quoted === undefined && box.most && bought > box.most) return { value: Infinity, low: Infinity, high: Infinity, each: Infinity };
    return quoted === undefined
      ? { value: box.price * bought, low: box.price_low * bought, high: box.price_high * bought, each: box.price }
      : { value: quoted * bought, low: quoted * bought, high: quoted * bought, each: quoted };
  };

  const watts = (box, share) => {
    const place = Math.min(Math.max(share, 0), 1) * (box.wall_w.length - 1);
    const low = Math.min(Math.floor(place), box.wall_w.length - 2);
    return box.wall_w[low] + (place - low) * (box.wall_w[low + 1] - box.wall_w[low]);
  };
  const runningCost = (box, setting, count, laid, choice) => {
    const today = laidOut(laid.place, offered(setting, perBox(setting.cameras, count)));
    const frames = ofFrames(today, MEDIAN);
    const own = figures(today, choice, frames, () => MEDIAN, choice.map(() => 1));
    const total = setting.cameras.reduce((sum, n) => sum + n, 0);
    const active = total === 0 ? 1
      : setting.cameras.reduce((sum, n, i) => sum + n * surface.groups[i].active_hours, 0) / total / 24;
    const bought = count + surface.spare_boxes;
    const busy = watts(box, (own.least + own.device * laid.place.cores) / laid.place.cores);
    const average = bought * (busy * active + watts(box, 0) * (1 - active));
    return average * 8.76 * surface.electricity_per_kwh * surface.lifetime_years + surface.extras_per_box * bought;
  };

  const known = new Map();
  // Judge so many boxes of a kind: the first configuration that holds, else the one that came nearest.
  const judge = (box, count, setting) => {
    const key = [box.id, count, setting.headroom, setting.confidence, setting.growth, setting.int8, setting.devices,
      setting.objects, setting.cameras, setting.fps].join("|");
    if (!known.has(key)) known.set(key, judged(box, count, setting));
    return known.get(key);
  };
  const judged = (box, count, setting) => {
    const load = offered(setting, perBox(grown(setting), count));
    const asked = setting.confidence / 100;
    let nearest = null;
    for (const place of placesOf(box, setting)) {
      const laid = laidOut(place, load);
      for (const choice of choices(laid, setting, ofFrames(laid, MEDIAN))) {
        const median = atMedian(box, laid, choice, setting);
        const found = { box, count, laid, choice, median, probability: null, feasible: false };
        if (median.holds) {
          found.feasible = roughly(found, asked) >= asked - 1e-9;
        }
        const better = nearest === null || (median.holds && !nearest.median.holds) ||
          (median.holds === nearest.median.holds && (median.holds
            ? found.probability > nearest.probability : median.over < nearest.median.over));
        if (better) nearest = found;
        if (found.feasible && surface.objective === "price") return found;
        if (found.feasible) break;
        if (!place.device && !["latency", "latency or rate"].includes(median.limit) && !median.holds) break;
      }
    }
    return nearest;
  };

  const costOf = (box, setting, count, found) => {
    const price = priceOf(box, setting, count).value;
    return surface.objective === "price" || !found ? price
      : price + runningCost(box, setting, count, found.laid, found.choice);
  };
  const mostBoxes = (setting) => {
    const total = grown(setting).reduce((sum, count) => sum + count, 0);
    return Math.min(surface.max_boxes, Math.max(1, total));
  };

  // Boxes that hold, cheapest first, until there are enough different ones to compare.
  const explore = (setting, first = false) => {
    const queue = surface.boxes.map((box, order) => ({ box, count: 1, cost: costOf(box, setting, 1, null), order, found: null }));
    const explored = [];
    const vendors = new Set(surface.boxes.map((box) => box.vendor));
    while (queue.length) {
      queue.sort((a, b) => a.cost - b.cost || a.order - b.order);
      const entry = queue.shift();
      if (entry.found) {
        if (explored.length > 1 && entry.cost > K.cost_ratio * explored[0].cost) break;
        explored.push(entry);
        const lead = explored[0];
        const processors = new Set(explored.map((item) => item.box.processor));
        const maker = vendors.size < 2 || explored.some((item) => item.box.vendor !== lead.box.vendor);
        const roomy = explored.some((item) => item.found.median.cpu * K.more_room <= lead.found.median.cpu);
        if (first || explored.length >= K.solutions || (processors.size >= K.processors && maker && roomy)) break;
        continue;
      }
      const found = judge(entry.box, entry.count, setting);
      if (found && found.feasible) {
        queue.push({ ...entry, cost: costOf(entry.box, setting, entry.count, found), found });
      } else if (entry.count < mostBoxes(setting)) {
        const cost = costOf(entry.box, setting, entry.count + 1, null);
        if (cost < Infinity) queue.push({ ...entry, count: entry.count + 1, cost });
      }
    }
    return explored;
  };

  const contender = (entry, setting, certain) => {
    const price = priceOf(entry.box, setting, entry.count);
    const failure = surface.cost_of_failure ?? price.each;
    const sure = exactly(entry.found);
    return {
      ...entry, certain, price, probability: sure, expected: entry.cost + (1 - sure) * failure,
      low: entry.cost + price.low - price.value, high: entry.cost + price.high - price.value,
    };
  };

  // Cheaper boxes that hold at the median and miss the confidence by less than can be told.
  const nearly = (setting, ceiling) => {
    const result = [];
    for (const box of surface.boxes) {
      for (let count = 1; count <= mostBoxes(setting) && priceOf(box, setting, count).value < ceiling; count += 1) {
        const found = judge(box, count, setting);
        if (!found || found.feasible) break;
        if (found.median.holds && found.probability >= setting.confidence / 100 - surface.resolution - 1e-9) {
          const cost = costOf(box, setting, count, found);
          if (cost < ceiling) result.push(contender({ box, count, cost, found }, setting, false));
          break;
        }
      }
    }
    return result;
  };

  const byExpected = (a, b) => a.expected - b.expected || a.cost - b.cost || (a.box.id < b.box.id ? -1 : 1);

  // What is recommended, and what cannot be told apart from it.
  const decide = (setting) => {
    const explored = explore(setting);
    const ceiling = explored.length ? explored[0].cost : Infinity;
    const holding = [];
    for (const entry of explored.slice(0, K.contenders)) {
      const item = contender(entry, setting, true);
      if (!holding.length || item.low <= holding[0].high) holding.push(item);
    }
    const near = nearly(setting, ceiling);
    const certain = holding.slice().sort(byExpected)[0];
    const doubtful = near.slice().sort(byExpected)[0];
    let chosen = certain ?? doubtful ?? null;
    if (certain && doubtful && doubtful.expected < certain.expected - (certain.cost - certain.low)) chosen = doubtful;
    if (chosen === null) return { explored, chosen, ties: [], close: [] };
    const ties = [...near, ...holding].filter((item) => item !== chosen && !(item.cost > chosen.cost &&
      (item.box.processor === chosen.box.processor || item.low > chosen.high)))
      .sort(byExpected).slice(0, K.ties);
    return { explored, chosen, ties, close: tooClose(setting, chosen) };
  };

  // Cheaper boxes, and the chosen one, whose simulated outcome may differ from what is estimated here.
  const tooClose = (setting, chosen) => {
    const close = [];
    for (const box of surface.boxes) {
      for (let count = 1; count <= mostBoxes(setting); count += 1) {
        if (priceOf(box, setting, count).value > chosen.price.value) break;
        const found = judge(box, count, setting);
        if (!found) break;
        const { over, limit, holds } = found.median;
        const error = limitsOf(found.laid.place).utilisation_error;
        const simulated = ["CPU", "latency or rate"].includes(limit);
        const own = box.id === chosen.box.id && count === chosen.count;
        const asked = setting.confidence / 100;
        const doubtful = holds && [asked, asked - surface.resolution].some((p) => Math.abs(found.probability - p) < K.told_apart);
        const near = own ? simulated && over > 1 - error : !found.feasible && simulated && over > 1 && over <= 1 + error;
        if (near || doubtful) close.push({ box, count });
        if (found.feasible) break;
      }
    }
    return close;
  };

  // What each layer of safety costs.
  const ladder = (setting, chosen) => {
    const layers = [["today's load, at the median", { headroom: 0, confidence: 50, growth: 0 }]];
    const layer = (words, change) => layers.push([words, { ...layers[layers.length - 1][1], ...change }]);
    if (setting.growth) layer(`with growth (${setting.growth} more cameras)`, { growth: setting.growth });
    if (setting.headroom) layer(`with ${setting.headroom} % headroom at the median`, { headroom: setting.headroom });
    if (setting.confidence > 50) layer(`with ${setting.confidence} % confidence in the SLO`, { confidence: setting.confidence });
    return layers.map(([words, margin], i) => {
      const [entry] = i === layers.length - 1 ? [chosen] : explore({ ...setting, ...margin }, true);
      return entry ? { words, box: entry.box, count: entry.count, price: priceOf(entry.box, setting, entry.count).value }
        : { words, box: null };
    });
  };

  // Cameras at which the headroom is used up, and at which the SLO no longer holds at the median.
  const breaksFirst = (setting, chosen) => {
    const { box, count, choice, laid } = chosen.found;
    const now = setting.cameras.reduce((sum, n) => sum + n, 0);
    const first = (fails) => {
      for (let total = now; total <= now * 20 + 20; total += Math.max(1, Math.floor(total / 50))) {
        const counts = perBox(spread(setting.cameras, total), count);
        if (fails(atMedian(box, laidOut(laid.place, offered(setting, counts)), choice, setting), laid.place)) return total;
      }
      return null;
    };
    return {
      headroom: first((median) => median.cpu > 1 - setting.headroom / 100 || median.own.device * limitsOf(laid.place).device_ratio > 1 - setting.headroom / 100),
      slo: first((median, place) => median.own.law > place.cores || median.own.device > 1 || failing(place, median.own) > 0),
    };
  };

  // Cameras that core time alone allows, all boxes together, at P10, P50 and P90: an upper bound.
  const capacity = (box, count, setting) => {
    const load = offered(setting, setting.cameras);
    const total = setting.cameras.reduce((sum, n) => sum + n, 0);
    let best = null;
    for (const place of placesOf(box, setting)) {
      const laid = laidOut(place, load);
      const choice = leastChoice(laid, setting, ofFrames(laid, MEDIAN));
      if (choice === null) continue;
      const factors = [];
      for (let d = 0; d < K.draws; d += 20) {
        const common = { preparation: draws.preparation[d], application: draws.application[d], pause: draws.pause[d], decode: draws.decode[d] };
        const frames = ofFrames(laid, common);
        const parts = laid.stages.map((entry, s) => {
          const k = choice[s];
          const share = Math.sqrt(entry.own.machine_share[k]);
          const rest = Math.sqrt(1 - entry.own.machine_share[k]);
          const on = entry.own.on_device[k];
          const z = share * draws[on ? `device ${place.device}` : "machine"][d] +
            rest * draws[on ? `model ${entry.stage.model} on ${place.device}` : `model ${entry.stage.model}`][d];
          return demandOf(laid, entry, k, { ...common, model: z });
        });
        const last = LOADS.length - 1;
        const demand = frames.demand[last] + parts.reduce((sum, part) => sum + part.demand[last], 0);
        const device = Math.max(frames.engine, parts.reduce((sum, part) => sum + part.device, 0));
        factors.push(count * Math.min(demand > 0 ? place.cores / demand : Infinity, device > 0 ? 1 / device : Infinity));
      }
      factors.sort((a, b) => a - b);
      const pick = (share) => Math.floor(factors[Math.round(share * (factors.length - 1))] * total);
      const found = { low: pick(0.1), middle: pick(0.5), high: pick(0.9) };
      if (best === null || found.middle > best.middle) best = found;
    }
    return best;
  };

  const asked = () => ({
    cameras: surface.groups.map((group) => group.count), fps: surface.groups.map((group) => group.fps), objects: 1,
    headroom: surface.headroom_pct, confidence: surface.confidence_pct, growth: surface.growth_cameras,
    int8: surface.int8_asked, devices: surface.devices_asked, prices: {},
  });

  // Why settings lie outside what was worked out; empty: they do not.
  const outside = (setting) => {
    const total = (counts) => counts.reduce((sum, count) => sum + count, 0);
    const words = [];
    const most = Math.floor(surface.cameras_most * total(surface.groups.map((group) => group.count)));
    if (total(setting.cameras) < 1 || total(setting.cameras) > most) words.push(`cameras: 1 to ${most} in all`);
    surface.groups.forEach((group, i) => {
      const low = group.fps_nodes[0];
      const high = group.fps_nodes[group.fps_nodes.length - 1];
      if (!(setting.fps[i] >= low && setting.fps[i] <= high)) words.push(`FPS of ${group.group}: ${+low.toFixed(2)} to ${+high.toFixed(2)}`);
      if (!Number.isInteger(setting.cameras[i]) || setting.cameras[i] < 0) words.push(`cameras of ${group.group}: a whole number`);
    });
    const nodes = surface.objects_nodes;
    if (!nodes.some((value) => Math.abs(value - setting.objects) < 1e-6)) {
      words.push(`objects: ${nodes[0] * 100} to ${nodes[nodes.length - 1] * 100} % in steps of 5`);
    }
    if (!(setting.headroom >= 0 && setting.headroom <= 70)) words.push("headroom: 0 to 70 %");
    if (!(setting.confidence >= 50 && setting.confidence <= 99)) words.push("confidence: 50 to 99 %");
    return words;
  };

  return { asked, outside, decide, ladder, breaksFirst, capacity, judge, priceOf, grown, offered, figures, laidOut, ofFrames, surface };
};
