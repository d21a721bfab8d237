// Streamlit calls the function on mount and again on every change of data or theme, without a clean-up in between:
// handlers are assigned, not added, and the state of an instance is kept in MEMORY.
// Nothing touches the film's pixels after they are drawn: window, level and inversion are a browser filter.
const MEMORY = new WeakMap();
// Shared by all viewers of the page, each of which may have loaded its own copy of this file: the mounted ones, and
// the one that left last. Its keys still step through the films while one can't be read and there is no viewer.
const PAGE = (globalThis[Symbol.for("xraylab film viewers")] ??= { mounted: new Set(), left: null });
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
const shared = { opacity: 45, method: "" }; // outlives a viewer
const PAGE_KEYS = "xraylab-page-keys";
// elements that take typed text, or that use keys themselves while they are open
const TYPING =
  "input:not([type=radio], [type=checkbox], [type=range], [type=button], [type=submit], [type=file]), textarea, select, " +
  "[role=combobox], [role=listbox], [role=menu], [role=dialog], [data-testid=stDataFrame]";

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function newMemory() {
  return { film: null, methods: "", pointers: new Map(), asked: { ...UNASKED }, view: { ...UNTOUCHED } };
}

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

// A browser may forbid its storage; then the keys work, and a choice against them isn't remembered.
function pageKeys(wanted) {
  try {
    if (wanted !== undefined) localStorage.setItem(PAGE_KEYS, wanted ? "on" : "off");
    return localStorage.getItem(PAGE_KEYS) !== "off";
  } catch {
    return wanted ?? true;
  }
}

function isTyping(target) {
  return target instanceof Element && (target.isContentEditable || target.closest(TYPING) !== null);
}

export default function ({ parentElement: root, data }) {
  const $ = (selector) => root.querySelector(selector);
  const memory = MEMORY.get(root) ?? newMemory();
  MEMORY.set(root, memory);
  PAGE.mounted.add(memory);
  if (PAGE.left) document.removeEventListener("keydown", PAGE.left.listener);
  PAGE.left = null;
  const { view, asked } = memory;
  const viewer = $(".viewer");
  const stage = $(".stage");
  const plane = $(".plane");
  const canvas = $("canvas");
  const overlay = $(".overlay");
  const divider = $(".divider");
  const status = $("[role=status]");
  const say = (text) => {
    status.textContent = text;
  };

  function showGreys() {
    const windowed = view.window !== UNTOUCHED.window || view.level !== UNTOUCHED.level;
    canvas.style.filter = windowed || view.invert ? "url(#grey)" : "";
    const [slope, intercept] = line(view);
    for (const channel of root.querySelectorAll("#grey feComponentTransfer > *")) {
      channel.setAttribute("slope", slope);
      channel.setAttribute("intercept", intercept);
    }
    const settings = windowed ? [`window ${view.window} %, level ${view.level} %`] : [];
    if (view.invert) settings.push("inverted");
    if (asked.grid && data.grid) settings.push(`grid ${data.grid.join(" × ")}`);
    $(".settings").textContent = settings.join(" · ");
    showSetting("window", view.window);
    showSetting("level", view.level);
  }

  function showSetting(name, value) {
    const slider = $(`[data-set=${name}]`);
    slider.value = value;
    slider.setAttribute("aria-valuetext", `${value} %`);
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

  function place() {
    const { ratio, width, height, left, top } = fit();
    if (!(ratio > 0)) return; // not laid out yet
    // A zoomed film can be moved until its edge meets the edge of the stage, but not out of sight.
    const slackX = Math.max(0, (width * view.zoom - stage.clientWidth) / 2);
    const slackY = Math.max(0, (height * view.zoom - stage.clientHeight) / 2);
    view.x = clamp(view.x, -slackX, slackX);
    view.y = clamp(view.y, -slackY, slackY);
    // On whole pixels of the screen, and by size instead of scale, so that 1 : 1 is exact and not blurred.
    const onScreen = (length) => Math.round(length * devicePixelRatio) / devicePixelRatio;
    const x = onScreen(left + view.x - (width * (view.zoom - 1)) / 2);
    const y = onScreen(top + view.y - (height * (view.zoom - 1)) / 2);
    plane.style.width = `${width * view.zoom}px`;
    plane.style.height = `${height * view.zoom}px`;
    plane.style.transform = `translate(${x}px, ${y}px)`;
    stage.classList.toggle("zoomed-in", view.zoom > 1);
    $(".zoomed").textContent = `${Math.round(WHOLE * view.zoom * ratio * devicePixelRatio)} %`;
    placeDivider(x, width * view.zoom);
  }

  // The visible part of the film's width, in CSS pixels of the stage.
  function inSight(x, width) {
    const from = Math.max(0, x);
    return [from, Math.min(stage.clientWidth, x + width) - from];
  }

  // The divider stays in place on the stage while the film moves under it, so that it can always be reached.
  function placeDivider(x, width) {
    const [from, across] = inSight(x, width);
    const at = from + (across * asked.at) / WHOLE;
    divider.style.insetInlineStart = `${at}px`;
    overlay.style.clipPath = asked.swiping ? `inset(0 ${clamp(WHOLE * (1 - (at - x) / width), 0, WHOLE)}% 0 0)` : "";
    memory.across = [from, across];
  }

  function moveDivider(at) {
    asked.at = clamp(at, 0, WHOLE);
    place();
    showDivider();
  }

  function showDivider() {
    divider.hidden = !(asked.swiping && asked.on && data.overlays.length);
    divider.setAttribute("aria-valuenow", String(Math.round(asked.at)));
    divider.setAttribute("aria-valuetext", `heatmap over the left ${Math.round(asked.at)} % of the visible film`);
  }

  // Zoom about a point, given in CSS pixels from the stage's middle.
  function zoomTo(zoom, x = 0, y = 0) {
    const own = native();
    const next = clamp(zoom, Math.min(1, own), Math.max(LARGEST_ZOOM, LARGEST_NATIVE * own));
    view.x = x - ((x - view.x) * next) / view.zoom;
    view.y = y - ((y - view.y) * next) / view.zoom;
    view.zoom = next;
    place();
  }

  // Smaller than the whole film is only its own resolution, which has its own button.
  const zoomBy = (factor, ...about) => zoomTo(Math.max(Math.min(1, view.zoom), view.zoom * factor), ...about);

  // The visible heatmap: of the chosen method, or the first.
  const chosen = () => data.overlays.find(({ name }) => name === shared.method) ?? data.overlays[0];

  // A picture and a button for each method. The pictures are new, so that none shows an old film's map while it loads.
  function listMethods() {
    const now = data.overlays.map(({ name, url }) => name + url).join();
    if (now === memory.methods) return;
    memory.methods = now;
    overlay.replaceChildren(
      ...data.overlays.map(({ url }) => {
        const image = document.createElement("img");
        image.alt = "";
        image.draggable = false;
        image.src = url;
        return image;
      }),
    );
    $(".methods").replaceChildren(
      ...data.overlays.map(({ name }) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = name;
        return button;
      }),
    );
  }

  function choose(name) {
    shared.method = name;
    asked.on = true;
    showControls();
    say(`${name}, overlay on`);
  }

  function drawGrid() {
    const grid = $(".grid");
    grid.toggleAttribute("hidden", !(asked.grid && data.grid)); // an SVG has no property for it
    if (!data.grid) return;
    const [rows, columns] = data.grid;
    grid.setAttribute("viewBox", `0 0 ${columns} ${rows}`);
    const lines = [];
    for (let x = 1; x < columns; x++) lines.push(`M${x} 0V${rows}`);
    for (let y = 1; y < rows; y++) lines.push(`M0 ${y}H${columns}`);
    $(".grid path").setAttribute("d", lines.join(""));
  }

  function press(name, pressed, possible = true) {
    const button = $(`[data-do=${name}]`);
    button.disabled = !possible;
    button.setAttribute("aria-pressed", String(pressed && possible));
  }

  function showControls() {
    const has = data.overlays.length > 0;
    overlay.hidden = !(has && asked.on);
    overlay.style.opacity = shared.opacity / WHOLE;
    [...overlay.children].forEach((image, at) => {
      image.hidden = data.overlays[at] !== chosen();
    });
    $(".legend").hidden = overlay.hidden;
    $(".most").textContent = chosen()?.most ?? "";
    $(".methods").hidden = data.overlays.length < 2;
    for (const button of $(".methods").children) {
      button.setAttribute("aria-pressed", String(asked.on && button.textContent === chosen()?.name));
      button.onclick = () => choose(button.textContent);
    }
    press("overlay", asked.on, has);
    press("swipe", asked.on && asked.swiping, has);
    press("grid", asked.grid, Boolean(data.grid));
    press("invert", view.invert);
    press("full", isFull());
    showSetting("opacity", shared.opacity);
    $("[data-set=opacity]").disabled = overlay.hidden;
    drawGrid();
    showDivider();
    showGreys();
    place();
  }

  // The page has its own list of films; its radio buttons are clicked as by hand, so Streamlit sees the choice.
  const films = () =>
    data.films ? [...document.querySelectorAll(`.st-key-${data.films.replace(/[^\w-]/g, "-")} input[type=radio]`)] : [];

  function step(by) {
    const all = films();
    const next = all[all.findIndex(({ checked }) => checked) + by];
    if (!next) return;
    next.click();
    const list = next.closest("[role=radiogroup]");
    const row = next.closest("label");
    if (!list || !row) return;
    const middle = (box) => box.top + box.height / 2;
    list.scrollTop += middle(row.getBoundingClientRect()) - middle(list.getBoundingClientRect());
  }

  function countFilms() {
    const all = films();
    const at = all.findIndex(({ checked }) => checked);
    const place = `${at + 1} of ${all.length}`;
    $(".films").hidden = $(".stepping").hidden = all.length < 2;
    if ($(".place").textContent !== place) $(".place").textContent = place;
    $("[data-do=previous]").disabled = at <= 0;
    $("[data-do=next]").disabled = at === all.length - 1;
  }

  const isFull = () => Boolean(viewer.getRootNode().fullscreenElement);

  const actions = {
    overlay() {
      if (!data.overlays.length) return;
      asked.on = !asked.on;
      showControls();
      say(asked.on ? "Overlay on" : "Overlay off");
    },
    swipe() {
      if (!data.overlays.length) return;
      asked.swiping = !(asked.on && asked.swiping);
      asked.on = true;
      showControls();
      say(asked.swiping ? "Swipe on" : "Swipe off");
    },
    method() {
      if (data.overlays.length < 2) return;
      const at = data.overlays.indexOf(chosen());
      choose(data.overlays[(at + 1) % data.overlays.length].name);
    },
    grid() {
      if (!data.grid) return;
      asked.grid = !asked.grid;
      showControls();
      say(asked.grid ? `Grid on, ${data.grid.join(" by ")}` : "Grid off");
    },
    invert() {
      view.invert = !view.invert;
      showControls();
      say(view.invert ? "Inverted" : "Not inverted");
    },
    in: () => zoomBy(STEP),
    out: () => zoomBy(1 / STEP),
    fit: () => zoomTo(1),
    native: () => zoomTo(native()),
    async full() {
      if (!document.fullscreenEnabled) return;
      await (isFull() ? document.exitFullscreen() : viewer.requestFullscreen());
    },
    reset() {
      Object.assign(view, UNTOUCHED);
      Object.assign(asked, UNASKED);
      showControls();
      say("View reset");
    },
    next: () => step(1),
    previous: () => step(-1),
    help() {
      $(".help").open = !$(".help").open;
    },
  };

  for (const button of root.querySelectorAll("[data-do]")) button.onclick = actions[button.dataset.do];
  $("[data-do=full]").hidden = !document.fullscreenEnabled;
  viewer.onfullscreenchange = showControls;
  viewer.onpointerenter = countFilms; // more films may have been dropped since
  $("[data-set=opacity]").oninput = (event) => {
    shared.opacity = event.target.valueAsNumber;
    overlay.style.opacity = shared.opacity / WHOLE;
    showSetting("opacity", shared.opacity);
  };
  for (const name of ["window", "level"]) {
    $(`[data-set=${name}]`).oninput = (event) => {
      view[name] = event.target.valueAsNumber;
      showGreys();
    };
  }
  $("[data-keep=page-keys]").checked = pageKeys();
  $("[data-keep=page-keys]").onchange = (event) => pageKeys(event.target.checked);

  const KEYS = {
    ...{ o: "overlay", s: "swipe", m: "method", g: "grid", i: "invert", "+": "in", "=": "in", "-": "out", "−": "out" },
    ...{ 0: "fit", 1: "native", f: "full", j: "next", k: "previous", "?": "help" },
  };
  const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  // Keys in this viewer, and on the whole page if this is its only viewer and the user isn't typing.
  memory.key = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const path = event.composedPath();
    if (!path.includes(root) && (PAGE.mounted.size > 1 || !pageKeys() || isTyping(path[0]))) return;
    if (PAGE.left === memory) return void { j: actions.next, k: actions.previous }[event.key.toLowerCase()]?.();
    const name = KEYS[event.key.toLowerCase()];
    const arrow = path[0] === stage && view.zoom > 1 && ARROWS[event.key];
    if (!name && !arrow) return;
    if (name) actions[name]();
    if (arrow) {
      view.x += 40 * arrow[0];
      view.y += 40 * arrow[1];
      place();
    }
    event.preventDefault();
  };
  if (!memory.listener) {
    memory.listener = (event) => memory.key(event);
    document.addEventListener("keydown", memory.listener);
  }

  divider.onkeydown = (event) => {
    const far = event.shiftKey ? 10 : 1;
    const to = {
      ...{ ArrowLeft: asked.at - far, ArrowDown: asked.at - far, ArrowRight: asked.at + far, ArrowUp: asked.at + far },
      ...{ PageDown: asked.at - 10, PageUp: asked.at + 10, Home: 0, End: WHOLE },
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

  const fromMiddle = ({ x, y }) => {
    const box = stage.getBoundingClientRect();
    return [x - box.left - box.width / 2, y - box.top - box.height / 2];
  };
  const whereOf = (event) => ({ x: event.clientX, y: event.clientY });

  stage.onwheel = (event) => {
    const zoomingOut = event.deltaY > 0;
    if (event.deltaY === 0 || (zoomingOut && view.zoom <= 1)) return; // the page scrolls on
    event.preventDefault();
    const far = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1) * (event.ctrlKey ? LINE / 10 : 1);
    zoomBy(STEP ** clamp(-far / NOTCH, -2, 2), ...fromMiddle(whereOf(event)));
  };
  stage.ondblclick = (event) => {
    const own = native();
    if (view.zoom !== 1) zoomTo(1);
    else zoomTo(own > 1 ? own : 2, ...fromMiddle(whereOf(event)));
  };
  stage.oncontextmenu = (event) => event.preventDefault();

  // One pointer drags a zoomed film, two pinch it; the right button is window and level.
  const { pointers } = memory;
  const pinch = () => {
    const [first, second] = [...pointers.values()];
    const middle = { x: (first.x + second.x) / 2, y: (first.y + second.y) / 2 };
    return { spread: Math.max(1, Math.hypot(first.x - second.x, first.y - second.y)), middle };
  };
  stage.onpointerdown = (event) => {
    const windowing = event.button === 2 || (event.button === 0 && event.ctrlKey);
    if ((event.button !== 0 && !windowing) || pointers.size === 2) return;
    pointers.set(event.pointerId, whereOf(event));
    memory.grabbed = windowing ? { ...whereOf(event), window: view.window, level: view.level } : null;
    if (view.zoom <= 1 && pointers.size === 1 && !windowing) return; // nothing to drag; a second finger may follow
    stage.setPointerCapture(event.pointerId);
    stage.classList.add(windowing ? "windowing" : "dragging");
  };
  stage.onpointermove = (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const now = whereOf(event);
    if (pointers.size === 2) {
      const before = pinch();
      pointers.set(event.pointerId, now);
      const after = pinch();
      view.x += after.middle.x - before.middle.x;
      view.y += after.middle.y - before.middle.y;
      zoomTo(Math.max(1, (view.zoom * after.spread) / before.spread), ...fromMiddle(after.middle));
      return;
    }
    pointers.set(event.pointerId, now);
    const from = memory.grabbed;
    if (from) {
      const share = MOST_WINDOW / stage.clientWidth;
      view.window = clamp(Math.round(from.window + (now.x - from.x) * share), LEAST_WINDOW, MOST_WINDOW);
      view.level = clamp(Math.round(from.level + ((now.y - from.y) * share) / 2), 0, WHOLE);
      showGreys();
    } else {
      view.x += now.x - last.x;
      view.y += now.y - last.y;
      place();
    }
  };
  stage.onpointerup = stage.onpointercancel = stage.onpointerleave = (event) => {
    pointers.delete(event.pointerId);
    stage.classList.toggle("dragging", pointers.size > 0 && view.zoom > 1 && !memory.grabbed);
    stage.classList.remove("windowing");
  };

  // Film first: a new film comes without overlay, but keeps opacity, grid and divider.
  async function showFilm() {
    const id = data.film_id;
    if (memory.film === id) return;
    memory.film = id;
    Object.assign(view, UNTOUCHED);
    asked.on = false;
    stage.setAttribute("aria-busy", "true");
    stage.classList.add("waiting"); // hides the old film, so that it is never under the new film's heatmap
    try {
      const image = await load(data.film);
      if (memory.film !== id) return; // another film came meanwhile
      canvas.width = image.naturalWidth;
      canvas.height = image.naturalHeight;
      stage.style.setProperty("--ratio", canvas.height / canvas.width);
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      if (data.synthetic) burnMark(context, canvas.width, canvas.height);
      $(".size").textContent = `${canvas.width} × ${canvas.height} pixels`;
      $(".failed").hidden = true;
      stage.classList.remove("waiting");
    } catch {
      if (memory.film !== id) return;
      $(".failed").hidden = false;
    }
    showControls();
    stage.removeAttribute("aria-busy");
  }

  const named = data.synthetic ? `${data.caption} (synthetic)` : data.caption;
  stage.style.setProperty("--height", `${data.height}px`);
  stage.setAttribute("aria-label", "Film");
  canvas.setAttribute("aria-label", named);
  $(".caption").textContent = data.caption;
  $(".mark").hidden = !data.synthetic;
  $(".bar").hidden = data.scale.length < 2;
  $(".bar").style.background = data.scale.length < 2 ? "" : `linear-gradient(to right, ${data.scale.join(", ")})`;
  listMethods();
  countFilms();
  memory.place = place;
  memory.watcher ??= new ResizeObserver(() => memory.place());
  memory.watcher.observe(stage);
  if (data.films) {
    // The page may draw its list after this viewer, or change it without drawing the viewer anew.
    memory.countFilms = countFilms;
    memory.list ??= new MutationObserver(() => {
      cancelAnimationFrame(memory.counting);
      memory.counting = requestAnimationFrame(() => memory.countFilms());
    });
    memory.list.observe(document.body, { childList: true, subtree: true });
  }
  showFilm();
  showControls();

  return () => {
    memory.watcher.disconnect();
    memory.list?.disconnect();
    cancelAnimationFrame(memory.counting);
    PAGE.mounted.delete(memory);
    if (data.films && !PAGE.mounted.size) PAGE.left = memory;
    else document.removeEventListener("keydown", memory.listener);
    MEMORY.delete(root);
  };
}
