// Controls of the page: read the settings, ask the model, say what changes. Without this script the page stays as it is.
(() => {
  "use strict";
  const data = document.getElementById("what-if-data");
  const section = document.getElementById("what-if");
  if (!data || !section) return;
  const surface = JSON.parse(data.textContent);
  const model = sizerModel(surface);
  const find = (id) => document.getElementById(id);
  const asked = model.asked();
  const prices = {};
  const kept = ["headline", "decision", "capacity"].map((id) => [find(id), find(id).innerHTML, find(id).className]);

  const make = (name, attributes = {}, ...inside) => {
    const space = ["svg", "g", "line", "circle", "text", "title"].includes(name) ? "http://www.w3.org/2000/svg" : null;
    const element = space ? document.createElementNS(space, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...inside);
    return element;
  };
  const whole = (value) => Math.round(value).toLocaleString("en-US");
  const money = (value) => `${whole(value)} ${surface.currency}`;
  const percent = (value) => `${(value * 100).toFixed(0)} %`;
  const boxes = (box, count) => {
    const bought = count + surface.spare_boxes;
    return bought > 1 ? `${bought} x ${box.name}` : box.name;
  };

  const numberOf = (id) => (find(id).value.trim() === "" ? NaN : Number(find(id).value));
  const settings = () => ({
    cameras: surface.groups.map((group) => numberOf(`what-if-cameras-${group.group}`)),
    fps: surface.groups.map((group) => numberOf(`what-if-fps-${group.group}`)),
    objects: find("what-if-objects") ? numberOf("what-if-objects") / 100 : 1,
    headroom: numberOf("what-if-headroom"),
    confidence: numberOf("what-if-confidence"),
    growth: surface.growth_cameras,
    int8: find("what-if-int8").checked,
    devices: find("what-if-devices") ? find("what-if-devices").checked : surface.devices_asked,
    prices: { ...prices },
  });

  // What differs from the plan, in words: printed, and said.
  const differences = (setting) => {
    const words = [];
    surface.groups.forEach((group, i) => {
      if (setting.cameras[i] !== group.count) words.push(`${setting.cameras[i]} instead of ${group.count} cameras ${group.group}`);
      if (setting.fps[i] !== group.fps) words.push(`${setting.fps[i]} instead of ${group.fps} FPS ${group.group}`);
    });
    if (Math.abs(setting.objects - 1) > 1e-6) words.push(`${Math.round(setting.objects * 100)} % of the objects`);
    for (const [name, unit] of [["headroom", " % headroom"], ["confidence", " % confidence"]]) {
      if (setting[name] !== asked[name]) words.push(`${setting[name]} instead of ${asked[name]}${unit}`);
    }
    if (setting.int8 !== asked.int8) words.push(setting.int8 ? "int8 permitted" : "int8 not permitted");
    if (setting.devices !== asked.devices) words.push(setting.devices ? "graphics and NPU permitted" : "CPU alone");
    for (const [id, price] of Object.entries(setting.prices)) words.push(`${id} at ${money(price)}`);
    return words;
  };

  const pairs = (rows) => make("dl", { class: "pairs" },
    ...rows.map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text))));
  const table = (caption, heads, rows) => {
    const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
    const body = rows.map((cells) => make("tr", {}, ...cells.map((text, i) =>
      (i === 0 ? make("th", { scope: "row" }, text) : make("td", {}, text)))));
    return make("table", {}, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, ...body));
  };

  const WIDTH = 1000, HEIGHT = 460, LEFT = 70, RIGHT = 30, TOP = 30, BOTTOM = 50;
  const scale = (low, high, start, end) => (value) => start +
    ((Math.log(Math.min(Math.max(value, low), high)) - Math.log(low)) / (Math.log(high) - Math.log(low))) * (end - start);
  const ticks = (low, high) => {
    const found = [];
    for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) {
      for (const step of [1, 2, 5]) if (power * step >= low && power * step <= high) found.push(power * step);
    }
    return found;
  };

  const picture = (marks, needed) => {
    const shown = marks.filter((mark) => mark.price > 0);
    const reach = [...shown.flatMap((mark) => [Math.max(mark.low, 0.5), Math.max(mark.high, 0.5)]), needed];
    const costs = shown.map((mark) => mark.price);
    const low = Math.min(...reach) * 0.8, high = Math.max(...reach) * 1.25;
    const least = Math.min(...costs) * 0.7, most = Math.max(...costs) * 1.3;
    const x = scale(low, high, LEFT, WIDTH - RIGHT), y = scale(least, most, HEIGHT - BOTTOM, TOP);
    // Names of all that hold would cover each other; the ranking below has them.
    const named = ["recommended", "tie"].flatMap((kind) => shown.filter((mark) => mark.kind === kind)).slice(0, 5);
    const told = named.map((mark) => `${mark.kind} ${mark.label}: ${money(mark.price)}, ${mark.middle} (${mark.low} - ${mark.high}) cameras`);
    const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
      "aria-label": `Price against capacity, P50 (P10 - P90): ${told.join("; ")}; ${shown.length - named.length} others; ${needed} cameras are needed.` });
    for (const tick of ticks(low, high)) {
      svg.append(make("line", { class: "axis", x1: x(tick), x2: x(tick), y1: TOP, y2: HEIGHT - BOTTOM }),
        make("text", { x: x(tick), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, String(tick)));
    }
    for (const tick of ticks(least, most)) {
      svg.append(make("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick) }),
        make("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, whole(tick)));
    }
    svg.append(make("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 10, "text-anchor": "middle" }, "capacity [cameras]"),
      make("text", { x: LEFT - 60, y: TOP - 14 }, `price [${surface.currency}]`),
      make("line", { x1: x(needed), x2: x(needed), y1: TOP, y2: HEIGHT - BOTTOM, stroke: "var(--bad)", "stroke-dasharray": "5 4" }),
      make("text", { x: x(needed) + 5, y: TOP + 12 }, `needed: ${needed}`));
    const colours = { recommended: "--good", tie: "--mark", holds: "--mark" };
    const order = { recommended: 3, tie: 2, holds: 1, other: 0 };
    const taken = [];
    for (const mark of shown.slice().sort((a, b) => order[a.kind] - order[b.kind])) {
      const colour = `var(${colours[mark.kind] ?? "--other"})`;
      const at = x(Math.max(mark.middle, 0.5));
      svg.append(make("g", {}, make("title", {}, `${mark.label}: ${mark.middle} (${mark.low} - ${mark.high}), ${whole(mark.price)}`),
        make("line", { x1: x(Math.max(mark.low, 0.5)), x2: x(Math.max(mark.high, 0.5)), y1: y(mark.price), y2: y(mark.price), stroke: colour, "stroke-opacity": 0.6 }),
        make("circle", { cx: at, cy: y(mark.price), r: mark.kind === "recommended" ? 8 : mark.kind === "other" ? 4 : 6,
          fill: mark.kind === "other" ? "var(--back)" : colour, stroke: colour, "stroke-width": 2 })));
    }
    for (const mark of named.slice().sort((a, b) => order[b.kind] - order[a.kind])) {
      const at = x(Math.max(mark.middle, 0.5));
      const text = mark.label.length > 40 ? `${mark.label.slice(0, 39)}…` : mark.label;
      const left = at + 12 + text.length * 7 > WIDTH ? at - 12 - text.length * 7 : at + 12;
      const place = [-12, -28, 18, -44, 34].map((offset) => y(mark.price) + offset)
        .find((line) => line > TOP && line < HEIGHT - BOTTOM && !taken.some((other) => Math.abs(other.line - line) < 15 &&
          other.left < left + text.length * 7 && left < other.left + other.wide));
      if (place === undefined) continue;
      taken.push({ left, line: place, wide: text.length * 7 });
      svg.append(make("text", { x: left, y: place, ...(mark.kind === "recommended" ? { class: "strong" } : {}) }, text));
    }
    return svg;
  };

  const restore = () => {
    for (const [element, inside, style] of kept) {
      element.innerHTML = inside;
      element.className = style;
    }
    find("what-if-result").replaceChildren();
  };

  const say = (text) => {
    find("what-if-said").textContent = text;
  };

  const show = (setting) => {
    const answer = model.decide(setting);
    const { chosen } = answer;
    const headline = find("headline");
    const close = answer.close.map((item) => boxes(item.box, item.count));
    const settle = close.length
      ? `Too close to call on this page: ${close.join(", ")}. \`sizer plan\` settles it.`.replaceAll("`", "")
      : "Worked out on this page; sizer plan settles it.";
    find("what-if-changed").textContent += ` ${settle}`;
    if (close.length) find("what-if-changed").className = "warn";
    if (!chosen) {
      headline.textContent = "What if: no box of this page suffices";
      headline.className = "bad";
      find("decision").replaceChildren(pairs([["Ask", "sizer plan, which knows all boxes and mixes of them"]]));
      say("No box of this page suffices at these settings. Ask sizer plan.");
    } else {
      const first = model.breaksFirst(setting, chosen);
      const limits = [first.headroom && setting.headroom > 0 ? `the ${setting.headroom} % headroom is used up at ${first.headroom} cameras` : "",
        first.slo ? `at ${first.slo} cameras the requirements no longer hold at the median` : ""].filter(Boolean);
      const name = boxes(chosen.box, chosen.count);
      headline.textContent = `What if: buy ${name}`;
      headline.className = close.length ? "warn" : "good";
      const price = chosen.price.low === chosen.price.high ? money(chosen.price.value)
        : `${whole(chosen.price.value)} (${whole(chosen.price.low)} - ${whole(chosen.price.high)}) ${surface.currency}`;
      find("decision").replaceChildren(pairs([
        ["Price", price],
        ["Probability", `${percent(chosen.probability)} sure to hold${answer.ties.length ? `; ${answer.ties.length} boxes cannot be told apart` : ""}`],
        ["Breaks first", limits.join("; ") || "nothing was found"],
      ]));
      say(`Buy ${name}, ${money(chosen.price.value)}, ${percent(chosen.probability)} sure to hold. ${close.length ? settle : ""}`);
    }
    const tied = new Set(answer.ties.map((item) => item.box.id));
    const holds = new Map(answer.explored.map((entry) => [entry.box.id, entry]));
    const marks = surface.boxes.map((box) => {
      const count = chosen && box.id === chosen.box.id ? chosen.count : holds.get(box.id)?.count ?? 1;
      const reach = model.capacity(box, count, setting);
      const kind = chosen && box.id === chosen.box.id ? "recommended" : tied.has(box.id) ? "tie" : holds.has(box.id) ? "holds" : "other";
      return reach && { label: boxes(box, count), price: model.priceOf(box, setting, count).value, kind, ...reach };
    }).filter(Boolean);
    const needed = model.grown(setting).reduce((sum, count) => sum + count, 0);
    find("capacity").replaceChildren(picture(marks, needed));
    const ranked = [...(chosen ? [chosen] : []), ...answer.ties, ...answer.explored.filter((entry) => !tied.has(entry.box.id) && entry.box.id !== chosen?.box.id)];
    const rows = ranked.slice(0, 10).map((entry, i) => [
      boxes(entry.box, entry.count), money(model.priceOf(entry.box, setting, entry.count).value), percent(entry.found.probability),
      percent(entry.found.median.cpu), i === 0 ? "recommended" : tied.has(entry.box.id) ? "tie" : "holds",
    ]);
    const result = find("what-if-result");
    result.replaceChildren();
    if (rows.length) {
      const scroll = (inside) => make("div", { class: "scroll", tabindex: "0" }, inside);
      result.append(make("h3", {}, "Ranking at these settings"),
        scroll(table("CPU: busy at the median with growth", ["Boxes", "Price", "Sure to hold", "CPU", ""], rows)));
      const steps = model.ladder(setting, chosen);
      result.append(make("h3", {}, "What safety costs at these settings"),
        scroll(table("The cheapest boxes for each layer of safety, on top of those above it", ["Cheapest boxes for", "Boxes", "Price"],
          steps.map((step) => [step.words, step.box ? boxes(step.box, step.count) : "none of this page", step.box ? money(step.price) : "-"]))));
    }
    result.append(make("p", { class: "soft" }, "Capacities of the picture are what core time alone allows at these settings, an upper bound."));
  };

  const update = () => {
    const setting = settings();
    const words = differences(setting);
    find("what-if-changed").hidden = words.length === 0;
    find("what-if-changed").className = "soft";
    find("what-if-changed").textContent = `What if: ${words.join("; ")}.`;
    if (find("scope")) find("scope").hidden = setting.devices && !asked.devices;
    find("what-if-reset").disabled = words.length === 0;
    find("what-if-counted").textContent = Object.entries(surface.objects)
      .map(([name, count]) => `${+(count * setting.objects).toFixed(2)} ${name}`).join(", ");
    if (words.length === 0) {
      restore();
      say("The plan as it was asked for.");
      return;
    }
    const beyond = model.outside(setting);
    if (beyond.length) {
      restore();
      find("headline").textContent = "Ask sizer plan";
      find("headline").className = "warn";
      find("decision").replaceChildren(pairs([["Outside", `this page was worked out for ${beyond.join("; ")}`]]));
      say(`Outside of what this page was worked out for: ${beyond.join("; ")}. Ask sizer plan.`);
      return;
    }
    show(setting);
  };

  let waiting = null;
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(update, 120);
  };
  const listPrices = () => {
    find("what-if-prices").replaceChildren(...Object.entries(prices).map(([id, price]) => {
      const remove = make("button", { type: "button" }, `Remove ${id}`);
      remove.addEventListener("click", () => {
        delete prices[id];
        listPrices();
        update();
        find("what-if-price-box").focus();
      });
      return make("li", {}, `${id}: ${money(price)} `, remove);
    }));
  };
  const form = find("what-if-form");
  form.addEventListener("input", (event) => {
    if (!event.target.id.startsWith("what-if-price")) soon();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    update();
  });
  form.addEventListener("reset", () => {
    for (const id of Object.keys(prices)) delete prices[id];
    listPrices();
    setTimeout(update, 0);
  });
  find("what-if-price-set").addEventListener("click", () => {
    const price = numberOf("what-if-price-value");
    if (!(price >= 0)) {
      say("A price is a number of at least 0.");
      return;
    }
    prices[find("what-if-price-box").value] = price;
    listPrices();
    update();
  });
  find("what-if-price-box").append(...surface.boxes.slice().sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((box) => make("option", { value: box.id }, `${box.name} (${money(box.price)})`)));
  form.reset();
  section.hidden = false;
  window.sizerWhatIf = model;
})();
