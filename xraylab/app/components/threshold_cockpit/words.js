// Words: how numbers are written, the same as in xraylab.formats.

const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u2009");
// Halves are rounded to even, as in Python: 6.25 is 6.2 on the page and in the export.
const ONE_DECIMAL = new Intl.NumberFormat("en", {
  minimumFractionDigits: 1, maximumFractionDigits: 1, useGrouping: false, roundingMode: "halfEven",
});
const hundredths = (share) => ONE_DECIMAL.format(100 * share);
const ROUNDING = 1e-9;
// Only none and all read 0.0 % and 100.0 %.
function percent(share) {
  if (Number.isNaN(share)) return "–";
  let written = hundredths(share);
  if (written === "100.0" && share < 1 - ROUNDING) written = ">99.9";
  else if (written === "0.0" && share > ROUNDING) written = "<0.1";
  return `${written}\u202f%`;
}
const range95 = ([low, high]) => (Number.isNaN(low) ? "–" : `${hundredths(low)}–${hundredths(high)}`);
const whole = (share) => (Number.isNaN(share) ? "–" : `${Math.round(100 * share)}\u202f%`);
const decimal = (value) => (Number.isNaN(value) ? "–" : value.toFixed(3));
const ratios = ([low, high]) => (Number.isNaN(low) ? "–" : `${ratio(low)}–${ratio(high)}`);
const several = (n, noun) => `${count(n)}\u00a0${noun}${n === 1 ? "" : "s"}`;

// Hover texts of the presets, by the beginning of their label.
const PRESETS = {
  "sensitivity floor": "The highest threshold whose sensitivity on one film per patient is at least this, with 95\u202f% confidence. Counted by film it may be lower. Method: MAPIE, a procedure that promises the rate on patients to come",
  Youden: "The threshold with the largest sum of sensitivity and specificity (Youden’s index)",
  "best F1": "The threshold with the largest F1, the harmonic mean of precision (PPV) and sensitivity",
  cost: "The threshold of lowest cost, if one missed {case} counts as much as this number of false alarms",
  sensitivity: "The highest threshold that reaches this sensitivity on these films",
  specificity: "The lowest threshold that reaches this specificity on these films",
};
const explained = (label, words) =>
  filled(Object.entries(PRESETS).find(([start]) => label.startsWith(start))?.[1] ?? "", words);

// A text with the words of the finding, such as {case}, in their places.
function filled(text, words) {
  return text.replace(/\{(\w+)\}/g, (_, name) => words[name]);
}

const ofThese = (n, words) => filled("of {n} {cases}", { ...words, n: count(n) });
const inThese = (n, words) => filled("in {n} {wells}", { ...words, n: count(n) });

// The longest sentence that these films may need, whose room is kept so that nothing moves.
function longestSaid({ positives, negatives }, words) {
  const alarms = `${several(negatives, "false alarm")} ${inThese(negatives, words)}`;
  return `Misses ${count(positives)} ${ofThese(positives, words)}, ${alarms}, ${several(positives + negatives, "film")} left to a reader.`;
}

// What one step of the threshold changes, before it is made.
function stepWords(table, here, there) {
  if (there === null) return "No further score on this side";
  const called = ({ tp, fp }) => tp + fp, change = called(table.counts(there)) - called(table.counts(here));
  const films = Math.abs(change) === 1 ? "One film" : `${count(Math.abs(change))} films`;
  return `${films} ${change > 0 ? "more" : "fewer"} above the threshold`;
}

// The meaning of a step of the scale. Only without ties and without omitted scores is a step one film.
function scale({ last, positives, negatives }, scores) {
  if (last < scores) {
    return `Films are ranked by score. The scale shows ${count(last)} of ${count(scores)} scores, most of them near both ends.`;
  }
  const ties = last < positives + negatives ? ", but films with the same score share a step" : "";
  return `Films are ranked by score: equal width, equal number of films${ties}.`;
}

// A ratio of any size, at least 0, with three significant digits.
function ratio(value) {
  if (Number.isNaN(value)) return "–";
  if (value === Infinity) return "∞";
  if (value > 0 && value < 0.001) return "<0.001";
  const places = value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0;
  const format = { minimumFractionDigits: places, maximumFractionDigits: places, roundingMode: "halfEven" };
  return new Intl.NumberFormat("en", format).format(value).replaceAll(",", "\u2009");
}

function exact(t) { // with all its decimals, at least three
  for (let places = 3; places <= 20; places++) {
    if (Number(t.toFixed(places)) === t) return t.toFixed(places);
  }
  return String(t);
}

// A score with three decimals: only exactly 0 and 1 are written as 0.000 and 1.000.
function short(score) {
  if (Number.isNaN(score)) return "–";
  const written = score.toFixed(3);
  if (written === "1.000" && score < 1) return ">0.999";
  return score > 0 && score < 0.001 ? "<0.001" : written;
}

function parse(text) {
  const cleaned = text.trim().replace(",", ".");
  const value = cleaned === "" ? NaN : Number(cleaned);
  return value >= 0 && value <= 1 ? value : null;
}

function moved(table, asked, t) {
  return asked === t ? "" : `${exact(asked)} is shown at ${exact(t)}, the nearest of ${count(table.last + 1)} steps`;
}

function sentence(table, at) {
  const c = zones(table, at), reader = c.rp + c.rn;
  const between = at.review === null ? "" : ` ${count(reader)} from ${exact(at.review)} on need a reader.`;
  const counted = `${c.tp} found, ${c.fn} missed, ${c.fp} false alarms, ${c.tn} correctly negative`;
  return `Threshold ${exact(at.threshold)}: ${counted}.${between}`;
}

// ---- groups ----

const NO_COLUMN = "none", ALL_FILMS = "all films";
const GROUP_HEADS = {
  films: "Films", patients: "Patients", sensitivity: "Sensitivity", specificity: "Specificity", ppv: "PPV", auc: "AUC",
};
const APART = { lower: ["▼", "lower"], higher: ["▲", "higher"] }; // than in the other groups
const GROUPS_HOW = "Bars are 95\u202f% intervals by patient, the line is the rate of all films. One threshold holds for all groups.";
const STATED_HERE = "Each column is tested by itself: among twenty columns, expect one difference by chance.";
const NO_LOCK = "Differences between groups are tested at a locked threshold only, and this model has no lock yet.";
const ofAll = (n, all) => `${count(n)} of ${count(all)}`;
const statedAt = (t) =>
  `Differences between groups are tested at the lock only, ${short(t)}. A threshold that is moved until a group differs proves nothing.`;
const fewInGroup = (fewest) => `A dash: the group has fewer than ${count(fewest)} patients of that class.`;
const inNoGroup = (n, all) => `${count(n)} of ${several(all, "film")} ${n === 1 ? "is" : "are"} in no group, because nothing is stated for ${n === 1 ? "it" : "them"}.`;
