// Groups: films divided by a column, with the figures of each group under the same handle.
//
// - no group has a threshold of its own
// - a rate of too few patients is a dash, and never a mark
// - differences are stated at the lock only: a handle that is moved until a group differs proves nothing

const GROUP_RATES = ["sensitivity", "specificity"];
const NAME_LENGTH = 60; // characters of a column's name in the list
const LOWEST = [0.9, 0.8, 0.5, 0]; // possible beginnings of the strips; all end at 100 %

// All groups come in one table, a group's rows below each other.
function readGroups({ groups, group_rows: rows }) {
  const columns = {}, column = (name) => (columns[name] ??= groups.getChild(name).toArray());
  let from = 0;
  return rows.map((group) => {
    const [start, end] = [from, (from += group.rows)];
    return { ...group, table: tableOf((name) => column(name).subarray(start, end), GROUP_RATES) };
  });
}

// The estimates of a group at a threshold, null where too few patients stand behind them.
function groupFigures({ table, rates: known }, threshold, prevalence) {
  const counts = table.counts(threshold);
  const of = (name) => (known.includes(name) ? estimate(table, name, counts) : null);
  const [sensitivity, specificity] = GROUP_RATES.map(of);
  const odds = (1 - prevalence) / prevalence;
  return { counts, sensitivity, specificity, ppv: sensitivity && specificity && predicted(odds, specificity, sensitivity) };
}

// ---- the choice of a column ----

function drawColumns(view, data, choose) {
  const option = (name, words) => {
    const made = document.createElement("option");
    made.value = name ?? "";
    made.title = words;
    made.textContent = words.length > NAME_LENGTH ? `${words.slice(0, NAME_LENGTH)}…` : words;
    return made;
  };
  view.column.replaceChildren(option(null, NO_COLUMN), ...data.columns.map((name) => option(name, name)));
  // By its place, because a stranger's column may have an empty name or that of another one.
  view.column.selectedIndex = 1 + data.columns.indexOf(data.column);
  view.column.disabled = data.columns.length === 0;
  view.column.onchange = () => choose(data.columns[view.column.selectedIndex - 1] ?? null);
  view.section.toggleAttribute("data-groups", data.column !== null);
  view.find(".groups").hidden = data.columns.length === 0 && !data.columns_why;
  view.put("columns-why", data.columns_why);
}

// ---- the table ----

// Build a row for all films and for each group; return what moves in each.
function buildGroups(view, data, groups, all) {
  const films = ({ positives, negatives }) => positives + negatives;
  const everyone = { name: ALL_FILMS, table: all, patients: data.patients, rates: GROUP_RATES, auc: data.auc === null ? null : [data.auc, null, null], apart: {} };
  const rows = [everyone, ...groups].map((group) => groupRow(group, films(group.table), group === everyone));
  view.find(".groups tbody").replaceChildren(...rows.map(({ row }) => row));
  view.find(".groups table").toggleAttribute("data-one-class", groups.every(({ table }) => table.negatives === 0));
  view.put("column", data.column ?? "");
  const dashes = groups.some(({ table, rates: known }) => GROUP_RATES.some((name) =>
    !known.includes(name) && (name === "specificity" ? table.negatives : table.positives) > 0));
  view.scales = Object.fromEntries(GROUP_RATES.map((name) => [name, { low: null, scale: scaleLabels(view.find(`[data-scale=${name}]`)) }]));
  buildStated(view, data);
  view.put("groups-how", GROUPS_HOW);
  view.put("groups-few", dashes ? fewInGroup(data.fewest) : "");
  view.put("groups-left", data.not_stated ? inNoGroup(data.not_stated, films(all)) : "");
  return rows;
}

function scaleLabels(head) {
  const ends = document.createElement("div"), labels = [0, 1, 2].map(() => document.createElement("i"));
  ends.append(...labels);
  head.replaceChildren(ends);
  return labels.map((label) => label.appendChild(document.createTextNode("")));
}

function groupRow(group, films, whole) {
  const row = document.createElement("tr"), head = document.createElement("th");
  if (whole) row.className = "whole";
  head.scope = "row";
  head.textContent = head.title = group.name;
  row.append(head, cell("films", count(films)), cell("patients", count(group.patients)));
  const moving = { row, group };
  for (const name of GROUP_RATES) {
    const part = rateCell(name, group.apart[name]), strip = forest();
    row.append(part.cell, strip.cell);
    moving[name] = { ...part, ...strip.marks };
  }
  moving.ppv = rateCell("ppv");
  const auc = rateCell("auc", group.apart.auc);
  set(auc.value, group.auc ? short(group.auc[0]) : "–");
  set(auc.interval, group.auc && group.auc[1] !== null ? group.auc.slice(1).map((end) => end.toFixed(3)).join("–") : "");
  row.append(moving.ppv.cell, auc.cell);
  return moving;
}

function cell(kind, words) {
  const made = document.createElement("td");
  made.className = kind;
  made.dataset.head = GROUP_HEADS[kind]; // shown on a phone, where the table has no head
  made.textContent = words;
  return made;
}

// A rate, its interval set smaller behind it, its counts below; text nodes, because they change with every move.
function rateCell(kind, apart) {
  const made = cell(kind, "");
  made.classList.add("rate");
  const part = (tag, className = "") => {
    const element = document.createElement(tag), text = document.createTextNode("");
    element.className = className;
    element.append(text);
    made.append(element);
    return text;
  };
  const parts = { cell: made, value: part("b"), interval: part("span", "interval"), counts: part("small") };
  if (apart) {
    const [sign, word] = APART[apart], flag = document.createElement("em");
    flag.className = "apart";
    flag.textContent = kind === "auc" ? sign : `${sign} ${word}`; // an AUC has no room for the word
    flag.title = flag.ariaLabel = `${word} than in the other groups`;
    made.querySelector(kind === "auc" ? ".interval" : "small").prepend(flag, " ");
  }
  return parts;
}

// A strip up to 100 %: the interval as a bar, the rate as a dot, the rate of all films as a line.
function forest() {
  const made = document.createElement("td"), svg = document.createElementNS(SVG, "svg");
  made.className = "forest";
  svg.setAttribute("aria-hidden", "true"); // the same stands beside it in words
  const add = (kind, className, attributes) => {
    const shape = node(kind, { class: className, ...attributes });
    svg.append(shape);
    return shape;
  };
  add("line", "axis", { x1: "0%", x2: "100%", y1: "50%", y2: "50%" });
  for (const x of ["0%", "50%", "100%"]) add("line", "axis", { x1: x, x2: x, y1: "30%", y2: "70%" });
  const all = add("line", "all", { y1: "0%", y2: "100%" }), bar = add("line", "bar", { y1: "50%", y2: "50%" });
  const dot = add("circle", "dot", { r: 4, cy: "50%" });
  made.append(svg);
  return { cell: made, marks: { all, bar, dot, strip: made } };
}

// ---- what moves ----

function drawGroups(view, rows, at, prevalence) {
  const all = rows.map(({ group }) => groupFigures(group, at.threshold, prevalence)), [whole] = all;
  for (const name of GROUP_RATES) {
    const low = lowest(all.map((figures) => figures[name]));
    drawScale(view, name, rows, low);
    rows.forEach((row, i) => putRate(row[name], all[i][name], all[i].counts, name, { low, whole: whole[name] }));
  }
  rows.forEach((row, i) => putFigure(row.ppv, all[i].ppv));
}

// Where the strips begin: near the lowest interval, because good rates differ by a few points only.
function lowest(figures) {
  const ends = figures.filter((figure) => figure && figure[1].every(Number.isFinite)).map(([, [low]]) => low);
  return LOWEST.find((low) => ends.every((end) => end >= low));
}

function drawScale(view, name, rows, low) {
  const { scale } = view.scales[name];
  if (view.scales[name].low === low) return;
  view.scales[name].low = low;
  const ends = [low, (1 + low) / 2, 1].map((share) => String(Math.round(100 * share)));
  scale.forEach((label, i) => set(label, ends[i]));
  for (const row of rows) row[name].strip.dataset.ends = `${ends[0]}–${ends[2]}\u202f%`;
}

function putFigure({ value, interval }, figure) {
  set(value, figure ? percent(figure[0]) : "–");
  set(interval, figure && !Number.isNaN(figure[1][0]) ? range95(figure[1]) : "");
}

function putRate(parts, figure, { tp, fn, fp, tn }, name, { low, whole }) {
  const [right, wrong] = name === "sensitivity" ? [tp, fn] : [tn, fp];
  const place = (share) => (share - low) / (1 - low);
  putFigure(parts, figure);
  set(parts.counts, ofAll(right, right + wrong));
  mark(parts.all, whole && { x1: place(whole[0]), x2: place(whole[0]) });
  mark(parts.dot, figure && { cx: place(figure[0]) });
  mark(parts.bar, figure && { x1: place(figure[1][0]), x2: place(figure[1][1]) });
}

function set(text, words) {
  if (text.data !== words) text.data = words;
}

function mark(shape, places) {
  const known = places !== null && Object.values(places).every(Number.isFinite);
  shape.setAttribute("visibility", known ? "visible" : "hidden");
  if (known) for (const [name, share] of Object.entries(places)) shape.setAttribute(name, `${(100 * share).toFixed(2)}%`);
}

// Sentences about differences, which were tested at the lock and are shown nowhere else. What is hidden keeps its
// room, so that a handle that leaves the lock moves nothing but figures.
function drawStated(view, table, data, at) {
  const here = data.locked !== null && table.row(at.threshold) === table.row(data.locked);
  if (here === view.statedHere) return;
  view.statedHere = here;
  view.find(".groups").toggleAttribute("data-at-lock", here);
}

function buildStated(view, data) {
  const sentences = data.stated.length > 0 ? [...data.stated, STATED_HERE] : [];
  view.stated.replaceChildren(...sentences.map((words) => {
    const line = document.createElement("p");
    line.textContent = words;
    return line;
  }));
  view.find(".groups .stated").hidden = data.tested === 0;
  view.put("stated-away", data.locked === null ? NO_LOCK : statedAt(data.locked));
  view.toLock.hidden = data.locked === null;
}
