// Drawing: the two populations, the curves and the thousand films, as shapes.

const BARS = 80;
const CROWDED = 6; // a bar this many times the average height would flatten all others
const TICK_SPACE_PX = 14, DIGIT_PX = 6.6; // between two labels, and the width of a digit
const TICKS = [
  0, 1, 0.5, 0.1, 0.9, 0.01, 0.99, 0.001, 0.999, 0.0001, 0.9999, 0.3, 0.7, 0.25, 0.75, 0.2, 0.8, 0.05, 0.95,
  0.4, 0.6,
];
const NEAR_MARGIN = 0.02, FAR_MARGIN = 0.14; // of the scale, on either side of the scores that the axis is made for
const HALFWAY = 4; // logits beyond an end at which half of its margin is left
const FARTHEST = 9.25; // the logit of 0.9999, and a little
const OUTLIERS = 0.03; // of a class on either side, which don't stretch the axis
const FEW_FILMS = 60; // of a class: each is drawn as a dot
const DOT_PX = 7;
const HIGHEST_BAR = 80; // of 100, so that words have a strip of their own above and below the bars
const ICONS_HIGH = 10;
const SIDE = 200; // side of a curve's square
const CHANCES = Array.from({ length: 99 }, (_, i) => (i + 1) / 100); // threshold probabilities of the decision curve
const WIDE = 4; // bars of the compared films are this many times as wide, so that few films don't look like noise
const READINGS = 120; // points of the workload curve
const ROUND = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]; // possible ends of its axes
const DEEP = 0.25; // how far below zero the decision curve is drawn, as a share of the prevalence

// ---- the two scales ----

const logit = (score) => Math.log(score / (1 - score));

// By score: the logit, between ends that come from the scores, so that no model's scores are squeezed. `place` maps
// a threshold to a share of the width; what lies outside the ends shares the margins, 0 and 1 are the edges.
function scoreScale(table) {
  const [[low, left], [high, right]] = endsOf(table), inner = 1 - left - right;
  const place = (score) => {
    if (score <= 0) return 0;
    if (score >= 1) return 1;
    const at = logit(score);
    if (at < low) return left / (1 + (low - at) / HALFWAY);
    if (at > high) return 1 - right / (1 + (at - high) / HALFWAY);
    return left + (inner * (at - low)) / (high - low);
  };
  return { name: "score", place, nearest: (share) => nearestStep(table, place, share) };
}

// By rank: each distinct score takes the same width.
function rankScale(table) {
  const { last, highest } = table;
  return {
    name: "rank",
    place: (score) => (last ? table.position(score) / last : 0.5),
    nearest: (share) => Math.min(Math.round(share * last), highest),
  };
}

// The logits between which nearly all films of both classes lie, each with the margin beside it. Nobody tells 0.9999
// from 0.999999: scores beyond that are put into a wider margin, and leave the room to all others.
function endsOf({ threshold, tp, fp, last, positives, negatives }) {
  let low = Infinity, high = -Infinity;
  for (const [column, films] of [[tp, positives], [fp, negatives]]) {
    if (films === 0) continue;
    let top = null, bottom = null;
    for (let row = 1; row <= last; row++) {
      if (threshold[row] >= 1 || threshold[row] <= 0 || column[row] === column[row - 1]) continue;
      if (top === null || column[row - 1] <= OUTLIERS * films) top = threshold[row];
      bottom = threshold[row];
      if (column[row] >= (1 - OUTLIERS) * films) break;
    }
    if (top === null) continue;
    low = Math.min(low, logit(bottom));
    high = Math.max(high, logit(top));
  }
  if (low > high) return [[-3, NEAR_MARGIN], [3, NEAR_MARGIN]]; // no score between 0 and 1
  const ends = [[Math.min(Math.max(low, -FARTHEST), FARTHEST - 1), low], [Math.max(Math.min(high, FARTHEST), 1 - FARTHEST), high]];
  const lacking = Math.max(0, 1 - (ends[1][0] - ends[0][0])) / 2; // a scale of no width has no places
  return ends.map(([end, reached], i) => [end + (i ? lacking : -lacking), end === reached ? NEAR_MARGIN : FAR_MARGIN]);
}

// The step whose cut stands nearest to a place; cuts rise with their steps.
function nearestStep(table, place, share) {
  let low = 0, high = table.highest;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (place(table.cut(middle)) < share) low = middle + 1; else high = middle;
  }
  const below = low > 0 && share - place(table.cut(low - 1)) < place(table.cut(low)) - share;
  return below ? low - 1 : low;
}

// ---- the two populations ----

function drawFilms(view, table, other) {
  if (view.scale.name === "rank") drawRanked(view, table, other);
  else drawScored(view, table, other);
  drawTicks(view, table);
}

// Films at their scores: each class as shares of its own films, as square roots; few films as dots.
function drawScored(view, table, other) {
  const { place } = view.scale, bars = sharesOf(table, place), wide = other && sharesOf(other, place, BARS / WIDE);
  const few = { absent: table.negatives <= FEW_FILMS, present: table.positives <= FEW_FILMS };
  let highest = 0;
  for (const name of ["absent", "present"]) {
    for (const share of bars[name]) highest = Math.max(highest, share);
    // A wide bar holds the films of several: its height is that of one of them.
    if (wide) for (const share of wide[name]) highest = Math.max(highest, share / WIDE);
  }
  const path = (shares, each, direction) => {
    const steps = shares.map((share, i) => {
      const y = 100 + direction * HIGHEST_BAR * Math.sqrt(highest ? share / each / highest : 0);
      return `V${y.toFixed(2)}H${((1000 * (i + 1)) / shares.length).toFixed(2)}`;
    });
    return `M0 100${steps.join("")}V100Z`;
  };
  for (const [name, direction, column] of [["absent", -1, table.fp], ["present", 1, table.tp]]) {
    const shape = few[name] ? dotsOf(view, table, column, direction) : path(bars[name], 1, direction);
    for (const part of view.all(`[data-bars=${name}]`)) {
      part.setAttribute("d", shape);
      part.toggleAttribute("data-dots", few[name]);
    }
    view.find(`[data-outline=${name}]`).setAttribute("d", wide ? path(wide[name], WIDE, direction) : "");
  }
  const drawn = few.absent && few.present ? "A dot is a film." : "Each class is drawn to its own number of films.";
  const mixed = few.absent !== few.present ? " A dot is a film of the smaller class." : "";
  view.put("heights", `${drawn}${mixed}`);
  view.put("steps", few.absent && few.present ? "Films by score." : "Films by score (√ scale).");
}

// The share of each class's films in each bar.
function sharesOf({ threshold, tp, fp, last, positives, negatives }, place, bars = BARS) {
  const shares = { absent: new Array(bars).fill(0), present: new Array(bars).fill(0) };
  for (let row = 1; row <= last; row++) {
    const bar = Math.min(bars - 1, Math.floor(place(threshold[row]) * bars));
    if (negatives) shares.absent[bar] += (fp[row] - fp[row - 1]) / negatives;
    if (positives) shares.present[bar] += (tp[row] - tp[row - 1]) / positives;
  }
  return shares;
}

// A dot per film at its score, away from the base line where it would lie on another one. The path has points
// only: lines of no length, which round ends make dots of the same size at any width.
function dotsOf(view, { threshold, last }, column, direction) {
  const wide = DOT_PX / Math.max(1, view.width), levels = [];
  const dots = [];
  for (let row = last; row >= 1; row--) {
    const x = Math.min(1 - wide / 2, Math.max(wide / 2, view.scale.place(threshold[row])));
    for (let film = column[row - 1]; film < column[row]; film++) {
      let level = levels.findIndex((taken) => x - taken >= wide);
      if (level < 0) level = levels.length;
      levels[level] = x;
      dots.push([x, level]);
    }
  }
  const step = Math.min(8.5, (HIGHEST_BAR + 8) / Math.max(1, levels.length));
  return dots.map(([x, level]) => `M${(1000 * x).toFixed(1)} ${(100 + direction * (5 + step * level)).toFixed(1)}h0`).join("");
}

// Films in the order of their scores: a bar is as wide as its steps and as high as its films per step.
function drawRanked(view, table, other) {
  const { last, tp, fp } = table;
  const bars = edgesOf(last, BARS), wide = edgesOf(last, BARS / WIDE);
  const dense = (column) => (from, to) => (column[last - from] - column[last - to]) / (to - from); // films per step
  let highest = 0;
  for (const [from, to] of bars) highest = Math.max(highest, dense(tp)(from, to), dense(fp)(from, to));
  const crowded = highest > (CROWDED * (tp[last] + fp[last])) / last;
  const height = crowded ? (films) => Math.sqrt(films / highest) : (films) => films / highest;
  view.put("heights", crowded ? "Heights are square roots, because many films share a score." : "");
  view.put("steps", scale(table, view.scores));
  const outline = (edges, films, direction) => {
    const steps = edges.map(([from, to]) => {
      const y = 100 + direction * Math.min(100, HIGHEST_BAR * height(films(from, to)));
      return `V${y.toFixed(2)}H${((1000 * to) / last).toFixed(2)}`;
    });
    return steps.length ? `M0 100${steps.join("")}V100Z` : "";
  };
  const paths = { absent: outline(bars, dense(fp), -1), present: outline(bars, dense(tp), 1) };
  for (const path of view.all("[data-bars]")) {
    path.setAttribute("d", paths[path.dataset.bars]);
    path.removeAttribute("data-dots");
  }
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
  const taken = [], labels = [];
  for (const score of table.last ? TICKS : []) {
    const share = score === 1 ? 1 : view.scale.place(score), words = String(score);
    const [x, half] = [share * view.width, (DIGIT_PX * words.length) / 2];
    if (taken.some(([at, wide]) => Math.abs(at - x) < wide + half + TICK_SPACE_PX)) continue;
    taken.push([x, half]);
    const label = document.createElement("span");
    label.textContent = words;
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
