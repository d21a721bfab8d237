// Streamlit calls the function on mount and again on every change of data or theme, without a clean-up in between:
// handlers are assigned, not added, and the state of an instance is kept in MEMORY.
const MEMORY = new WeakMap();
// Shared by all viewers of the page, each of which may have loaded its own copy of this file: the mounted ones.
const PAGE = (globalThis[Symbol.for("xraylab film viewers")] ??= { mounted: new Set() });
const FILMS = Symbol.for("xraylab films"); // the page's list of films, if it has one
const FILTERS = ["grey", "grey-beside"];

const newMemory = () => ({
  ...{ panes: [newPane()], linked: true, active: 0, open: false },
  ...{ view: { ...UNTOUCHED }, asked: { ...UNASKED } }, // of linked films
  tools: { measuring: false, magnifying: false, centred: false },
});

function leave(memory) {
  document.removeEventListener("keydown", memory.listener);
  document.removeEventListener("pointerdown", memory.pressed, true);
  if (!PAGE.mounted.size) document.removeEventListener("click", freeKeys, true);
}

// A box that an entry was picked from with the pointer keeps the focus, and would take the viewer's keys as typed text.
function freeKeys(event) {
  if (!(event.target instanceof Element && event.target.closest("[role=option]"))) return;
  if (!pageKeys() || PAGE.mounted.size > 1) return;
  let looks = 30; // frames until the list has closed
  const look = () => {
    const box = document.activeElement;
    if (!box?.closest("[data-testid=stSelectbox]") || box.closest("[role=dialog]") || (looks -= 1) < 0) return;
    if (box.getAttribute("aria-expanded") === "true") requestAnimationFrame(look);
    else box.blur();
  };
  requestAnimationFrame(look);
}

export default function ({ parentElement: root, data }) {
  const $ = (selector) => root.querySelector(selector);
  const memory = MEMORY.get(root) ?? newMemory();
  MEMORY.set(root, memory);
  PAGE.mounted.add(memory);
  const { tools } = memory;
  const viewer = $(".viewer");
  const status = $(".viewer > [role=status]");
  const say = (text) => {
    status.textContent = text;
  };

  const both = data.panes.length > 1;
  const host = {
    ...{ root, tools, say, showControls, showGreys, place, activate, sized, scale: data.scale, panes: [] },
    // Linked films have one view and ask for one heatmap; the others have their own.
    settings: (one) => (memory.linked || !both ? memory : one.memory),
    filter: (one) => FILTERS[host.panes.indexOf(one)],
  };
  host.panes.push(...elements().map((element, at) => pane(element, memory.panes[at], data.panes[at], host)));
  const active = () => host.panes[memory.active] ?? host.panes[0];
  const settings = () => host.settings(active());
  // The films that a button changes.
  const changed = () => (memory.linked ? host.panes : [active()]);
  const hasHeatmap = () => changed().some(({ film }) => film.overlays.length);

  // A place for each film; the second one is made like the first.
  function elements() {
    const stages = $(".stages");
    while (stages.children.length < data.panes.length) {
      const copy = stages.firstElementChild.cloneNode(true);
      copy.querySelectorAll(".overlay, .lines, .lens-plane").forEach((part) => part.replaceChildren());
      stages.append(copy);
      memory.panes[stages.children.length - 1] = newPane();
    }
    while (stages.children.length > data.panes.length) stages.lastElementChild.remove();
    memory.panes.length = data.panes.length;
    if (memory.active >= data.panes.length) memory.active = 0;
    return [...stages.children];
  }

  function activate(one) {
    const at = host.panes.indexOf(one);
    if (at < 0 || at === memory.active) return;
    memory.active = at;
    if (both) showControls();
  }

  function place() {
    for (const one of memory.linked ? host.panes.slice(0, 1) : host.panes) {
      const { view } = host.settings(one);
      const slacks = (memory.linked ? host.panes : [one]).map(({ slack }) => slack());
      const [x, y] = [0, 1].map((axis) => Math.max(...slacks.map((slack) => slack[axis] || 0)));
      view.x = clamp(view.x, -x, x);
      view.y = clamp(view.y, -y, y);
    }
    for (const one of host.panes) one.place();
  }

  function showSetting(name, value) {
    const slider = $(`[data-set=${name}]`);
    slider.value = value;
    slider.setAttribute("aria-valuetext", `${value} %`);
  }

  function showGreys() {
    for (const one of host.panes) one.showGreys();
    showSetting("window", settings().view.window);
    showSetting("level", settings().view.level);
    for (const one of host.panes) one.placeLens();
  }

  function sized() {
    const sizes = host.panes.map(({ size }) => `${size().join(" × ")} pixels`);
    $(".size").textContent = both ? "" : sizes[0];
  }

  // A button for each method of the films.
  function listMethods() {
    for (const one of host.panes) one.listMethods();
    const names = [...new Set(data.panes.flatMap(({ overlays }) => overlays.map(({ name }) => name)))];
    if (memory.names === names.join()) return;
    memory.names = names.join();
    $(".methods").replaceChildren(
      ...names.map((name) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = name;
        return button;
      }),
    );
  }

  function choose(name) {
    shared.method = name;
    settings().asked.on = true;
    showControls();
    say(`${name}, overlay on`);
  }

  function press(name, pressed, possible = true) {
    const button = $(`[data-do=${name}]`);
    button.disabled = !possible;
    button.setAttribute("aria-pressed", String(pressed && possible));
  }

  function showControls() {
    for (const one of host.panes) {
      one.show();
      one.stage.classList.toggle("active", both && !memory.linked && one === active());
    }
    const { view, asked } = settings();
    const has = hasHeatmap();
    const shown = active().chosen()?.name ?? host.panes.map(({ chosen }) => chosen()?.name).find(Boolean);
    $(".methods").hidden = $(".methods").children.length < 2;
    for (const button of $(".methods").children) {
      button.setAttribute("aria-pressed", String(asked.on && button.textContent === shown));
      button.onclick = () => choose(button.textContent);
    }
    const gridded = changed().some(({ film }) => film.grid);
    press("overlay", asked.on, has);
    press("swipe", asked.on && asked.swiping, has);
    press("grid", asked.grid, gridded);
    press("invert", view.invert);
    press("measure", tools.measuring);
    press("magnify", tools.magnifying);
    press("linked", memory.linked);
    press("full", isFull());
    $("[data-do=linked]").hidden = !both;
    $("[data-do=clear]").disabled = !host.panes.some(({ memory }) => memory.lines.length);
    showSetting("opacity", shared.opacity);
    $("[data-set=opacity]").disabled = !(has && asked.on);
    showSetting("window", view.window);
    showSetting("level", view.level);
    place();
  }

  // The less used controls, which open over the film if the viewer fills its place.
  function showMore(open, { focus = false } = {}) {
    memory.open = open && data.fill;
    $(".more").hidden = data.fill && !memory.open;
    $("[data-do=more]").setAttribute("aria-expanded", String(memory.open));
    if (focus) $("[data-do=more]").focus();
  }

  // The page's list of films: its place, and a step in it. See the component film_list.
  const films = () => (data.films ? globalThis[FILMS] : undefined);

  function step(by) {
    films()?.step(by);
  }

  function countFilms() {
    const { at, of } = films() ?? { at: 0, of: 0 };
    const place = `${at + 1} of ${of}`;
    $(".films").hidden = $(".stepping").hidden = of < 2;
    if ($(".place").textContent !== place) $(".place").textContent = place;
    $("[data-do=previous]").disabled = at <= 0;
    $("[data-do=next]").disabled = at === of - 1;
  }

  const isFull = () => Boolean(viewer.getRootNode().fullscreenElement);

  function use(tool, name) {
    tools[tool] = !tools[tool];
    showControls();
    say(`${name} ${tools[tool] ? "on" : "off"}`);
  }

  const actions = {
    overlay() {
      if (!hasHeatmap()) return;
      const { asked } = settings();
      asked.on = !asked.on;
      showControls();
      say(asked.on ? "Overlay on" : "Overlay off");
    },
    swipe() {
      if (!hasHeatmap()) return;
      const { asked } = settings();
      asked.swiping = !(asked.on && asked.swiping);
      asked.on = true;
      showControls();
      say(asked.swiping ? "Swipe on" : "Swipe off");
    },
    method() {
      const buttons = [...$(".methods").children];
      if (buttons.length < 2) return;
      const at = buttons.findIndex(({ textContent }) => textContent === active().chosen()?.name);
      choose(buttons[(at + 1) % buttons.length].textContent);
    },
    grid() {
      const grid = changed().find(({ film }) => film.grid)?.film.grid;
      if (!grid) return;
      const { asked } = settings();
      asked.grid = !asked.grid;
      showControls();
      say(asked.grid ? `Grid on, ${grid.join(" by ")}` : "Grid off");
    },
    invert() {
      const { view } = settings();
      view.invert = !view.invert;
      showControls();
      say(view.invert ? "Inverted" : "Not inverted");
    },
    in: () => active().zoomBy(STEP),
    out: () => active().zoomBy(1 / STEP),
    fit: () => active().zoomTo(1),
    native: () => active().zoomTo(active().native()),
    measure: () => use("measuring", "Measure"),
    magnify() {
      tools.centred = !tools.magnifying && !host.panes.some(({ memory }) => memory.pointer);
      use("magnifying", "Magnify");
    },
    clear() {
      for (const one of host.panes) one.clearLines();
      showControls();
      say("No lines left");
    },
    // The films go on from the view of the one that was used last.
    linked() {
      if (!both) return;
      const from = settings();
      memory.linked = !memory.linked;
      for (const to of memory.linked ? [memory] : memory.panes) {
        if (to === from) continue;
        Object.assign(to.view, from.view);
        Object.assign(to.asked, from.asked);
      }
      showControls();
      say(memory.linked ? "Films linked" : "Films not linked");
    },
    async full() {
      if (!document.fullscreenEnabled) return;
      await (isFull() ? document.exitFullscreen() : viewer.requestFullscreen());
    },
    reset() {
      for (const one of changed()) {
        Object.assign(host.settings(one).view, UNTOUCHED);
        Object.assign(host.settings(one).asked, UNASKED);
        one.clearLines();
      }
      Object.assign(tools, { measuring: false, magnifying: false, centred: false });
      showControls();
      say("View reset");
    },
    next: () => step(1),
    previous: () => step(-1),
    more: () => showMore(!memory.open),
    help() {
      $(".help").open = !($(".help").open && (memory.open || !data.fill));
      showMore($(".help").open);
    },
  };

  // Take back the last that was begun: a menu, a line, a tool.
  function takeBack(key) {
    const lined = [active(), ...host.panes].find(({ memory }) => memory.lines.length);
    if (key === "Escape" && memory.open) showMore(false, { focus: true });
    else if (lined) lined.removeLine();
    else if (key === "Escape" && tools.measuring) actions.measure();
    else if (key === "Escape" && tools.magnifying) actions.magnify();
    else return false;
    return true;
  }

  for (const button of root.querySelectorAll("[data-do]")) button.onclick = actions[button.dataset.do];
  $("[data-do=full]").hidden = !document.fullscreenEnabled;
  viewer.onfullscreenchange = showControls;
  $("[data-set=opacity]").oninput = (event) => {
    shared.opacity = event.target.valueAsNumber;
    showControls();
  };
  for (const name of ["window", "level"]) {
    $(`[data-set=${name}]`).oninput = (event) => {
      settings().view[name] = event.target.valueAsNumber;
      showGreys();
    };
  }
  $("[data-keep=page-keys]").checked = pageKeys();
  $("[data-keep=page-keys]").onchange = (event) => pageKeys(event.target.checked);

  const KEYS = {
    ...{ o: "overlay", s: "swipe", m: "method", g: "grid", i: "invert", "+": "in", "=": "in", "-": "out", "−": "out" },
    ...{ 0: "fit", 1: "native", d: "measure", z: "magnify", l: "linked", v: "more", f: "full" },
    ...{ j: "next", k: "previous", "?": "help" },
  };
  const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const BACK = ["Escape", "Backspace"];
  // Keys in this viewer, and on the whole page if this is its only viewer and the user isn't typing.
  memory.key = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const path = event.composedPath();
    if (!path.includes(root) && (PAGE.mounted.size > 1 || !pageKeys() || isTyping(path[0]))) return;
    if (BACK.includes(event.key)) return void (takeBack(event.key) && event.preventDefault());
    const name = KEYS[event.key.toLowerCase()];
    const stage = host.panes.find(({ stage }) => path[0] === stage);
    const arrow = stage && settings().view.zoom > 1 && ARROWS[event.key];
    if (!name && !arrow) return;
    if (name) actions[name]();
    if (arrow) stage.moveBy(40 * arrow[0], 40 * arrow[1]);
    event.preventDefault();
  };
  // A click outside of the menu closes it.
  memory.press = (event) => {
    const inside = event.composedPath().some((part) => part === $(".more") || part === $("[data-do=more]"));
    if (memory.open && !inside) showMore(false);
  };
  if (!memory.listener) {
    memory.listener = (event) => memory.key(event);
    memory.pressed = (event) => memory.press(event);
    document.addEventListener("keydown", memory.listener);
    document.addEventListener("pointerdown", memory.pressed, true);
    document.addEventListener("click", freeKeys, true);
  }

  viewer.classList.toggle("fill", data.fill);
  viewer.classList.toggle("slim", data.slim);
  viewer.classList.toggle("beside", both);
  $(".opening").hidden = !data.fill;
  $(".linking").hidden = !both;
  $(".folding").hidden = !data.folds;
  viewer.style.setProperty("--height", `${data.height}px`);
  $(".words .caption").textContent = $(".words .caption").title = both ? "" : data.panes[0].caption;
  for (const one of host.panes) one.describe();
  listMethods();
  countFilms();
  sized();
  memory.place = place;
  memory.watcher ??= new ResizeObserver(() => memory.place());
  for (const one of host.panes) memory.watcher.observe(one.stage);
  // The list may come after this viewer, and change without it.
  memory.countFilms = countFilms;
  memory.listed ??= () => memory.countFilms();
  document.addEventListener("xraylab-films", memory.listed); // the same listener again changes nothing
  for (const one of host.panes) one.showFilm();
  showMore(memory.open);
  showControls();

  return () => {
    memory.watcher.disconnect();
    document.removeEventListener("xraylab-films", memory.listed);
    PAGE.mounted.delete(memory);
    leave(memory);
    MEMORY.delete(root);
  };
}
