// One film on its stage: its picture, heatmap, grid, divider, lines and lens. view.js puts one or two of them side by
// side and adds the controls; Python joins both files into one module.
// Nothing touches the film's pixels after they are drawn: window, level and inversion are a browser filter.
const LARGEST_ZOOM = 16; // times the fitted film, and at least LARGEST_NATIVE times its own pixels
const LARGEST_NATIVE = 4;
const STEP = 1.25;
const NOTCH = 100; // pixels of one notch of the wheel
const LINE = 33;
const MARK = "SYNTHETIC";
const UNTOUCHED = { zoom: 1, x: 0, y: 0, window: 100, level: 50, invert: false };
const UNASKED = { on: false, grid: false, swiping: false, at: 50 };
const MOST_WINDOW = 200;
const LEAST_WINDOW = 2;
const WHOLE = 100; // per cent
const LENS_ZOOM = 2.5;
const LENS_SHARE = 0.6; // of the stage's shorter side, so that the lens covers less than a third of the stage
const LARGEST_LENS = 320; // CSS pixels
const SHORTEST = 4; // CSS pixels; a shorter line was a click
const REACH = { mouse: 9, pen: 14, touch: 22 }; // CSS pixels round the end of a line, in which it is taken hold of
const SVG = "http://www.w3.org/2000/svg";
const shared = { opacity: 45, method: "" }; // outlives a viewer

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

const newPane = () => ({
  ...{ film: null, methods: "", pointers: new Map(), lines: [], taken: null, pointer: null, magnified: null },
  ...{ asked: { ...UNASKED }, view: { ...UNTOUCHED } },
});

async function load(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

// Window and level as on a workstation: level is mapped to mid-grey, window is the range between black and white.
function line({ window, level, invert }) {
  const slope = WHOLE / window;
  const intercept = 0.5 - (slope * level) / WHOLE;
  return invert ? [-slope, 1 - intercept] : [slope, intercept];
}

function burnMark(context, width, height) {
  const size = Math.max(12, Math.round(width / 28));
  context.font = `600 ${size}px sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "bottom";
  context.lineWidth = Math.max(2, size / 8);
  context.strokeStyle = "#000";
  context.fillStyle = "#fff";
  context.strokeText(MARK, width / 2, height - size * 0.5);
  context.fillText(MARK, width / 2, height - size * 0.5);
}

function shape(name, attributes, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

function pictures(overlays) {
  return overlays.map(({ url }) => {
    const image = document.createElement("img");
    image.alt = "";
    image.draggable = false;
    image.src = url;
    return image;
  });
}

// `memory` is the pane's state, which outlives a call; `host` is the viewer, see view.js.
function pane(element, memory, film, host) {
  const $ = (selector) => element.querySelector(selector);
  const stage = $(".stage");
  const plane = $(".plane");
  const canvas = $("canvas");
  const overlay = $(".overlay");
  const divider = $(".divider");
  const lens = $(".lens");
  const view = () => host.settings(self).view;
  const asked = () => host.settings(self).asked;

  // The visible heatmap: of the chosen method, or the first.
  const chosen = () => film.overlays.find(({ name }) => name === shared.method) ?? film.overlays[0];

  function showGreys() {
    const { window, level, invert } = view();
    const windowed = window !== UNTOUCHED.window || level !== UNTOUCHED.level;
    canvas.style.filter = windowed || invert ? `url(#${host.filter(self)})` : "";
    const [slope, intercept] = line(view());
    for (const channel of host.root.querySelectorAll(`#${host.filter(self)} feComponentTransfer > *`)) {
      channel.setAttribute("slope", slope);
      channel.setAttribute("intercept", intercept);
    }
    const settings = windowed ? [`window ${window} %, level ${level} %`] : [];
    if (invert) settings.push("inverted");
    if (asked().grid && film.grid) settings.push(`grid ${film.grid.join(" × ")}`);
    $(".settings").textContent = settings.join(" · ");
  }

  // The film's rectangle inside the stage before zooming: whole, centred, proportions kept.
  function fit() {
    const { clientWidth, clientHeight } = stage;
    const ratio = Math.min(clientWidth / canvas.width, clientHeight / canvas.height);
    const width = canvas.width * ratio;
    const height = canvas.height * ratio;
    return { ratio, width, height, left: (clientWidth - width) / 2, top: (clientHeight - height) / 2 };
  }

  // The zoom at which a film pixel is a pixel of the screen.
  const native = () => 1 / (fit().ratio * devicePixelRatio);

  // A zoomed film can be moved until its edge meets the edge of the stage, but not out of sight.
  function slack() {
    const { width, height } = fit();
    const { zoom } = view();
    return [
      Math.max(0, (width * zoom - stage.clientWidth) / 2),
      Math.max(0, (height * zoom - stage.clientHeight) / 2),
    ];
  }

  function place() {
    const { ratio, width, height, left, top } = fit();
    if (!(ratio > 0)) return; // not laid out yet
    const { zoom } = view();
    const [slackX, slackY] = slack();
    // On whole pixels of the screen, and by size instead of scale, so that 1 : 1 is exact and not blurred.
    const onScreen = (length) => Math.round(length * devicePixelRatio) / devicePixelRatio;
    const x = onScreen(left + clamp(view().x, -slackX, slackX) - (width * (zoom - 1)) / 2);
    const y = onScreen(top + clamp(view().y, -slackY, slackY) - (height * (zoom - 1)) / 2);
    plane.style.width = `${width * zoom}px`;
    plane.style.height = `${height * zoom}px`;
    plane.style.transform = `translate(${x}px, ${y}px)`;
    memory.placed = { x, y, width: width * zoom, height: height * zoom };
    stage.classList.toggle("zoomed-in", zoom > 1);
    $(".zoomed").textContent = `${Math.round(WHOLE * zoom * ratio * devicePixelRatio)} %`;
    placeDivider(x, width * zoom);
    drawLines();
    placeLens();
  }

  // The visible part of the film's width, in CSS pixels of the stage.
  function inSight(x, width) {
    const from = Math.max(0, x);
    return [from, Math.min(stage.clientWidth, x + width) - from];
  }

  // The divider stays in place on the stage while the film moves under it, so that it can always be reached.
  function placeDivider(x, width) {
    const { at, swiping } = asked();
    const [from, across] = inSight(x, width);
    const edge = from + (across * at) / WHOLE;
    divider.style.insetInlineStart = `${edge}px`;
    overlay.style.clipPath = swiping ? `inset(0 ${clamp(WHOLE * (1 - (edge - x) / width), 0, WHOLE)}% 0 0)` : "";
    memory.across = [from, across];
  }

  function moveDivider(at) {
    asked().at = clamp(at, 0, WHOLE);
    host.place();
    host.panes.forEach((one) => one.showDivider());
  }

  function showDivider() {
    const { on, swiping, at } = asked();
    divider.hidden = !(swiping && on && film.overlays.length);
    divider.setAttribute("aria-valuenow", String(Math.round(at)));
    divider.setAttribute("aria-valuetext", `heatmap over the left ${Math.round(at)} % of the visible film`);
  }

  // Zoom about a point, given in CSS pixels from the stage's middle.
  function zoomTo(zoom, x = 0, y = 0) {
    const own = native();
    const now = view();
    const next = clamp(zoom, Math.min(1, own), Math.max(LARGEST_ZOOM, LARGEST_NATIVE * own));
    now.x = x - ((x - now.x) * next) / now.zoom;
    now.y = y - ((y - now.y) * next) / now.zoom;
    now.zoom = next;
    host.place();
  }

  // Smaller than the whole film is only its own resolution, which has its own button.
  const zoomBy = (factor, ...about) => zoomTo(Math.max(Math.min(1, view().zoom), view().zoom * factor), ...about);

  function moveBy(x, y) {
    view().x += x;
    view().y += y;
    host.place();
  }

  // The pictures are new, so that none shows an old film's map while it loads.
  function listMethods() {
    const now = film.overlays.map(({ name, url }) => name + url).join();
    if (now === memory.methods) return;
    memory.methods = now;
    memory.magnified = null;
    overlay.replaceChildren(...pictures(film.overlays));
  }

  function drawGrid() {
    const grid = $(".grid");
    grid.toggleAttribute("hidden", !(asked().grid && film.grid)); // an SVG has no property for it
    if (!film.grid) return;
    const [rows, columns] = film.grid;
    grid.setAttribute("viewBox", `0 0 ${columns} ${rows}`);
    const lines = [];
    for (let x = 1; x < columns; x++) lines.push(`M${x} 0V${rows}`);
    for (let y = 1; y < rows; y++) lines.push(`M0 ${y}H${columns}`);
    $(".grid path").setAttribute("d", lines.join(""));
  }

  function showOverlay() {
    overlay.hidden = !(film.overlays.length && asked().on);
    overlay.style.opacity = shared.opacity / WHOLE;
    [...overlay.children].forEach((image, at) => {
      image.hidden = film.overlays[at] !== chosen();
    });
    $(".legend").hidden = overlay.hidden;
    stage.classList.toggle("legended", !overlay.hidden);
    $(".most").textContent = chosen()?.most ?? "";
  }

  function show() {
    showOverlay();
    drawGrid();
    showDivider();
    showGreys();
    stage.classList.toggle("measuring", host.tools.measuring);
    stage.classList.toggle("magnifying", host.tools.magnifying);
    place();
  }

  // Lines are kept in shares of the film's width and height, so that they stay with it.

  const hold = ([u, v]) => [
    memory.placed.x + u * memory.placed.width,
    memory.placed.y + v * memory.placed.height,
  ];
  const release = ([x, y]) => [
    clamp((x - memory.placed.x) / memory.placed.width, 0, 1),
    clamp((y - memory.placed.y) / memory.placed.height, 0, 1),
  ];

  // In millimetres if the film has a spacing, else in its pixels; each side has its own scale.
  function lengthOf({ from, to }) {
    const [height, width] = film.size_mm ?? [canvas.height, canvas.width];
    return Math.hypot((to[0] - from[0]) * width, (to[1] - from[1]) * height);
  }

  function lengthWords(one) {
    const length = lengthOf(one);
    return film.size_mm ? `${length.toFixed(1)} mm` : `${length.toFixed(0)} pixels`;
  }

  // Two lines are compared: the shorter one says which part of the other it is.
  function labelOf(one) {
    const [first, second] = memory.lines;
    if (memory.lines.length !== 2) return lengthWords(one);
    const [shorter, longer] = lengthOf(first) <= lengthOf(second) ? [first, second] : [second, first];
    if (one !== shorter || !(lengthOf(longer) > 0)) return lengthWords(one);
    return `${lengthWords(one)}, ${(lengthOf(shorter) / lengthOf(longer)).toFixed(2)} of the other`;
  }

  const words = (one) => [labelOf(one), film.size_mm ? film.measured_at : "of the film"].filter(Boolean).join(" ");

  function drawLines() {
    $(".lines").replaceChildren(...memory.lines.flatMap(drawnLine));
    const scale = film.size_mm ? `Lengths in mm${film.measured_at && ` ${film.measured_at}`}` : "Lengths in film pixels";
    const hint = host.tools.measuring ? "Drag a line on the film" : "";
    $(".measured").textContent = memory.lines.length ? scale : hint;
  }

  function drawnLine(one) {
    const [[x1, y1], [x2, y2]] = [hold(one.from), hold(one.to)];
    const long = Math.hypot(x2 - x1, y2 - y1) || 1;
    const [tx, ty] = [(-6 * (y2 - y1)) / long, (6 * (x2 - x1)) / long]; // of the short stroke at each end
    const path =
      `M${x1} ${y1}L${x2} ${y2}` + [[x1, y1], [x2, y2]].map(([x, y]) => `M${x - tx} ${y - ty}L${x + tx} ${y + ty}`).join("");
    const steep = Math.abs(y2 - y1) > Math.abs(x2 - x1);
    const text = labelOf(one);
    const wide = 7.6 * text.length; // about as wide as it is, so that it stays inside the stage
    const [middle, below] = [(x1 + x2) / 2, stage.clientHeight - 8];
    const label = { x: clamp(middle, wide / 2 + 4, Math.max(wide / 2 + 4, stage.clientWidth - wide / 2 - 4)) };
    if (steep) {
      const left = middle + 12 + wide > stage.clientWidth;
      Object.assign(label, { x: left ? middle - 12 : middle + 12, class: left ? "ending" : "starting" });
    }
    label.y = clamp((y1 + y2) / 2 + (steep ? 4 : -9), 16, below);
    return [shape("path", { class: "seam", d: path }), shape("path", { d: path }), shape("text", label, text)];
  }

  // Take hold of the end of a line near the pointer, or begin a new line.
  function takeLine(event) {
    const at = onStage(event);
    const near = memory.lines
      .flatMap((one) => [[one, "from"], [one, "to"]])
      .map(([one, end]) => ({ one, end, far: Math.hypot(...hold(one[end]).map((side, axis) => side - at[axis])) }))
      .filter(({ far }) => far <= (REACH[event.pointerType] ?? REACH.mouse))
      .sort((a, b) => a.far - b.far)[0];
    if (near) return void (memory.taken = { one: near.one, end: near.end, fresh: false });
    const [u, v] = [(at[0] - memory.placed.x) / memory.placed.width, (at[1] - memory.placed.y) / memory.placed.height];
    if (u < 0 || u > 1 || v < 0 || v > 1) return; // beside the film
    const one = { from: [u, v], to: [u, v] };
    memory.lines.push(one);
    memory.taken = { one, end: "to", fresh: true };
  }

  function dropLine() {
    const { taken } = memory;
    memory.taken = null;
    if (!taken) return;
    const [[x1, y1], [x2, y2]] = [hold(taken.one.from), hold(taken.one.to)];
    if (Math.hypot(x2 - x1, y2 - y1) < SHORTEST) memory.lines.splice(memory.lines.indexOf(taken.one), 1);
    else host.say(words(taken.one));
    host.showControls();
  }

  function removeLine() {
    memory.taken = null;
    memory.lines.pop();
    host.say(memory.lines.length ? "Last line removed" : "No lines left");
    host.showControls();
  }

  function clearLines() {
    memory.taken = null;
    memory.lines.length = 0;
  }

  // A copy of the film and its heatmaps for the lens, made when it is first used on a film.
  function fillLens() {
    const now = `${memory.film} ${memory.methods}`;
    if (memory.magnified === now) return;
    memory.magnified = now;
    const copy = document.createElement("canvas");
    copy.width = canvas.width;
    copy.height = canvas.height;
    copy.getContext("2d").drawImage(canvas, 0, 0);
    const maps = document.createElement("div");
    maps.className = "lens-overlay";
    maps.append(...pictures(film.overlays));
    $(".lens-plane").replaceChildren(copy, maps);
  }

  // Under the pointer; above a finger, which would cover it. Without a pointer it lies in the middle of the stage.
  function placeLens() {
    const { clientWidth, clientHeight } = stage;
    const pointer = memory.pointer ?? (host.tools.centred ? { at: [clientWidth / 2, clientHeight / 2] } : null);
    lens.hidden = !(host.tools.magnifying && pointer && memory.placed && !stage.classList.contains("waiting"));
    if (lens.hidden) return;
    fillLens();
    const size = Math.min(LENS_SHARE * Math.min(clientWidth, clientHeight), LARGEST_LENS);
    const [x, y] = pointer.at;
    const [left, top] = [x, pointer.finger ? Math.max(size / 2, y - size / 2 - 28) : y];
    lens.style.width = lens.style.height = `${size}px`;
    lens.style.transform = `translate(${left - size / 2}px, ${top - size / 2}px)`;
    const inside = $(".lens-plane");
    inside.style.width = `${LENS_ZOOM * memory.placed.width}px`;
    inside.style.height = `${LENS_ZOOM * memory.placed.height}px`;
    inside.style.transform = `translate(${size / 2 - LENS_ZOOM * (x - memory.placed.x)}px, ${size / 2 - LENS_ZOOM * (y - memory.placed.y)}px)`;
    const [copy, maps] = inside.children;
    copy.style.filter = canvas.style.filter;
    maps.hidden = overlay.hidden;
    maps.style.opacity = overlay.style.opacity;
    maps.style.clipPath = overlay.style.clipPath;
    [...maps.children].forEach((image, at) => (image.hidden = film.overlays[at] !== chosen()));
  }

  function pointAt(event) {
    memory.pointer = event && { at: onStage(event), finger: event.pointerType === "touch" };
    if (event) host.tools.centred = false;
    placeLens();
  }

  divider.onkeydown = (event) => {
    const far = event.shiftKey ? 10 : 1;
    const { at } = asked();
    const to = {
      ...{ ArrowLeft: at - far, ArrowDown: at - far, ArrowRight: at + far, ArrowUp: at + far },
      ...{ PageDown: at - 10, PageUp: at + 10, Home: 0, End: WHOLE },
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    moveDivider(to);
  };
  divider.onpointerdown = (event) => {
    event.stopPropagation(); // the film is not dragged along
    if (event.button !== 0) return;
    event.preventDefault();
    divider.focus({ preventScroll: true, focusVisible: false });
    divider.setPointerCapture(event.pointerId);
  };
  divider.onpointermove = (event) => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const [from, across] = memory.across;
    moveDivider((WHOLE * (event.clientX - stage.getBoundingClientRect().left - from)) / across);
  };
  divider.ondblclick = (event) => event.stopPropagation();

  const onStage = ({ clientX, clientY }) => {
    const box = stage.getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  };
  const fromMiddle = ({ x, y }) => {
    const box = stage.getBoundingClientRect();
    return [x - box.left - box.width / 2, y - box.top - box.height / 2];
  };
  const whereOf = (event) => ({ x: event.clientX, y: event.clientY });

  stage.onwheel = (event) => {
    const zoomingOut = event.deltaY > 0;
    if (event.deltaY === 0 || (zoomingOut && view().zoom <= 1)) return; // the page scrolls on
    event.preventDefault();
    const far = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1) * (event.ctrlKey ? LINE / 10 : 1);
    zoomBy(STEP ** clamp(-far / NOTCH, -2, 2), ...fromMiddle(whereOf(event)));
  };
  stage.ondblclick = (event) => {
    if (host.tools.measuring) return;
    const own = native();
    if (view().zoom !== 1) zoomTo(1);
    else zoomTo(own > 1 ? own : 2, ...fromMiddle(whereOf(event)));
  };
  stage.oncontextmenu = (event) => event.preventDefault();
  stage.onfocus = () => host.activate(self);

  // One pointer drags a zoomed film or draws a line, two pinch it; the right button is window and level.
  const { pointers } = memory;
  const pinch = () => {
    const [first, second] = [...pointers.values()];
    const middle = { x: (first.x + second.x) / 2, y: (first.y + second.y) / 2 };
    return { spread: Math.max(1, Math.hypot(first.x - second.x, first.y - second.y)), middle };
  };
  stage.onpointerdown = (event) => {
    host.activate(self);
    const windowing = event.button === 2 || (event.button === 0 && event.ctrlKey);
    if ((event.button !== 0 && !windowing) || pointers.size === 2) return;
    pointers.set(event.pointerId, whereOf(event));
    pointAt(event);
    memory.grabbed = windowing ? { ...whereOf(event), window: view().window, level: view().level } : null;
    if (pointers.size === 2 && memory.taken) {
      if (memory.taken.fresh) memory.lines.pop(); // a second finger: it is a pinch and no line
      memory.taken = null;
    } else if (host.tools.measuring && !windowing && pointers.size === 1) {
      takeLine(event);
      stage.setPointerCapture(event.pointerId);
      return;
    }
    if (view().zoom <= 1 && pointers.size === 1 && !windowing) return; // nothing to drag; a second finger may follow
    stage.setPointerCapture(event.pointerId);
    stage.classList.add(windowing ? "windowing" : "dragging");
  };
  stage.onpointermove = (event) => {
    if (pointers.size || event.pointerType !== "touch") pointAt(event);
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const now = whereOf(event);
    if (pointers.size === 2) {
      const before = pinch();
      pointers.set(event.pointerId, now);
      const after = pinch();
      view().x += after.middle.x - before.middle.x;
      view().y += after.middle.y - before.middle.y;
      zoomTo(Math.max(1, (view().zoom * after.spread) / before.spread), ...fromMiddle(after.middle));
      return;
    }
    pointers.set(event.pointerId, now);
    const from = memory.grabbed;
    if (memory.taken) {
      memory.taken.one[memory.taken.end] = release(onStage(event));
      drawLines();
    } else if (from) {
      const share = MOST_WINDOW / stage.clientWidth;
      view().window = clamp(Math.round(from.window + (now.x - from.x) * share), LEAST_WINDOW, MOST_WINDOW);
      view().level = clamp(Math.round(from.level + ((now.y - from.y) * share) / 2), 0, WHOLE);
      host.showGreys();
    } else if (view().zoom > 1 && !(host.tools.magnifying && event.pointerType === "touch")) {
      moveBy(now.x - last.x, now.y - last.y); // a finger moves either the film or the lens
    }
  };
  stage.onpointerup = stage.onpointercancel = stage.onpointerleave = (event) => {
    pointers.delete(event.pointerId);
    if (event.type === "pointerleave" || event.pointerType === "touch") pointAt(null);
    if (memory.taken) dropLine();
    stage.classList.toggle("dragging", pointers.size > 0 && view().zoom > 1 && !memory.grabbed);
    stage.classList.remove("windowing");
  };

  // Film first: a new film comes without overlay, but keeps opacity, grid and divider.
  async function showFilm() {
    const id = film.id;
    if (memory.film === id) return;
    memory.film = id;
    clearLines();
    Object.assign(view(), UNTOUCHED);
    asked().on = film.shows_heatmap;
    stage.setAttribute("aria-busy", "true");
    stage.classList.add("waiting"); // hides the old film, so that it is never under the new film's heatmap
    try {
      const image = await load(film.url);
      if (memory.film !== id) return; // another film came meanwhile
      canvas.width = image.naturalWidth;
      canvas.height = image.naturalHeight;
      stage.style.setProperty("--ratio", canvas.height / canvas.width);
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      if (film.synthetic) burnMark(context, canvas.width, canvas.height);
      $(".failed").hidden = true;
      stage.classList.remove("waiting");
      host.sized();
    } catch {
      if (memory.film !== id) return;
      $(".failed").hidden = false;
    }
    host.showControls();
    stage.removeAttribute("aria-busy");
  }

  function describe() {
    const [left, right] = { LF: ["R", "L"], AF: ["P", "A"], PF: ["A", "P"] }[film.orientation] ?? ["", ""];
    $(".side.left").textContent = left;
    $(".side.right").textContent = right;
    const sides = left === "R" ? ", the patient's right on the left" : "";
    stage.setAttribute("aria-label", host.panes.length > 1 ? `Film: ${film.caption}` : "Film");
    canvas.setAttribute("aria-label", `${film.caption}${film.synthetic ? " (synthetic)" : ""}${sides}`);
    $(".title").textContent = film.caption;
    $(".title").title = film.caption;
    $(".mark").hidden = !film.synthetic;
    $(".scale").hidden = host.scale.length < 2;
    $(".scale").style.background = host.scale.length < 2 ? "" : `linear-gradient(to right, ${host.scale.join(", ")})`;
  }

  const self = {
    ...{ element, stage, memory, film, chosen, describe, listMethods, moveBy, native, place, placeLens, show, showDivider },
    ...{ showFilm, showGreys, slack, zoomBy, zoomTo, removeLine, clearLines },
    size: () => [canvas.width, canvas.height],
  };
  return self;
}
