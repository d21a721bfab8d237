// Drawing: the two populations, the curves and the thousand films, as shapes.

const BARS = 80;
const CROWDED = 6; // a bar this many times the average height would flatten all others
const TICK_GAP_PX = 44;
const TICKS = [0, 1, 0.5, 0.1, 0.9, 0.01, 0.99, 0.001, 0.999, 0.25, 0.75, 0.05, 0.95, 0.0001, 0.9999, 0.3, 0.7];
const ICONS_HIGH = 10;
const SIDE = 200; // side of a curve's square
const CHANCES = Array.from({ length: 99 }, (_, i) => (i + 1) / 100); // threshold probabilities of the decision curve
const WIDE = 4; // bars of the compared films are this many times as wide, so that few films don't look like noise
const READINGS = 120; // points of the workload curve
const ROUND = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]; // possible ends of its axes
const DEEP = 0.25; // how far below zero the decision curve is drawn, as a share of the prevalence

// ---- the two populations ----

function drawBars(view, table, other) {
  const { last, tp, fp } = table;
  const bars = edgesOf(last, BARS), wide = edgesOf(last, BARS / WIDE);
  const dense = (column) => (from, to) => (column[last - from] - column[last - to]) / (to - from); // films per step
  let highest = 0;
  for (const [from, to] of bars) highest = Math.max(highest, dense(tp)(from, to), dense(fp)(from, to));
  const crowded = highest > (CROWDED * (tp[last] + fp[last])) / last;
  const height = crowded ? (films) => Math.sqrt(films / highest) : (films) => films / highest;
  view.put("heights", crowded ? "Heights are square roots, because many films share a score." : "");
  const outline = (edges, films, direction) => {
    const steps = edges.map(([from, to]) => {
      const y = 100 + direction * Math.min(99, 98 * height(films(from, to)));
      return `V${y.toFixed(2)}H${((1000 * to) / last).toFixed(2)}`;
    });
    return steps.length ? `M0 100${steps.join("")}V100Z` : "";
  };
  const paths = { absent: outline(bars, dense(fp), -1), present: outline(bars, dense(tp), 1) };
  for (const path of view.all("[data-bars]")) path.setAttribute("d", paths[path.dataset.bars]);
  // The compared films on the same scale, weighted to the same total, so that shapes can be compared.
  const beside = (name, here, there) => (from, to) => {
    const counted = (k) => other[name][other.row(k ? table.cut(k) : 0)];
    return ((counted(from) - counted(to)) * here) / there / (to - from);
  };
  const outlines = {
    absent: other?.negatives ? outline(wide, beside("fp", fp[last], other.negatives), -1) : "",
    present: other?.positives ? outline(wide, beside("tp", tp[last], other.positives), 1) : "",
  };
  for (const path of view.all("[data-outline]")) path.setAttribute("d", outlines[path.dataset.outline]);
}

// Divide the steps of the scale into at most `most` bars; return from and to of each.
function edgesOf(last, most) {
  const bars = Math.min(last, most), edge = (bar) => Math.round((bar * last) / bars);
  return Array.from({ length: bars }, (_, bar) => [edge(bar), edge(bar + 1)]);
}

// Label round scores at their place on the scale, the important ones first, without overlap.
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

// ---- curves ----

function curvePoint(name, { tp, fp, positives, negatives }, row) {
  const [x, y] = name === "roc"
    ? [fp[row] / negatives, tp[row] / positives]
    : [tp[row] / positives, tp[row] / (tp[row] + fp[row])];
  return Number.isFinite(x) && Number.isFinite(y) ? [SIDE * x, SIDE - SIDE * y] : null;
}

function drawCurves(view, table, other) {
  for (const name of ["roc", "pr"]) {
    const { line, band } = curve(name, table, true);
    view.find(`[data-curve=${name}] .line`).setAttribute("points", line);
    view.find(`[data-curve=${name}] .band`).setAttribute("d", band);
    view.find(`[data-curve=${name}] .other`).setAttribute("points", other ? curve(name, other, false).line : "");
  }
}

function curve(name, table, banded) {
  const points = [], upper = [], lower = [];
  let former = null;
  for (let row = 0; row <= table.last; row++) {
    const point = curvePoint(name, table, row);
    if (!point) continue;
    const near = former && Math.abs(point[0] - former[0]) + Math.abs(point[1] - former[1]) < 0.4;
    if (near && row !== table.last) continue; // finer than a pixel
    if (!former) points.push(`0,${point[1].toFixed(2)}`); // flat from no recall to the first point, as average precision counts it
    points.push(point.map((value) => value.toFixed(2)).join());
    const [low, high] = banded ? bandAt(name, table, row) : [NaN, NaN];
    if (!Number.isNaN(low)) {
      upper.push(`${point[0].toFixed(1)},${(SIDE - SIDE * high).toFixed(1)}`);
      lower.push(`${point[0].toFixed(1)},${(SIDE - SIDE * low).toFixed(1)}`);
    }
    former = point;
  }
  const band = upper.length > 1 ? `M${upper.join("L")}L${lower.reverse().join("L")}Z` : "";
  return { line: points.join(" "), band };
}

// The interval of the curve's height at a row: of sensitivity, or of precision.
function bandAt(name, table, row) {
  const { tp, fp, positives, effective } = table;
  return name === "roc"
    ? interval("sensitivity", tp[row] / positives, effective.sensitivity[row])
    : interval("ppv", tp[row] / (tp[row] + fp[row]), effective.ppv[row]);
}

// Net benefit over threshold probabilities; scores are taken as probabilities and adjusted to the prevalence.
function drawDecision(view, table, prevalence) {
  const from = table.positives / (table.positives + table.negatives);
  const at = (benefit) => SIDE - (SIDE * (benefit + DEEP * prevalence)) / ((1 + DEEP) * prevalence);
  const shape = (benefits) => benefits
    .map((benefit, i) => [SIDE * CHANCES[i], at(benefit)])
    .filter(([, y]) => y <= SIDE) // drops NaN too
    .map((point) => point.map((value) => value.toFixed(2)).join()).join(" ");
  const cut = (p) => movedTo(p, { from: prevalence, to: from });
  const model = CHANCES.map((p) => netBenefit(table.counts(cut(p)), p, prevalence));
  const all = CHANCES.map((p) => netBenefit(table.counts(0), p, prevalence));
  view.find("[data-curve=decision] .line").setAttribute("points", shape(model));
  view.find("[data-curve=decision] .other").setAttribute("points", shape(all));
  view.find("[data-curve=decision] .none").setAttribute("d", `M0 ${at(0).toFixed(2)}H${SIDE}`);
  view.find("[data-curve=decision] .top").textContent = hundredths(prevalence);
  view.find("[data-curve=decision] .nothing").setAttribute("y", (at(0) + 4).toFixed(2));
  return at;
}

// Films that need a reader against films missed below, for every lower cut up to the threshold.
function drawWorkload(view, table, at) {
  const films = table.positives + table.negatives, highest = table.position(at.threshold);
  const here = (review) => {
    const c = zones(table, { threshold: at.threshold, review });
    return [(c.rp + c.rn) / films, c.fn / table.positives];
  };
  const end = (value) => ROUND.find((round) => value <= round) ?? 1;
  const width = end(here(0)[0]), height = end(here(at.threshold)[1]);
  const inside = ([reader, missed]) => [(SIDE * reader) / width, SIDE - (SIDE * missed) / height];
  const points = [];
  for (let i = 0; i <= READINGS; i++) {
    const k = Math.round((highest * i) / READINGS), point = inside(here(k ? table.cut(k) : 0));
    if (point.every(Number.isFinite)) points.push(point.map((value) => value.toFixed(2)).join());
  }
  view.find("[data-curve=workload] .line").setAttribute("points", points.join(" "));
  view.find("[data-curve=workload] .all").textContent = String(Math.round(100 * width));
  view.find("[data-curve=workload] .most").textContent = String(Math.round(100 * height));
  const point = inside(here(at.review));
  place(view.find("[data-curve=workload] .dot"), point.every(Number.isFinite) ? point : null);
}

function place(shape, at) {
  shape.setAttribute("visibility", at ? "visible" : "hidden");
  if (at) shape.setAttribute("transform", `translate(${at[0].toFixed(2)} ${at[1].toFixed(2)})`);
}

// ---- a thousand films ----

// The lines between the films, which stand in columns of ten.
const MESH = (() => {
  let path = "";
  for (let column = 1; column < THOUSAND / ICONS_HIGH; column++) path += `M${column} 0V${ICONS_HIGH}`;
  for (let row = 1; row < ICONS_HIGH; row++) path += `M0 ${row}H${THOUSAND / ICONS_HIGH}`;
  return path;
})();

function drawThousand(view, counts, prevalence) {
  const films = ofAThousand(counts, prevalence);
  let from = 0;
  for (const path of view.icons) {
    const n = films ? films[path.dataset.icons] : 0;
    path.setAttribute("d", films ? iconPath(from, from + n) : "");
    from += n;
  }
  for (const name of ["tp", "fn", "fp", "tn"]) view.put(`thousand-${name}`, films ? count(films[name]) : "–");
  view.put("thousand-reader", films ? count(films.rp + films.rn) : "–");
  view.put("thousand-rp", films ? count(films.rp) : "–");
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
