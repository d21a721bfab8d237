// Words: how numbers are written, as xraylab.wording writes them.

const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u2009");
// Halves to even, as Python rounds: 6.25 is 6.2 on the page and in the export.
const ONE_DECIMAL = new Intl.NumberFormat("en", {
  minimumFractionDigits: 1, maximumFractionDigits: 1, useGrouping: false, roundingMode: "halfEven",
});
const hundredths = (share) => ONE_DECIMAL.format(100 * share);
const percent = (share) => (Number.isNaN(share) ? "–" : `${hundredths(share)}\u202f%`);
const range95 = ([low, high]) => (Number.isNaN(low) ? "–" : `${hundredths(low)}–${hundredths(high)}`);
const whole = (share) => (Number.isNaN(share) ? "–" : `${Math.round(100 * share)}\u202f%`);
const decimal = (value) => (Number.isNaN(value) ? "–" : value.toFixed(3));
const ratios = ([low, high]) => (Number.isNaN(low) ? "–" : `${ratio(low)}–${ratio(high)}`);
const several = (n, one) => `${count(n)}\u00a0${one}${n === 1 ? "" : "s"}`;

// A ratio of any size, at least 0, with what can be told of it.
function ratio(value) {
  if (Number.isNaN(value)) return "–";
  if (value === Infinity) return "∞";
  if (value > 0 && value < 0.001) return "<0.001";
  const places = value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0;
  const format = { minimumFractionDigits: places, maximumFractionDigits: places, roundingMode: "halfEven" };
  return new Intl.NumberFormat("en", format).format(value).replaceAll(",", "\u2009");
}

function exact(t) { // all the decimals there are, three at least
  for (let places = 3; places <= 20; places++) {
    if (Number(t.toFixed(places)) === t) return t.toFixed(places);
  }
  return String(t);
}

// A score as a screen shows it: only 0 and 1 themselves read 0.000 and 1.000.
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
  const counted = `${c.tp} found, ${c.fn} missed, ${c.fp} false alarms, ${c.tn} rightly below`;
  return `Threshold ${exact(at.threshold)}: ${counted}.${between}`;
}
