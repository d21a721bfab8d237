// Streamlit calls the function on mount and again on every change of data or theme, without a cleanup between:
// handlers are assigned, not added, and what an instance must remember lies in MEMORY.
const MEMORY = new WeakMap();
const LARGEST_ZOOM = 16;
const STEP = 1.25;
const MARK = "SYNTHETIC";
const UNTOUCHED = { zoom: 1, x: 0, y: 0, window: 100, level: 50, invert: false };
const shared = { opacity: 45, method: "" }; // what outlives a film
const UNSWIPED = 100;

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function newMemory() {
  return { film: null, overlay: null, pixels: null, on: false, grid: false, swipe: UNSWIPED, pointers: new Map(), frame: 0, view: { ...UNTOUCHED } };
}

async function load(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

// Window and level as on a workstation: level is mapped to mid-grey, window is the range between black and white.
function lookup({ window, level, invert }) {
  const table = new Uint8ClampedArray(256);
  for (let grey = 0; grey < 256; grey++) {
    const shown = 255 * ((grey / 255 - level / 100) / (window / 100) + 0.5);
    table[grey] = invert ? 255 - clamp(shown, 0, 255) : shown;
  }
  return table;
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

export default function ({ parentElement: root, data }) {
  const $ = (selector) => root.querySelector(selector);
  const memory = MEMORY.get(root) ?? newMemory();
  MEMORY.set(root, memory);
  const { view } = memory;
  const stage = $(".stage");
  const plane = $(".plane");
  const canvas = $("canvas");
  const overlay = $(".overlay");
  const status = $("[role=status]");
  const say = (text) => {
    status.textContent = text;
  };

  function drawFilm() {
    const { pixels } = memory;
    if (!pixels) return;
    const context = canvas.getContext("2d");
    const table = lookup(view);
    const shown = new ImageData(pixels.width, pixels.height);
    const from = pixels.data;
    const to = shown.data;
    for (let at = 0; at < from.length; at += 4) {
      to[at] = table[from[at]];
      to[at + 1] = table[from[at + 1]];
      to[at + 2] = table[from[at + 2]];
      to[at + 3] = from[at + 3];
    }
    context.putImageData(shown, 0, 0);
    if (data.synthetic) burnMark(context, pixels.width, pixels.height);
  }

  function redrawSoon() {
    memory.frame ||= requestAnimationFrame(() => {
      memory.frame = 0;
      drawFilm();
    });
  }

  // The film's rectangle inside the stage before zooming: whole, centred, proportions kept.
  function fit() {
    const { clientWidth, clientHeight } = stage;
    const ratio = Math.min(clientWidth / canvas.width, clientHeight / canvas.height);
    const width = canvas.width * ratio;
    const height = canvas.height * ratio;
    return { width, height, left: (clientWidth - width) / 2, top: (clientHeight - height) / 2 };
  }

  function place() {
    const { width, height, left, top } = fit();
    // a zoomed film can be moved until its edge meets the surround's, not out of sight
    const slackX = Math.max(0, (width * view.zoom - stage.clientWidth) / 2);
    const slackY = Math.max(0, (height * view.zoom - stage.clientHeight) / 2);
    view.x = clamp(view.x, -slackX, slackX);
    view.y = clamp(view.y, -slackY, slackY);
    plane.style.width = `${width}px`;
    plane.style.height = `${height}px`;
    const x = left + view.x - (width * (view.zoom - 1)) / 2;
    const y = top + view.y - (height * (view.zoom - 1)) / 2;
    plane.style.transform = `translate(${x}px, ${y}px) scale(${view.zoom})`;
    stage.classList.toggle("zoomed-in", view.zoom > 1);
    $(".zoomed").textContent = view.zoom > 1 ? `${view.zoom.toFixed(1)}×` : "";
  }

  // Zoom about a point, given in CSS pixels from the stage's middle.
  function zoomTo(zoom, x = 0, y = 0) {
    const next = clamp(zoom, 1, LARGEST_ZOOM);
    view.x = x - ((x - view.x) * next) / view.zoom;
    view.y = y - ((y - view.y) * next) / view.zoom;
    view.zoom = next;
    place();
  }

  // The heatmap in sight: the method that was chosen, or the first.
  const chosen = () => data.overlays.find(({ name }) => name === shared.method) ?? data.overlays[0];

  function showOverlay() {
    const one = chosen();
    if (memory.overlay === one?.url) return;
    memory.overlay = one?.url ?? null;
    if (one) overlay.src = one.url;
    else overlay.removeAttribute("src");
  }

  function listMethods() {
    const group = $(".methods");
    group.hidden = data.overlays.length < 2;
    group.replaceChildren(
      ...data.overlays.map(({ name }) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = name;
        button.onclick = () => choose(name);
        return button;
      }),
    );
  }

  function choose(name) {
    shared.method = name;
    memory.on = true;
    showControls();
    say(`${name}, overlay on`);
  }

  function drawGrid() {
    const grid = $(".grid");
    grid.toggleAttribute("hidden", !(memory.grid && data.grid)); // an SVG has no property for it
    if (!data.grid) return;
    const [rows, columns] = data.grid;
    grid.setAttribute("viewBox", `0 0 ${columns} ${rows}`);
    const lines = [];
    for (let x = 1; x < columns; x++) lines.push(`M${x} 0V${rows}`);
    for (let y = 1; y < rows; y++) lines.push(`M0 ${y}H${columns}`);
    $(".grid path").setAttribute("d", lines.join(""));
  }

  function showControls() {
    const has = data.overlays.length > 0;
    showOverlay();
    overlay.hidden = !(has && memory.on);
    overlay.style.opacity = shared.opacity / 100;
    overlay.style.clipPath = memory.swipe < UNSWIPED ? `inset(0 ${UNSWIPED - memory.swipe}% 0 0)` : "";
    const edge = $(".edge");
    edge.hidden = overlay.hidden || memory.swipe === UNSWIPED || memory.swipe === 0;
    edge.style.setProperty("--at", `${memory.swipe}%`);
    drawGrid();
    $(".legend").hidden = overlay.hidden;
    $(".most").textContent = chosen()?.most ?? "";
    for (const button of $(".methods").children) {
      button.setAttribute("aria-pressed", String(memory.on && button.textContent === chosen()?.name));
    }
    $("[data-do=grid]").disabled = !data.grid;
    $("[data-do=grid]").setAttribute("aria-pressed", String(memory.grid && Boolean(data.grid)));
    const button = $("[data-do=overlay]");
    button.disabled = !has;
    button.setAttribute("aria-pressed", String(has && memory.on));
    $("[data-do=invert]").setAttribute("aria-pressed", String(view.invert));
    for (const [name, value] of [["opacity", shared.opacity], ["swipe", memory.swipe], ["window", view.window], ["level", view.level]]) {
      const slider = $(`[data-set=${name}]`);
      slider.value = value;
      slider.setAttribute("aria-valuetext", `${value} %`);
    }
    $("[data-set=opacity]").disabled = $("[data-set=swipe]").disabled = !has || !memory.on;
  }

  const actions = {
    overlay() {
      if (!data.overlays.length) return;
      memory.on = !memory.on;
      showControls();
      say(memory.on ? "Overlay on" : "Overlay off");
    },
    method() {
      if (data.overlays.length < 2) return;
      const at = data.overlays.indexOf(chosen());
      choose(data.overlays[(at + 1) % data.overlays.length].name);
    },
    grid() {
      if (!data.grid) return;
      memory.grid = !memory.grid;
      showControls();
      say(memory.grid ? `Grid on, ${data.grid.join(" by ")}` : "Grid off");
    },
    invert() {
      view.invert = !view.invert;
      showControls();
      redrawSoon();
      say(view.invert ? "Inverted" : "Not inverted");
    },
    in: () => zoomTo(view.zoom * STEP),
    out: () => zoomTo(view.zoom / STEP),
    reset() {
      Object.assign(view, UNTOUCHED);
      memory.on = false;
      memory.grid = false;
      memory.swipe = UNSWIPED;
      showControls();
      place();
      redrawSoon();
      say("Film as at first");
    },
  };

  for (const button of root.querySelectorAll("[data-do]")) button.onclick = actions[button.dataset.do];
  $("[data-set=opacity]").oninput = (event) => {
    shared.opacity = event.target.valueAsNumber;
    showControls();
  };
  $("[data-set=swipe]").oninput = (event) => {
    memory.swipe = event.target.valueAsNumber;
    showControls();
  };
  for (const name of ["window", "level"]) {
    $(`[data-set=${name}]`).oninput = (event) => {
      view[name] = event.target.valueAsNumber;
      showControls();
      redrawSoon();
    };
  }

  const KEYS = { o: "overlay", m: "method", g: "grid", i: "invert", "+": "in", "=": "in", "-": "out", "−": "out", 0: "reset" };
  const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  $(".viewer").onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const name = KEYS[event.key.toLowerCase()];
    const arrow = event.target === stage && view.zoom > 1 && ARROWS[event.key];
    if (!name && !arrow) return;
    if (name) actions[name]();
    if (arrow) {
      view.x += 40 * arrow[0];
      view.y += 40 * arrow[1];
      place();
    }
    event.preventDefault();
    event.stopPropagation();
  };

  stage.onwheel = (event) => {
    const zoomingOut = event.deltaY > 0;
    if (event.deltaY === 0 || (zoomingOut && view.zoom === 1)) return; // the page scrolls on
    event.preventDefault();
    zoomTo(view.zoom * (zoomingOut ? 1 / STEP : STEP), ...fromMiddle({ x: event.clientX, y: event.clientY }));
  };
  // One pointer drags a zoomed film, two pinch it.
  const { pointers } = memory;
  const fromMiddle = ({ x, y }) => {
    const stageBox = stage.getBoundingClientRect();
    return [x - stageBox.left - stageBox.width / 2, y - stageBox.top - stageBox.height / 2];
  };
  const pinch = () => {
    const [one, two] = [...pointers.values()];
    const middle = { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 };
    return { spread: Math.max(1, Math.hypot(one.x - two.x, one.y - two.y)), middle };
  };
  stage.onpointerdown = (event) => {
    if (event.button !== 0 || pointers.size === 2) return;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (view.zoom === 1 && pointers.size === 1) return; // nothing to drag; a second finger may follow
    stage.setPointerCapture(event.pointerId);
    stage.classList.add("dragging");
  };
  stage.onpointermove = (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const now = { x: event.clientX, y: event.clientY };
    if (pointers.size === 2) {
      const before = pinch();
      pointers.set(event.pointerId, now);
      const after = pinch();
      view.x += after.middle.x - before.middle.x;
      view.y += after.middle.y - before.middle.y;
      zoomTo((view.zoom * after.spread) / before.spread, ...fromMiddle(after.middle));
    } else {
      pointers.set(event.pointerId, now);
      view.x += now.x - last.x;
      view.y += now.y - last.y;
      place();
    }
  };
  stage.onpointerup = stage.onpointercancel = stage.onpointerleave = (event) => {
    pointers.delete(event.pointerId);
    stage.classList.toggle("dragging", pointers.size > 0 && view.zoom > 1);
  };

  async function showFilm() {
    const id = data.film_id;
    if (memory.film === id) return drawFilm();
    memory.film = id;
    memory.pixels = null;
    memory.on = false;
    memory.grid = false;
    memory.swipe = UNSWIPED;
    Object.assign(view, UNTOUCHED);
    stage.setAttribute("aria-busy", "true");
    try {
      const image = await load(data.film);
      if (memory.film !== id) return; // another film came meanwhile
      canvas.width = image.naturalWidth;
      canvas.height = image.naturalHeight;
      stage.style.setProperty("--ratio", canvas.height / canvas.width);
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(image, 0, 0);
      memory.pixels = context.getImageData(0, 0, canvas.width, canvas.height);
      $(".failed").hidden = true;
    } catch {
      $(".failed").hidden = false;
    }
    drawFilm();
    place();
    stage.removeAttribute("aria-busy");
  }

  stage.style.setProperty("--height", `${data.height}px`);
  stage.setAttribute("aria-label", data.synthetic ? `${data.caption} (synthetic)` : data.caption);
  $(".caption").textContent = data.caption;
  $(".mark").hidden = !data.synthetic;
  $(".bar").hidden = data.scale.length < 2;
  $(".bar").style.background = data.scale.length < 2 ? "" : `linear-gradient(to right, ${data.scale.join(", ")})`;
  listMethods();
  memory.place = place;
  memory.watcher ??= new ResizeObserver(() => memory.place());
  memory.watcher.observe(stage);
  showFilm();
  showControls();

  return () => {
    memory.watcher.disconnect();
    cancelAnimationFrame(memory.frame);
    MEMORY.delete(root);
  };
}
