// The browser's half of the threshold cockpit: all figures follow the handle, and Python gets the threshold on release.
//
// - the table holds every distinct score, so each count is exact; a film is positive when score >= threshold
// - of more than 25,000 films it holds some scores only: a threshold between them moves to the nearest exact one
// - `position` k runs over the scale: k scores of the table lie below the cut; 0 calls every film positive
// - a review band begins at `review`, never above the threshold; null means no band
// - `rule` and `review_rule` name the rules that chose the two cuts; null is a cut that was moved by hand
// - Streamlit calls the function again on new data or another theme, without a clean-up in between: handlers
//   are therefore assigned, never added, and state that must last is kept in MEMORY
// - texts are set with textContent, never as HTML, because names come from users
// - the native sliders are for the keyboard: one step is one distinct score; the pointer is followed by our own code,
//   because the scale of scores has steps of any width

const KEY_PAUSE_MS = 250; // held arrow keys commit once, after a pause
const HOLD_MS = 400, REPEAT_MS = 70; // a stepper that is held begins to repeat, and repeats
const OPEN = {}; // folds that are open, as long as the page is
const AXIS = "xraylab-threshold-axis"; // the scale, in the browser's memory of this session
const MEMORY = new WeakMap();
const FIGURES = {
  scores: "Scores", roc: "ROC", pr: "Precision–recall", decision: "Decision curve", workload: "Workload against misses",
};
const same = (first, second) => first?.threshold === second?.threshold && first?.review === second?.review;
const sameRules = (first, second) => first?.rule === second?.rule && first?.review_rule === second?.review_rule;

export default function cockpit({ data, parentElement: root, setStateValue, setTriggerValue }) {
  const table = readTable(data.table), other = data.beside ? readTable(data.beside) : null;
  const groups = data.groups ? readGroups(data) : [];
  const memory = MEMORY.get(root) ?? {
    revision: null, at: null, committed: null, past: [], held: false, sent: 0, prevalence: data.prevalence,
    cost: data.cost, axis: rememberedAxis(), drag: null, repeat: null,
  };
  MEMORY.set(root, memory);
  const view = findParts(root);
  view.width = view.plot.clientWidth;
  view.scores = data.scores;
  view.scale = memory.axis === "rank" ? rankScale(table) : scoreScale(table);
  view.section.dataset.tone = isDark(view.section) ? "dark" : "light";

  const draw = () => {
    drawPoint(view, { table, other, prevalence: memory.prevalence, cost: memory.cost }, memory.at);
    if (groups.length > 0) {
      drawGroups(view, groupRows, memory.at, memory.prevalence);
      drawStated(view, table, data, memory.at);
    }
    view.put("copied", ""); // a link that was copied before opens another view now
    view.address.hidden = true;
  };
  // These depend on prevalence and cost only, so they are not computed again during a drag.
  const weigh = () => {
    view.benefitAt = drawDecision(view, table, memory.prevalence);
    view.best = cheapest(table, memory.cost, memory.prevalence);
  };
  // A rule stays with the cut that it chose, also when a drag comes back to it.
  const rulesOf = (threshold, review) => {
    const { committed } = memory;
    return {
      rule: committed?.threshold === threshold ? committed.rule : null,
      review_rule: review !== null && committed?.review === review ? committed.review_rule : null,
    };
  };
  const show = (asked, review = memory.at.review, rules = {}) => {
    const threshold = table.nearest(asked);
    // The note stays until the handle moves on, also if the shown threshold is itself asked for.
    if (threshold !== asked || threshold !== memory.at?.threshold) view.put("moved", moved(table, asked, threshold));
    const from = review === null ? null : Math.min(table.nearest(review), threshold);
    memory.at = { threshold, review: from, ...rulesOf(threshold, from), ...rules };
    draw();
  };
  const send = () => {
    memory.committed = memory.at;
    memory.sent += 1;
    view.undo.disabled = memory.past.length === 0;
    view.spoken.textContent = sentence(table, memory.at);
    // Numbered, because Streamlit reports only changes: without it, going back to an earlier threshold is lost.
    setStateValue("let_go", { ...memory.at, number: memory.sent });
  };
  const commit = (asked, review = memory.at.review, rules = {}) => {
    clearTimeout(memory.pause);
    show(asked, review, rules);
    const moved = !same(memory.at, memory.committed);
    if (moved) memory.past.push(memory.committed);
    // A preset may choose the very cut that stands there: nothing moves, but Python hears which rule it was.
    if (moved || !sameRules(memory.at, memory.committed)) send();
  };

  const handle = (range, move) => {
    range.oninput = move;
    range.onchange = () => {
      clearTimeout(memory.pause);
      memory.pause = setTimeout(() => commit(memory.at.threshold), KEY_PAUSE_MS);
    };
    range.onblur = () => { if (!memory.held && !same(memory.at, memory.committed)) commit(memory.at.threshold); };
  };
  handle(view.range, () => {
    const position = Math.min(view.range.valueAsNumber, table.highest);
    view.range.value = position;
    show(table.cut(position));
  });
  handle(view.reviewRange, () => {
    const position = Math.min(view.reviewRange.valueAsNumber, table.position(memory.at.threshold));
    view.reviewRange.value = position;
    show(memory.at.threshold, table.position(memory.at.threshold) === position ? memory.at.threshold : table.cut(position));
  });

  followPointer(view, memory, {
    move(which, share) {
      const cut = table.cut(view.scale.nearest(share)), { threshold } = memory.at;
      if (which === "main") show(cut);
      else show(threshold, table.row(cut) <= table.row(threshold) ? threshold : cut);
    },
    drop: () => commit(memory.at.threshold),
    undone: () => show(memory.committed.threshold, memory.committed.review),
  });

  // One distinct score per step; held, a stepper repeats, and all its steps are one move.
  const stepOf = (direction) => {
    const step = table.position(memory.at.threshold) + direction;
    return step < 0 || step > table.highest ? null : table.cut(step);
  };
  for (const [button, direction] of [[view.down, -1], [view.up, 1]]) {
    const once = () => {
      const cut = stepOf(direction);
      if (cut !== null) show(cut);
      button.title = stepWords(table, memory.at.threshold, stepOf(direction));
    };
    const end = () => {
      clearTimeout(memory.repeat);
      if (memory.repeat !== null) commit(memory.at.threshold);
      memory.repeat = null;
    };
    const again = () => {
      once();
      memory.repeat = setTimeout(again, REPEAT_MS);
    };
    button.onpointerenter = button.onfocus = () => { button.title = stepWords(table, memory.at.threshold, stepOf(direction)); };
    button.onpointerdown = (event) => {
      if (event.button !== 0) return;
      once();
      clearTimeout(memory.repeat);
      memory.repeat = setTimeout(again, HOLD_MS);
    };
    button.onpointerup = button.onpointercancel = button.onpointerleave = end;
    button.oncontextmenu = (event) => event.preventDefault(); // a long touch is a held stepper
    button.onclick = (event) => {
      if (event.detail !== 0) return; // the pointer was heard already; this is the keyboard
      once();
      clearTimeout(memory.pause);
      memory.pause = setTimeout(() => commit(memory.at.threshold), KEY_PAUSE_MS);
    };
  }

  // A typed value: previewed while it is typed, if it is valid, and committed at the end.
  const typing = (field, current, take) => {
    field.oninput = () => {
      const typed = parse(field.value);
      field.setAttribute("aria-invalid", String(typed === null));
      if (typed !== null) take(show, typed);
    };
    field.onchange = () => {
      take(commit, parse(field.value) ?? current());
      field.value = exact(current());
      field.setAttribute("aria-invalid", "false");
    };
    field.onkeydown = (event) => { if (event.key === "Enter") field.onchange(); };
  };
  typing(view.number, () => memory.at.threshold, (how, typed) => how(typed));
  typing(view.reviewNumber, () => memory.at.review, (how, typed) => how(memory.at.threshold, typed));

  view.band.onclick = () => {
    const start = Math.min(data.review_start ?? table.cut(Math.round(table.position(memory.at.threshold) / 2)), memory.at.threshold);
    if (memory.at.review !== null) commit(memory.at.threshold, null);
    else commit(memory.at.threshold, start, start === data.review_start ? { review_rule: data.review_start_rule } : {});
  };
  view.undo.onclick = () => {
    clearTimeout(memory.pause);
    if (memory.past.length === 0) return;
    const { threshold, review, rule, review_rule } = memory.past.pop();
    show(threshold, review, { rule, review_rule });
    send();
  };
  view.prevalence.oninput = () => {
    memory.prevalence = view.prevalence.valueAsNumber / 100;
    weigh();
    draw();
  };
  view.prevalence.onchange = () => setStateValue("prevalence", memory.prevalence);
  view.cost.oninput = () => {
    const typed = Number(view.cost.value.trim().replace(",", "."));
    const usable = typed > 0 && Number.isFinite(typed);
    view.cost.setAttribute("aria-invalid", String(!usable));
    if (!usable) return;
    memory.cost = typed;
    weigh();
    draw();
  };
  view.cost.onchange = () => {
    view.cost.value = String(memory.cost);
    view.cost.setAttribute("aria-invalid", "false");
    setStateValue("cost", memory.cost);
  };
  view.copy.onclick = () => copyLink(view);
  view.cheapest.onclick = () => commit(Number(view.cheapest.dataset.threshold));
  for (const button of view.cells) button.onclick = () => setTriggerValue("cell", button.dataset.cell);
  for (const button of view.saves) {
    const [name, kind] = button.dataset.save.split(" ");
    button.onclick = () => save(view, name, kind, `${FIGURES[name]} · ${data.title} · threshold ${exact(memory.at.threshold)}`);
  }
  for (const button of view.axes) {
    button.onclick = () => {
      memory.axis = rememberAxis(button.dataset.axis);
      view.scale = memory.axis === "rank" ? rankScale(table) : scoreScale(table);
      drawScale();
      draw();
    };
  }
  for (const fold of view.folds) {
    fold.open = OPEN[fold.dataset.fold] ?? false;
    fold.ontoggle = () => { OPEN[fold.dataset.fold] = fold.open; };
  }
  view.rules.onkeydown = (event) => {
    if (event.key !== "Escape" || !view.rules.open) return;
    view.rules.open = false;
    view.rules.querySelector("summary").focus();
  };
  view.section.onclick = (event) => { if (!view.rules.contains(event.target)) view.rules.open = false; };

  view.toLock.onclick = () => commit(data.locked);
  view.locked.onclick = () => commit(data.locked, data.locked_review, { rule: data.locked_rule, review_rule: data.locked_review_rule });
  const drawScale = () => {
    drawFilms(view, table, other);
    drawMarks(view, data);
    for (const button of view.axes) button.setAttribute("aria-pressed", String(button.dataset.axis === view.scale.name));
  };

  drawStill(view, table, other, data, { commit, ask: (rule) => setTriggerValue("rule", rule) });
  drawScale();
  drawColumns(view, data, (name) => setTriggerValue("column", { name }));
  const groupRows = groups.length > 0 ? buildGroups(view, data, groups, table) : [];
  memory.resize?.disconnect();
  memory.resize = new ResizeObserver(() => {
    if (view.plot.clientWidth === view.width) return;
    view.width = view.plot.clientWidth;
    drawFilms(view, table, other);
    draw();
  });
  memory.resize.observe(view.plot);

  // Python's value is used only if its revision is new, so that a late rerun never moves the handle.
  if (memory.revision !== data.revision && !memory.held) {
    const pushed = { threshold: data.value, review: data.review, rule: data.rule, review_rule: data.review_rule };
    if (memory.revision !== null && !same(memory.committed, pushed)) memory.past.push(memory.committed);
    memory.committed = memory.at = pushed;
  }
  memory.revision = data.revision;
  view.undo.disabled = memory.past.length === 0;
  view.cost.value = String(memory.cost);
  weigh();
  show(memory.at.threshold, memory.at.review);
  return () => {
    clearTimeout(memory.pause);
    clearTimeout(memory.repeat);
    memory.resize.disconnect();
  };
}

// Follow the pointer over the plot: it moves the cut that it takes hold of, else the threshold. A finger moves it
// only along the plot or by the knob: across, it scrolls the page.
function followPointer(view, memory, { move, drop, undone }) {
  const { plot } = view;
  const shareAt = ({ clientX }, { box, offset }) => Math.min(1, Math.max(0, (clientX - offset - box.left) / box.width));
  const begin = (event, drag) => {
    drag.begun = memory.held = true;
    plot.setPointerCapture(event.pointerId);
    if (!drag.held) move(drag.which, shareAt(event, drag));
  };
  const end = () => {
    memory.drag = null;
    memory.held = false;
  };
  plot.onmousedown = (event) => event.preventDefault(); // the keys stay with the slider that was taken
  plot.onpointerdown = (event) => {
    if (event.button !== 0 || !event.isPrimary || view.range.disabled) return;
    const finger = event.pointerType === "touch", box = plot.getBoundingClientRect(), x = event.clientX - box.left;
    const [cut, from] = ["--cut", "--from"].map((name) => Number(plot.style.getPropertyValue(name)) * box.width);
    const near = (at) => Math.abs(x - at) <= (finger ? FINGER_PX : GRIP_PX);
    const [away, awayFrom] = [Math.abs(x - cut), Math.abs(x - from)];
    const lower = memory.at.review !== null && near(from) && (awayFrom < away || (awayFrom === away && x < cut));
    // A finger holds a cut by its knob only, in the middle of the plot; a mouse anywhere along the line.
    const level = !finger || Math.abs(event.clientY - box.top - box.height / 2) <= FINGER_PX;
    const held = level && (lower || near(cut));
    const drag = {
      box, held, which: lower ? "from" : "main", offset: held ? x - (lower ? from : cut) : 0,
      start: [event.clientX, event.clientY], begun: false,
    };
    memory.drag = drag;
    (lower ? view.reviewRange : view.range).focus({ preventScroll: true });
    if (!finger || held) begin(event, drag);
  };
  plot.onpointermove = (event) => {
    const { drag } = memory;
    if (!drag || !event.isPrimary) return;
    if (drag.begun) {
      move(drag.which, shareAt(event, drag));
      return;
    }
    const [along, across] = [event.clientX - drag.start[0], event.clientY - drag.start[1]].map(Math.abs);
    if (along > SWIPE_PX && along > across) begin(event, drag);
    else if (across > SWIPE_PX) memory.drag = null;
  };
  plot.onpointerup = (event) => {
    const { drag } = memory;
    if (!drag || !event.isPrimary) return;
    if (!drag.begun) move(drag.which, shareAt(event, drag)); // a tap
    end();
    drop();
  };
  plot.onpointercancel = () => {
    const begun = memory.drag?.begun;
    end();
    if (begun) undone();
  };
}

const GRIP_PX = 12, FINGER_PX = 24; // how near to a cut a mouse and a finger take hold of it
const SWIPE_PX = 8; // a shorter way is a tap
const LETTER_PX = 6.8, FLAG_PX = 22; // of the words beside a cut: width of a letter, and room around them

function rememberedAxis() {
  try {
    return sessionStorage.getItem(AXIS) === "rank" ? "rank" : "score";
  } catch { // storage may be forbidden
    return "score";
  }
}

function rememberAxis(name) {
  try {
    sessionStorage.setItem(AXIS, name);
  } catch { /* the choice lasts as long as the cockpit */ }
  return name;
}

function findParts(root) {
  const find = (selector) => root.querySelector(selector), all = (selector) => [...root.querySelectorAll(selector)];
  const texts = {};
  for (const part of all("[data-text]")) (texts[part.dataset.text] ??= []).push(part);
  return {
    find, all, section: find(".cockpit"), plot: find(".plot"), range: find(".range.main"), number: find(".number.main"),
    reviewRange: find(".range.from"), reviewNumber: find(".number.from"), band: find(".toggle"), undo: find(".undo"),
    down: find(".step.down"), up: find(".step.up"), locked: find(".locked"), rules: find(".rules"), panel: find(".panel"),
    axes: all("[data-axis]"), folds: all("[data-fold]"), prevalence: find(".prevalence"), cost: find(".cost"), cheapest: find(".cheapest"), ticks: find(".ticks"),
    lock: find(".lock.main"), lockedFrom: find(".lock.from"), presets: find(".presets"), spoken: find(".spoken"),
    copy: find(".copy"), address: find(".address"), column: find(".column"), stated: find(".stated .here"), toLock: find(".to-lock"),
    flags: Object.fromEntries(["alarm", "missed", "review"].map((name) => [name, find(`.flag.${name}`)])),
    cells: all("[data-cell]"), icons: all("[data-icons]"), saves: all("[data-save]"),
    active: () => root.activeElement ?? root.getRootNode().activeElement,
    put(name, text) {
      for (const part of texts[name]) if (part.textContent !== text) part.textContent = text;
    },
  };
}

// The theme may use any notation for colours; the browser resolves all of them to rgb().
function isDark(section) {
  const [r, g, b] = (getComputedStyle(section).backgroundColor.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
}

// Draw the parts that don't change while the handle moves.
function drawStill(view, table, other, data, { commit, ask }) {
  const { positives, negatives, last } = table;
  for (const range of [view.range, view.reviewRange]) {
    range.max = last;
    range.disabled = last === 0;
  }
  for (const part of view.all("[data-words]")) part.textContent = filled(part.dataset.words, data.words);
  for (const part of view.all("[data-label]")) part.setAttribute("aria-label", filled(part.dataset.label, data.words));
  view.put("positives", several(positives, "film"));
  view.put("negatives", several(negatives, "film"));
  view.put("few", data.few ?? "");
  for (const part of view.all("[data-term]")) part.title = data.terms[part.dataset.term] ?? "";
  view.put("films", `${several(positives + negatives, "film")} · ${several(data.patients, "patient")}`);
  view.put("auc", data.auc === null ? "AUC –" : `AUC ${data.auc.toFixed(3)}`);
  view.put("ap", data.average_precision === null ? "AP –" : `AP ${data.average_precision.toFixed(3)}`);
  view.put("reminder", data.reminder);
  view.section.toggleAttribute("data-beside", other !== null);
  view.put("beside", data.beside_name ?? "");
  view.put("beside-films", other ? several(other.positives + other.negatives, "film") : "");
  view.find(".icons .mesh").setAttribute("d", MESH);
  const from = data.locked_review === null ? "" : `, review from ${exact(data.locked_review)}`;
  view.put("locked", data.locked === null ? "not locked" : `◇ Lock ${exact(data.locked)}${from}`);
  view.locked.disabled = data.locked === null;
  view.put("say-ill", ofThese(positives, data.words));
  view.put("say-well", inThese(negatives, data.words));
  view.put("say-longest", longestSaid(table, data.words));
  drawCurves(view, table, other);
  for (const name of ["roc", "pr"]) {
    const at = data.locked === null ? null : curvePoint(name, table, table.row(data.locked));
    place(view.find(`[data-curve=${name}] .mark`), at);
  }
  const buttons = data.presets.map((preset) => presetButton(preset, table, data.words, (value, rule) => {
    view.rules.open = false;
    if (value === null) ask(rule); else commit(value, undefined, { rule });
  }));
  const named = (i) => data.presets[i].name !== null;
  view.presets.replaceChildren(...buttons.filter((_, i) => named(i)));
  view.panel.replaceChildren(...buttons.filter((_, i) => !named(i)));
  view.rules.hidden = view.panel.children.length === 0;
  view.offered = buttons;
}

// A preset's name with its rule below; a rule that can't be used says why.
function presetButton({ name, words, more, threshold, rule, usable }, table, finding, choose) {
  const button = document.createElement("button"), small = document.createElement("small");
  button.type = "button";
  button.append(name ?? words);
  small.textContent = name === null ? more : words;
  if (small.textContent) button.append(" ", small);
  button.title = explained(words, finding);
  button.disabled = !usable;
  button.dataset.row = threshold === null ? "" : table.row(threshold);
  button.onclick = () => choose(threshold, rule);
  return button;
}

// The lock stands on the scale; which one, the user chooses.
function drawMarks(view, data) {
  for (const [mark, value] of [[view.lock, data.locked], [view.lockedFrom, data.locked_review]]) {
    mark.hidden = value === null;
    if (value !== null) mark.style.left = `${(100 * view.scale.place(value)).toFixed(3)}%`;
  }
}

// Draw the parts that move with a handle; called on every input event.
function drawPoint(view, scene, at) {
  const { table, other, prevalence } = scene, c = zones(table, at);
  drawCounts(view, table, c);
  drawSaid(view, table, c);
  drawHandles(view, table, at, c);
  drawRates(view, table, c);
  drawThere(view, table, c, prevalence);
  if (other) drawBeside(view, other, at, prevalence);
  if (at.review !== null) drawBand(view, table, at, c, prevalence);
  drawMore(view, scene, at, c);
}

function drawCounts(view, { positives, negatives }, c) {
  for (const [names, all] of [[["tp", "rp", "fn"], positives], [["fp", "rn", "tn"], negatives]]) {
    for (const name of names) {
      view.put(name, count(c[name]));
      view.put(`${name}-share`, `${percent(c[name] / all)} of ${count(all)}`);
    }
  }
}

// The sentence on top, and below it the shares with their intervals.
function drawSaid(view, table, c) {
  const reader = c.rp + c.rn;
  view.put("say-missed", count(c.fn));
  view.put("say-alarms", several(c.fp, "false alarm"));
  view.put("say-reader", several(reader, "film"));
  view.put("review-here", percent(reader / (table.positives + table.negatives)));
  const [sensitivity, found] = estimate(table, "sensitivity", c.under), [specificity, spared] = estimate(table, "specificity", c.above);
  putEstimate(view, "missed-below", [1 - sensitivity, others(found)]);
  putEstimate(view, "false-share", [1 - specificity, others(spared)]);
}

function drawHandles(view, table, at, c) {
  const text = exact(at.threshold), banded = at.review !== null;
  const { place } = view.scale;
  const cut = place(at.threshold), from = banded ? Math.min(place(at.review), cut) : cut;
  view.put("value", text);
  view.plot.style.setProperty("--cut", cut.toFixed(6));
  view.plot.style.setProperty("--from", from.toFixed(6));
  drawFlags(view, c, { cut, from });
  for (const name of ["roc", "pr"]) place(view.find(`[data-curve=${name}] .dot`), curvePoint(name, table, c.above.row));
  const position = table.last - c.above.row, lower = table.last - c.under.row;
  if (view.range.valueAsNumber !== position) view.range.value = position;
  if (view.reviewRange.valueAsNumber !== lower) view.reviewRange.value = lower;
  view.range.setAttribute("aria-valuetext", `${text}: ${c.fn} missed, ${c.fp} false alarms`);
  if (view.active() !== view.number) view.number.value = text;
  for (const button of view.offered) button.setAttribute("aria-pressed", String(button.dataset.row === String(c.above.row)));
  view.down.setAttribute("aria-disabled", String(position === 0));
  view.up.setAttribute("aria-disabled", String(position >= table.highest));
  view.section.toggleAttribute("data-band", banded);
  view.band.setAttribute("aria-pressed", String(banded));
}

// The words beside the cuts, where there is room for them; the sentence on top has all of them.
function drawFlags(view, c, { cut, from }) {
  const words = {
    alarm: [several(c.fp, "false alarm"), 1 - cut], missed: [`${count(c.fn)} missed`, from],
    review: [`${several(c.rp + c.rn, "film")} for a reader`, cut - from],
  };
  for (const [name, [text, room]] of Object.entries(words)) {
    view.put(`flag-${name}`, text);
    view.flags[name].style.display = text.length * LETTER_PX + FLAG_PX > room * view.width ? "none" : "";
  }
}

function putEstimate(view, name, [value, bounds], write = percent, ends = range95) {
  view.put(name, write(value));
  view.put(`${name}-interval`, ends(bounds));
}

function drawRates(view, table, c) {
  for (const name of RATES) putEstimate(view, name, estimate(table, name, c.above));
}

// Draw the figures that depend on the prevalence.
function drawThere(view, table, c, prevalence) {
  const text = whole(prevalence);
  view.put("prevalence", text);
  view.put("thousand-prevalence", text);
  if (view.prevalence.valueAsNumber !== 100 * prevalence) view.prevalence.value = Math.round(100 * prevalence);
  view.prevalence.setAttribute("aria-valuetext", text);
  const { ppv, npv, below } = predictiveValues(table, c, prevalence);
  putEstimate(view, "ppv-there", ppv);
  putEstimate(view, "npv-there", npv);
  putEstimate(view, "npv-below", below);
  drawThousand(view, c, prevalence);
  drawUncertain(view, table, c, prevalence);
}

// Errors in a thousand come with their intervals: "0 missed" alone would look certain.
function drawUncertain(view, table, c, prevalence) {
  const thousand = (share, [low, high]) =>
    Number.isNaN(low) ? "" : ` (${count(Math.round(THOUSAND * share * (1 - high)))}–${count(Math.round(THOUSAND * share * (1 - low)))})`;
  const [, sensitivity] = estimate(table, "sensitivity", c.under), [, specificity] = estimate(table, "specificity", c.above);
  view.put("thousand-fn-interval", thousand(prevalence, sensitivity));
  view.put("thousand-fp-interval", thousand(1 - prevalence, specificity));
}

// Draw the review band: the films that need a reader, and the films missed below it.
function drawBand(view, table, at, c, prevalence) {
  const text = exact(at.review), reader = c.rp + c.rn;
  const there = (prevalence * c.rp) / table.positives + ((1 - prevalence) * c.rn) / table.negatives;
  view.put("review-there", percent(there));
  view.reviewRange.setAttribute("aria-valuetext", `${text}: ${reader} films need a reader, ${c.fn} missed below`);
  if (view.active() !== view.reviewNumber) view.reviewNumber.value = text;
  drawWorkload(view, table, at);
}

// Draw other films, or another model, at the same threshold.
function drawBeside(view, other, at, prevalence) {
  const c = zones(other, at), { ppv, npv, below } = predictiveValues(other, c, prevalence);
  for (const name of ["sensitivity", "specificity"]) putEstimate(view, `beside-${name}`, estimate(other, name, c.above));
  putEstimate(view, "beside-ppv", ppv);
  putEstimate(view, "beside-npv", npv);
  putEstimate(view, "beside-npv-below", below);
  view.put("beside-reader", count(c.rp + c.rn));
  view.put("beside-rp", count(c.rp));
  for (const name of ["tp", "fn", "fp", "tn"]) view.put(`beside-${name}`, count(c[name]));
  for (const name of ["roc", "pr"]) {
    place(view.find(`[data-curve=${name}] .second`), curvePoint(name, other, c.above.row));
  }
}

function drawMore(view, { table, prevalence, cost }, at, { above: c }) {
  const { sensitivity, specificity } = rates(c), { kappa, mcc } = agreement(c);
  const odds = likelihoodRatios(table, c);
  view.put("balanced", percent((sensitivity + specificity) / 2));
  view.put("kappa", decimal(kappa));
  view.put("mcc", decimal(mcc));
  putEstimate(view, "lr-positive", odds.positive, ratio, ratios);
  putEstimate(view, "lr-negative", odds.negative, ratio, ratios);
  const from = table.positives / (table.positives + table.negatives);
  const inside = from > 0 && from < 1;
  view.put("score-here", whole(from));
  view.put("score-there", short(inside ? movedTo(at.threshold, { from, to: prevalence }) : NaN));
  view.put("score", short(inside ? at.threshold : NaN));
  const worth = 1 / (1 + cost), benefit = netBenefit(c, worth, prevalence);
  view.put("odds", percent(worth));
  view.put("net-benefit", Number.isNaN(benefit) ? "–" : hundredths(benefit));
  place(view.find("[data-curve=decision] .dot"), Number.isNaN(benefit) ? null : [SIDE * worth, Math.min(SIDE, view.benefitAt(benefit))]);
  const thousand = (value) => (Number.isNaN(value) ? "–" : count(Math.round(THOUSAND * value)));
  view.put("cost-here", thousand(expectedCost(c, cost, prevalence)));
  const { best } = view;
  const least = best === null ? NaN : table.cut(table.last - best);
  view.put("cost-least", thousand(best === null ? NaN : expectedCost(table.counts(least), cost, prevalence)));
  view.put("cost-where", best === null ? "–" : short(least));
  view.cheapest.dataset.threshold = least;
  view.cheapest.disabled = best === null || best === c.row;
}
