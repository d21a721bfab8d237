// Numbers: the exact table, and all figures that follow from it at a threshold.
//
// - mirrors xraylab.evaluation, name for name; a test compares every figure with Python's
// - a rate with nothing to divide by is NaN, which is written as a dash

const Z = 1.959963984540054; // two-sided 95 %
const RATES = ["sensitivity", "specificity", "ppv", "npv", "f1", "accuracy"];
const THOUSAND = 1000;

const readTable = (arrow) => tableOf((name) => arrow.getChild(name).toArray(), RATES);

// A table from its columns; `names` are the rates that it has effective sizes for.
function tableOf(column, names) {
  const threshold = column("threshold"), below = column("below"), tp = column("tp"), fp = column("fp");
  const last = threshold.length - 1; // also the number of scores
  const effective = Object.fromEntries(names.map((name) => [name, column(`effective_${name}`)]));

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
    highest: last > 0 && threshold[1] >= 1 ? last - 1 : last, // a score of 1 is positive at every cut up to 1
    position: (t) => last - row(t),
    cut: (position) => cut(last - position),
    nearest(t) { // t itself, unless omitted scores lie between it and its row
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

// The same as Python's ThresholdTable.cut, to the last bit: the shortest decimal near the middle of two scores.
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

// The counts above the threshold, below the review band, and between them, where films need a reader.
function zones(table, { threshold, review }) {
  const above = table.counts(threshold), under = review === null ? above : table.counts(review);
  const rp = above.fn - under.fn, rn = above.tn - under.tn;
  return { tp: above.tp, fp: above.fp, fn: under.fn, tn: under.tn, rp, rn, above, under };
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

// Whole films that add up to a thousand: rounded down, and the rest given to the largest remainders.
function ofAThousand({ tp, rp, fn, fp, rn, tn }, prevalence) {
  const ill = THOUSAND * prevalence, well = THOUSAND - ill, positives = tp + rp + fn, negatives = fp + rn + tn;
  const names = ["tp", "rp", "fn", "fp", "rn", "tn"];
  const parts = [
    (ill * tp) / positives, (ill * rp) / positives, (ill * fn) / positives,
    (well * fp) / negatives, (well * rn) / negatives, (well * tn) / negatives,
  ];
  if (parts.some(Number.isNaN)) return null;
  const whole = parts.map(Math.floor), cut = (i) => parts[i] - whole[i];
  const order = [...parts.keys()].sort((a, b) => cut(b) - cut(a));
  const left = THOUSAND - whole.reduce((a, b) => a + b);
  for (let i = 0; i < left; i++) whole[order[i]] += 1;
  return Object.fromEntries(names.map((name, i) => [name, whole[i]]));
}

// Wilson's interval on the effective size; F1 is a function of tp / (tp + fp + fn), and so is its interval.
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

// A rate at a row of the table, with its interval.
function estimate(table, name, counts) {
  const rate = rates(counts)[name];
  return [rate, interval(name, rate, table.effective[name][counts.row])];
}

// The same as Python's ratio_interval: MOVER's bounds of one / other.
function ratioInterval(one, [low, high], other, [otherLow, otherHigh]) {
  const product = one * other;
  const root = (a, c) => product + Math.sqrt(Math.max(0, product * product - a * c));
  const c = low * (2 * one - low), below = root(otherHigh * (2 * other - otherHigh), c);
  const a = otherLow * (2 * other - otherLow), above = root(a, high * (2 * one - high));
  return [below > 0 ? c / below : 0, a > 0 ? above / a : Infinity];
}

const unknown = (...values) => values.some(Number.isNaN);
const others = ([low, high]) => [1 - high, 1 - low];

// The same as Python's prevalence._predicted: 1 / (1 + odds (1 - rate) / other).
function predicted(odds, [rate, bounds], [other, otherBounds]) {
  const wrong = 1 - rate, value = other / (other + odds * wrong);
  if (unknown(value, bounds[0], otherBounds[0])) return [value, [NaN, NaN]];
  const [low, high] = ratioInterval(wrong, others(bounds), other, otherBounds);
  return [value, [1 / (1 + odds * high), 1 / (1 + odds * low)]];
}

// PPV and NPV at the threshold, and NPV of the films below a review band, if `prevalence` of all films show the finding.
function predictiveValues(table, { above, under }, prevalence) {
  const odds = prevalence / (1 - prevalence);
  const at = (name, counts) => estimate(table, name, counts);
  return {
    ppv: predicted(1 / odds, at("specificity", above), at("sensitivity", above)),
    npv: predicted(odds, at("sensitivity", above), at("specificity", above)),
    below: predicted(odds, at("sensitivity", under), at("specificity", under)),
  };
}

function likelihoodRatios(table, counts) {
  const [sensitivity, sensitivityIn] = estimate(table, "sensitivity", counts);
  const [specificity, specificityIn] = estimate(table, "specificity", counts);
  const ratio = (one, oneIn, other, otherIn) => {
    const nothing = unknown(one, other) || (one === 0 && other === 0);
    return [one / other, nothing ? [NaN, NaN] : ratioInterval(one, oneIn, other, otherIn)];
  };
  return {
    positive: ratio(sensitivity, sensitivityIn, 1 - specificity, others(specificityIn)),
    negative: ratio(1 - sensitivity, others(sensitivityIn), specificity, specificityIn),
  };
}

// The same as Python's prevalence.moved: convert a probability from one prevalence to another.
function movedTo(probability, { from, to }) {
  const ratio = (to / (1 - to)) / (from / (1 - from));
  return (ratio * probability) / (ratio * probability + 1 - probability);
}

// Found cases per film, minus false alarms per film with their weight.
function netBenefit(counts, probability, prevalence) {
  const { sensitivity, specificity } = rates(counts), odds = probability / (1 - probability);
  return prevalence * sensitivity - (1 - prevalence) * (1 - specificity) * odds;
}

// Expected cost per film, in false alarms, if one miss costs `cost` of them.
function expectedCost(counts, cost, prevalence) {
  const { sensitivity, specificity } = rates(counts);
  return cost * prevalence * (1 - sensitivity) + (1 - prevalence) * (1 - specificity);
}

// The row of least cost; among equals the highest threshold, as in Python's rules.
function cheapest(table, cost, prevalence) {
  const ill = (cost * prevalence) / table.positives, well = (1 - prevalence) / table.negatives;
  if (!Number.isFinite(ill) || !Number.isFinite(well)) return null;
  let best = table.last - table.highest, least = Infinity;
  for (let row = best; row <= table.last; row++) {
    const total = ill * (table.positives - table.tp[row]) + well * table.fp[row];
    if (total < least - 1e-12) { least = total; best = row; }
  }
  return best;
}
