// The live half of the threshold cockpit: everything on it follows the hand, Python hears of it on release.
//
// - the table holds every distinct score, so each count is exact; a film is positive when score >= threshold
// - of very many films it holds some scores only: a threshold between them gives way to the nearest exact one
// - `position` k runs over the scale: k scores of the table lie below the cut, 0 calls everybody positive
// - Streamlit calls the function again on new data or another theme, without a clean-up in between: handlers
//   are therefore assigned, never added, and what must last is kept in MEMORY
// - texts are set with textContent, never as HTML

const Z = 1.959963984540054; // two-sided 95 %
const KEY_PAUSE_MS = 250; // held arrow keys commit once, after a pause
const BARS = 80;
const CROWDED = 6; // a step with this many times the usual films would flatten all others
const TICK_GAP_PX = 44;
const TICKS = [0, 1, 0.5, 0.1, 0.9, 0.01, 0.99, 0.001, 0.999, 0.25, 0.75, 0.05, 0.95, 0.0001, 0.9999, 0.3, 0.7];
const RATES = ["sensitivity", "specificity", "ppv", "npv", "f1", "accuracy"];
const THOUSAND = 1000, ICONS_HIGH = 10;
const MEMORY = new WeakMap();

export default function cockpit({ data, parentElement: root, setStateValue, setTriggerValue }) {
  const table = readTable(data.table);
  const memory = MEMORY.get(root) ?? {
    revision: null, threshold: null, committed: null, past: [], held: false, sent: 0, prevalence: data.prevalence,
  };
  MEMORY.set(root, memory);
  const view = findParts(root);
  view.section.dataset.tone = isDark(view.section) ? "dark" : "light";

  const show = (asked) => {
    const threshold = table.nearest(asked);
    // Said until the handle moves on, and not taken back when the threshold shown is itself asked for.
    if (threshold !== asked || threshold !== memory.threshold) view.put("moved", moved(table, asked, threshold));
    memory.threshold = threshold;
    drawPoint(view, table, threshold, memory.prevalence);
  };
  const send = (threshold) => {
    memory.committed = threshold;
    memory.sent += 1;
    view.undo.disabled = memory.past.length === 0;
    view.spoken.textContent = sentence(table, threshold);
    // Numbered, because Streamlit tells Python only of changes: going back to a threshold sent before is one.
    setStateValue("let_go", { threshold, number: memory.sent });
  };
  const commit = (asked) => {
    clearTimeout(memory.pause);
    show(asked);
    if (memory.threshold === memory.committed) return;
    memory.past.push(memory.committed);
    send(memory.threshold);
  };

  // A release ends in `change`, which comes after `pointerup`; a press that moved nothing ends without.
  view.range.onpointerdown = () => { memory.held = true; };
  view.range.onpointerup = view.range.onpointercancel = () => setTimeout(() => { memory.held = false; });
  view.range.oninput = () => {
    const position = Math.min(view.range.valueAsNumber, table.highest);
    view.range.value = position;
    show(table.cut(position));
  };
  view.range.onchange = () => {
    clearTimeout(memory.pause);
    if (memory.held) { memory.held = false; commit(memory.threshold); return; }
    memory.pause = setTimeout(() => commit(memory.threshold), KEY_PAUSE_MS);
  };
  view.range.onblur = () => { if (memory.threshold !== memory.committed) commit(memory.threshold); };

  view.number.oninput = () => {
    const typed = parse(view.number.value);
    view.number.setAttribute("aria-invalid", String(typed === null));
    if (typed !== null) show(typed);
  };
  view.number.onchange = () => {
    const typed = parse(view.number.value);
    commit(typed ?? memory.threshold);
    view.number.value = exact(memory.threshold);
    view.number.setAttribute("aria-invalid", "false");
  };
  view.number.onkeydown = (event) => { if (event.key === "Enter") view.number.onchange(); };
  view.undo.onclick = () => {
    clearTimeout(memory.pause);
    if (memory.past.length === 0) return;
    show(memory.past.pop());
    send(memory.threshold);
  };

  view.prevalence.oninput = () => {
    memory.prevalence = view.prevalence.valueAsNumber / 100;
    show(memory.threshold);
  };
  for (const button of view.cells) button.onclick = () => setTriggerValue("cell", button.dataset.cell);
  view.prevalence.onchange = () => setStateValue("prevalence", memory.prevalence);

  drawStill(view, table, data, commit);
  memory.resize?.disconnect();
  memory.resize = new ResizeObserver(() => drawTicks(view, table));
  memory.resize.observe(view.plot);

  // Python's value is taken over only when Python pushed one: a late rerun never moves the handle.
  if (memory.revision !== data.revision && !memory.held) {
    if (memory.revision !== null && memory.committed !== data.value) memory.past.push(memory.committed);
    memory.committed = data.value;
    memory.threshold = data.value;
  }
  memory.revision = data.revision;
  view.undo.disabled = memory.past.length === 0;
  show(memory.threshold);
  return () => { clearTimeout(memory.pause); memory.resize.disconnect(); };
}

// ---- the table ----

function readTable(arrow) {
  const column = (name) => arrow.getChild(name).toArray();
  const threshold = column("threshold"), below = column("below"), tp = column("tp"), fp = column("fp");
  const last = threshold.length - 1; // also the number of scores
  const effective = Object.fromEntries(RATES.map((name) => [name, column(`effective_${name}`)]));

  function row(t) { // the last row whose score is >= t
    let low = 0, high = last;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (threshold[middle] >= t) low = middle; else high = middle - 1;
    }
    return low;
  }
  const cut = (i) => cutAt(threshold[i], below[i]);
  return {
    threshold, tp, fp, last, effective, row,
    positives: tp[last], negatives: fp[last],
    highest: last > 0 && threshold[1] >= 1 ? last - 1 : last, // no cut up to 1 leaves out a score of 1
    position: (t) => last - row(t),
    cut: (position) => cut(last - position),
    nearest(t) { // t itself, unless scores that the table leaves out lie between it and its row
      const i = row(t);
      if (below[i] < t) return t;
      const upper = cut(i), lower = cut(i + 1);
      return upper - t < t - lower ? upper : lower;
    },
    counts(t) {
      const i = row(t);
      return { row: i, tp: tp[i], fp: fp[i], fn: tp[last] - tp[i], tn: fp[last] - fp[i] };
    },
  };
}

// Python's ThresholdTable.cut, to the last bit: the shortest decimal near the middle of two scores.
function cutAt(upper, lower) {
  if (lower === -Infinity) return 0;
  if (upper === Infinity) return 1;
  const middle = lower + (upper - lower) / 2;
  for (let decimals = 3; decimals <= 17; decimals++) {
    const short = Number(middle.toFixed(decimals));
    if (lower < short && short <= upper) return short;
  }
  return lower < middle ? middle : upper;
}

function rates({ tp, fp, fn, tn }) {
  return {
    sensitivity: tp / (tp + fn), specificity: tn / (tn + fp), ppv: tp / (tp + fp), npv: tn / (tn + fn),
    f1: (2 * tp) / (2 * tp + fp + fn), accuracy: (tp + tn) / (tp + fp + fn + tn),
  };
}

function agreement({ tp, fp, fn, tn }) { // beyond chance
  const n = tp + fp + fn + tn, chance = (tp + fp) * (tp + fn) + (fn + tn) * (fp + tn);
  return {
    kappa: (n * (tp + tn) - chance) / (n * n - chance),
    mcc: (tp * tn - fp * fn) / Math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)),
  };
}

// Whole films that add up to a thousand: what is cut off goes to the largest remainders, the first of equals.
function ofAThousand({ sensitivity, specificity }, prevalence) {
  const ill = THOUSAND * prevalence, well = THOUSAND - ill;
  const parts = [ill * sensitivity, ill * (1 - sensitivity), well * (1 - specificity), well * specificity];
  if (parts.some(Number.isNaN)) return null;
  const whole = parts.map(Math.floor), cut = (i) => parts[i] - whole[i];
  const order = [0, 1, 2, 3].sort((a, b) => cut(b) - cut(a));
  const left = THOUSAND - whole.reduce((a, b) => a + b);
  for (let i = 0; i < left; i++) whole[order[i]] += 1;
  const [tp, fn, fp, tn] = whole;
  return { tp, fn, fp, tn };
}

// Wilson's interval on the effective size; that of F1 is the one of tp / (tp + fp + fn), carried over.
function interval(name, rate, size) {
  if (Number.isNaN(rate) || Number.isNaN(size)) return [NaN, NaN];
  if (name !== "f1") return wilson(rate, size);
  return wilson(rate / (2 - rate), size).map((bound) => (2 * bound) / (1 + bound));
}

function wilson(rate, size) {
  const spread = (Z * Z) / size;
  const centre = (rate + spread / 2) / (1 + spread);
  const half = (Z * Math.sqrt((rate * (1 - rate)) / size + spread / (4 * size))) / (1 + spread);
  return [rate === 0 ? 0 : Math.max(0, centre - half), rate === 1 ? 1 : Math.min(1, centre + half)];
}

// Python's prevalence.predictive_values: 1 / (1 + odds (1 - rate) / other), and MOVER's interval of that ratio.
function predicted(odds, rate, [rateLow, rateHigh], other, [otherLow, otherHigh]) {
  const wrong = 1 - rate, value = other / (other + odds * wrong);
  if (Number.isNaN(value) || Number.isNaN(rateLow) || Number.isNaN(otherLow)) return [value, [NaN, NaN]];
  const low = 1 - rateHigh, high = 1 - rateLow, product = wrong * other;
  const root = (a, c) => product + Math.sqrt(Math.max(0, product * product - a * c));
  const c = low * (2 * wrong - low), below = root(otherHigh * (2 * other - otherHigh), c);
  const a = otherLow * (2 * other - otherLow), above = root(a, high * (2 * wrong - high));
  const ratio = [below > 0 ? c / below : 0, a > 0 ? above / a : Infinity];
  return [value, [1 / (1 + odds * ratio[1]), 1 / (1 + odds * ratio[0])]];
}

// ---- words ----

const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u2009");
// Halves to even, as Python rounds: 6.25 is 6.2 on the page and in the export.
const ONE_DECIMAL = new Intl.NumberFormat("en", {
  minimumFractionDigits: 1, maximumFractionDigits: 1, useGrouping: false, roundingMode: "halfEven",
});
const hundredths = (share) => ONE_DECIMAL.format(100 * share);
const percent = (share) => (Number.isNaN(share) ? "–" : `${hundredths(share)}\u202f%`);
const range95 = ([low, high]) => (Number.isNaN(low) ? "–" : `${hundredths(low)}–${hundredths(high)}`);
const decimal = (value) => (Number.isNaN(value) ? "–" : value === Infinity ? "∞" : value.toFixed(3));
const several = (n, one) => `${count(n)}\u00a0${one}${n === 1 ? "" : "s"}`;

function exact(t) { // all the decimals there are, three at least
  for (let decimals = 3; decimals <= 20; decimals++) {
    if (Number(t.toFixed(decimals)) === t) return t.toFixed(decimals);
  }
  return String(t);
}

function parse(text) {
  const cleaned = text.trim().replace(",", ".");
  const value = cleaned === "" ? NaN : Number(cleaned);
  return value >= 0 && value <= 1 ? value : null;
}

function moved(table, asked, t) {
  return asked === t ? "" : `${exact(asked)} is shown at ${exact(t)}, the nearest of ${count(table.last + 1)} steps`;
}

function sentence(table, t) {
  const c = table.counts(t);
  return `Threshold ${exact(t)}: ${c.tp} found, ${c.fn} missed, ${c.fp} false alarms, ${c.tn} rightly below.`;
}

// ---- drawing ----

function findParts(root) {
  const one = (selector) => root.querySelector(selector);
  const texts = Object.fromEntries([...root.querySelectorAll("[data-text]")].map((el) => [el.dataset.text, el]));
  return {
    texts, one, all: (selector) => [...root.querySelectorAll(selector)],
    section: one(".cockpit"), plot: one(".plot"), range: one(".range"), number: one(".number"), undo: one(".undo"),
    prevalence: one(".prevalence"), ticks: one(".ticks"), lock: one(".lock"), presets: one(".presets"),
    spoken: one(".spoken"), cells: [...root.querySelectorAll("[data-cell]")],
    icons: [...root.querySelectorAll("[data-icons]")],
    active: () => root.activeElement ?? root.getRootNode().activeElement,
    put(name, text) { if (texts[name].textContent !== text) texts[name].textContent = text; },
  };
}

// Whatever notation the theme uses, the browser resolves it to rgb().
function isDark(section) {
  const [r, g, b] = (getComputedStyle(section).backgroundColor.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
}

// What stays as it is while the handle moves.
function drawStill(view, table, data, commit) {
  const { positives, negatives, last } = table;
  view.range.max = last;
  view.range.disabled = last === 0;
  view.put("positives", several(positives, "film"));
  view.put("negatives", several(negatives, "film"));
  view.put("films", `${several(positives + negatives, "film")} · ${several(data.patients, "patient")}`);
  view.put("auc", data.auc === null ? "AUC –" : `AUC ${data.auc.toFixed(3)}`);
  view.put("ap", data.average_precision === null ? "AP –" : `AP ${data.average_precision.toFixed(3)}`);
  view.put("reminder", data.reminder);
  view.one(".icons .mesh").setAttribute("d", MESH);
  view.put("locked", data.locked === null ? "" : `◇ locked ${exact(data.locked)}`);
  const chosen = `of ${count(last)} chosen among ${count(data.scores)} scores`;
  view.put("steps", last === data.scores ? "distinct score" : chosen);
  drawBars(view, table);
  drawCurves(view, table);
  drawTicks(view, table);
  view.lock.hidden = data.locked === null;
  for (const name of ["roc", "pr"]) {
    const at = data.locked === null ? null : curvePoint(name, table, table.row(data.locked));
    place(view.one(`[data-curve=${name}] .mark`), at);
  }
  if (data.locked !== null) view.lock.style.left = `${(100 * table.position(data.locked)) / Math.max(1, last)}%`;
  view.presets.replaceChildren(...data.presets.map(([label, value]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.dataset.row = table.row(value);
    button.onclick = () => commit(value);
    return button;
  }));
}

function drawBars(view, { last, tp, fp }) {
  const bars = Math.min(last, BARS), edge = (bar) => Math.round((bar * last) / bars);
  const dense = (column, bar) => { // films a step
    const from = edge(bar), to = edge(bar + 1);
    return (column[last - from] - column[last - to]) / (to - from);
  };
  let highest = 0;
  for (let bar = 0; bar < bars; bar++) highest = Math.max(highest, dense(tp, bar), dense(fp, bar));
  const crowded = highest > (CROWDED * (tp[last] + fp[last])) / last;
  const height = crowded ? (films) => Math.sqrt(films / highest) : (films) => films / highest;
  view.put("heights", crowded ? "Heights grow with the square root, since many films share a score." : "");
  const outline = (column, direction) => {
    let path = "M0 100";
    for (let bar = 0; bar < bars; bar++) {
      const y = 100 + direction * 98 * height(dense(column, bar));
      path += `V${y.toFixed(2)}H${((1000 * edge(bar + 1)) / last).toFixed(2)}`;
    }
    return `${path}V100Z`;
  };
  const paths = { normal: bars ? outline(fp, -1) : "", pneumonia: bars ? outline(tp, 1) : "" };
  for (const path of view.all("[data-bars]")) path.setAttribute("d", paths[path.dataset.bars]);
}

// Round scores where they fall on the scale, the telling ones first, none on top of another.
function drawTicks(view, table) {
  const width = view.plot.clientWidth, taken = [];
  const labels = [];
  for (const score of table.last ? TICKS : []) {
    const share = score === 1 ? 1 : table.position(score) / table.last;
    if (taken.some((x) => Math.abs(x - share * width) < TICK_GAP_PX)) continue;
    taken.push(share * width);
    const label = document.createElement("span");
    label.textContent = String(score);
    label.style.left = `${100 * share}%`;
    labels.push(label);
  }
  view.ticks.replaceChildren(...labels);
}

function curvePoint(name, { tp, fp, positives, negatives }, row) {
  const [x, y] = name === "roc"
    ? [fp[row] / negatives, tp[row] / positives]
    : [tp[row] / positives, tp[row] / (tp[row] + fp[row])];
  return Number.isFinite(x) && Number.isFinite(y) ? [200 * x, 200 - 200 * y] : null;
}

function drawCurves(view, table) {
  for (const name of ["roc", "pr"]) {
    const points = [], upper = [], lower = [];
    let former = null;
    for (let row = 0; row <= table.last; row++) {
      const point = curvePoint(name, table, row);
      if (!point) continue;
      const near = former && Math.abs(point[0] - former[0]) + Math.abs(point[1] - former[1]) < 0.4;
      if (near && row !== table.last) continue; // finer than a pixel
      if (!former) points.push(`0,${point[1].toFixed(2)}`); // from no recall to the first: as the average does
      points.push(point.map((value) => value.toFixed(2)).join());
      const [low, high] = bandAt(name, table, row);
      if (!Number.isNaN(low)) {
        upper.push(`${point[0].toFixed(1)},${(200 - 200 * high).toFixed(1)}`);
        lower.push(`${point[0].toFixed(1)},${(200 - 200 * low).toFixed(1)}`);
      }
      former = point;
    }
    view.one(`[data-curve=${name}] .line`).setAttribute("points", points.join(" "));
    const band = upper.length > 1 ? `M${upper.join("L")}L${lower.reverse().join("L")}Z` : "";
    view.one(`[data-curve=${name}] .band`).setAttribute("d", band);
  }
}

// What the curve's height may be at a row: the interval of sensitivity, or of precision.
function bandAt(name, table, row) {
  const { tp, fp, positives, effective } = table;
  return name === "roc"
    ? interval("sensitivity", tp[row] / positives, effective.sensitivity[row])
    : interval("ppv", tp[row] / (tp[row] + fp[row]), effective.ppv[row]);
}

// Lines between the thousand films, which stand in columns of ten.
const MESH = (() => {
  let path = "";
  for (let column = 1; column < THOUSAND / ICONS_HIGH; column++) path += `M${column} 0V${ICONS_HIGH}`;
  for (let row = 1; row < ICONS_HIGH; row++) path += `M0 ${row}H${THOUSAND / ICONS_HIGH}`;
  return path;
})();

function drawThousand(view, shares, prevalence) {
  const films = ofAThousand(shares, prevalence);
  let from = 0;
  for (const path of view.icons) {
    const n = films ? films[path.dataset.icons] : 0;
    view.put(`thousand-${path.dataset.icons}`, films ? count(n) : "–");
    path.setAttribute("d", films ? iconPath(from, from + n) : "");
    from += n;
  }
}

// The outline of films number `from` to `to`, column by column from the top left.
function iconPath(from, to) {
  if (from === to) return "";
  const [a, top] = [Math.floor(from / ICONS_HIGH), from % ICONS_HIGH];
  const [b, bottom] = [Math.floor(to / ICONS_HIGH), to % ICONS_HIGH];
  if (a === b) return `M${a} ${top}H${a + 1}V${bottom}H${a}Z`;
  const end = bottom ? `V${ICONS_HIGH}H${b}V${bottom}H${b + 1}V0` : `V${ICONS_HIGH}H${b}V0`;
  return `M${a} ${top}V${ICONS_HIGH}H${b}${end}H${a + 1}V${top}Z`;
}

function place(shape, at) {
  shape.setAttribute("visibility", at ? "visible" : "hidden");
  if (at) shape.setAttribute("transform", `translate(${at[0].toFixed(2)} ${at[1].toFixed(2)})`);
}

// What moves with the handle; called on every input event.
function drawPoint(view, table, threshold, prevalence) {
  const { positives, negatives } = table;
  const c = table.counts(threshold), shares = rates(c), text = exact(threshold);
  const position = table.last - c.row, share = table.last ? position / table.last : 0.5;
  for (const name of ["tp", "fp", "fn", "tn"]) view.put(name, count(c[name]));
  for (const [name, all] of [["tp", positives], ["fn", positives], ["fp", negatives], ["tn", negatives]]) {
    view.put(`${name}-share`, `${percent(c[name] / all)} of ${count(all)}`);
  }
  for (const name of RATES) {
    view.put(name, percent(shares[name]));
    view.put(`${name}-interval`, range95(interval(name, shares[name], table.effective[name][c.row])));
  }
  drawMore(view, c, shares);
  drawThere(view, table, c, shares, prevalence);
  view.put("value", text);
  view.put("flag-alarm", several(c.fp, "false alarm"));
  view.put("flag-missed", `${count(c.fn)} missed`);
  view.plot.style.setProperty("--cut", share.toFixed(6));
  view.plot.dataset.edge = share < 0.14 ? "left" : share > 0.82 ? "right" : "";
  for (const name of ["roc", "pr"]) place(view.one(`[data-curve=${name}] .dot`), curvePoint(name, table, c.row));
  if (view.range.valueAsNumber !== position) view.range.value = position;
  view.range.setAttribute("aria-valuetext", `${text}: ${c.fn} missed, ${c.fp} false alarms`);
  if (view.active() !== view.number) view.number.value = text;
  for (const button of view.presets.children) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.row) === c.row));
  }
}

function drawMore(view, c, { sensitivity, specificity }) {
  const { kappa, mcc } = agreement(c);
  view.put("balanced", percent((sensitivity + specificity) / 2));
  view.put("kappa", decimal(kappa));
  view.put("mcc", decimal(mcc));
  view.put("lr-positive", decimal(sensitivity / (1 - specificity)));
  view.put("lr-negative", decimal((1 - sensitivity) / specificity));
}

// What follows where another share of the films has pneumonia.
function drawThere(view, table, c, shares, prevalence) {
  const text = `${Math.round(100 * prevalence)}\u202f%`;
  view.put("prevalence", text);
  view.put("thousand-prevalence", text);
  if (view.prevalence.valueAsNumber !== 100 * prevalence) view.prevalence.value = Math.round(100 * prevalence);
  view.prevalence.setAttribute("aria-valuetext", text);
  const at = (name) => interval(name, shares[name], table.effective[name][c.row]);
  const odds = prevalence / (1 - prevalence);
  const { sensitivity, specificity } = shares;
  const found = {
    "ppv-there": predicted(1 / odds, specificity, at("specificity"), sensitivity, at("sensitivity")),
    "npv-there": predicted(odds, sensitivity, at("sensitivity"), specificity, at("specificity")),
  };
  for (const [name, [value, bounds]] of Object.entries(found)) {
    view.put(name, percent(value));
    view.put(`${name}-interval`, range95(bounds));
  }
  drawThousand(view, shares, prevalence);
}
