// The head of a panel that lies over a part of a component.
const MEMORY = new WeakMap();
const WIDE = matchMedia("(min-width: 1000px)"); // below it the covered part stands in the flow, under the rest
const TRIES = 200; // frames until the component must be there
const MARGIN = 12; // CSS pixels between panel and window
const LEAST = 280, MOST = 1024; // height of a panel that fits the window, in CSS pixels
const USUAL = 432; // of one that doesn't fit

// The components' insides are behind shadow roots, where a selector of the page doesn't reach.
function inside(ground, selector) {
  for (const host of ground.querySelectorAll("*")) {
    const part = host.shadowRoot?.querySelector(selector);
    if (part) return part;
  }
  return null;
}

export default function laidOver({ data, parentElement: root, setTriggerValue }) {
  const find = (selector) => root.querySelector(selector);
  const memory = MEMORY.get(root) ?? { number: null, observer: null, covered: null };
  MEMORY.set(root, memory);
  const here = root.host ?? root;
  const panel = here.closest(`.st-key-${data.panel}`), ground = here.closest(`.st-key-${data.ground}`);
  find(".title").textContent = data.title;
  find(".detail").textContent = find("p").title = data.detail;
  if (data.detail) find("p").title = `${data.title}: ${data.detail}`;

  const isShut = () => panel.style.display === "none";
  if (memory.number === null || (isShut() && memory.number !== data.number)) {
    panel.style.removeProperty("display"); // drawn again, so it is open again
    const focused = document.activeElement;
    memory.opener = focused?.shadowRoot?.activeElement ?? focused; // the focus goes back there
  }
  memory.number = data.number;

  const uncover = () => {
    memory.observer?.disconnect();
    if (!memory.covered) return;
    memory.covered.inert = false;
    memory.covered.style.removeProperty("visibility");
    memory.covered.style.removeProperty("min-height");
    memory.covered = null;
  };

  function place() {
    const { covered } = memory;
    const around = ground.getBoundingClientRect(), rectangle = covered.getBoundingClientRect();
    const put = (name, value) => ground.style.setProperty(`--${name}`, `${Math.round(value)}px`);
    put("over-left", rectangle.left - around.left);
    put("over-top", rectangle.top - around.top);
    put("over-width", rectangle.width);
    // As far down as the window reaches, so that all of it is seen without scrolling.
    memory.left ??= innerHeight - rectangle.top - MARGIN;
    memory.fits = memory.left >= LEAST;
    put("over-height", memory.fits ? Math.min(memory.left, MOST) : Math.max(rectangle.height, USUAL));
    // In the flow nothing may be covered that stands under the part.
    if (WIDE.matches) covered.style.removeProperty("min-height");
    else covered.style.minHeight = `${Math.ceil(panel.getBoundingClientRect().height)}px`;
  }

  function cover(tries = TRIES) {
    if (isShut()) return;
    const part = inside(ground, data.over);
    if (!part) {
      if (tries > 0 && here.isConnected) requestAnimationFrame(() => cover(tries - 1));
      return;
    }
    if (part === memory.covered) return;
    uncover();
    memory.covered = part;
    part.inert = true;
    part.style.visibility = "hidden"; // it would look out under a panel that is lower
    memory.observer = new ResizeObserver(place);
    for (const one of [part, ground, panel]) memory.observer.observe(one);
    place();
    panel.classList.add("laid");
    if (!memory.fits || !WIDE.matches) panel.scrollIntoView({ block: "nearest" });
  }

  // It closes here and at once: the answer takes a moment.
  const close = () => {
    const cell = memory.opener;
    panel.style.display = "none";
    uncover();
    setTriggerValue("closed", true);
    if (cell?.isConnected) cell.focus({ preventScroll: true });
  };
  find(".close").onclick = close;
  memory.key = (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.fullscreenElement || isShut()) return;
    if (document.querySelector('[role="dialog"], [data-baseweb="popover"]')) return;
    close();
  };
  if (!memory.listener) {
    memory.listener = (event) => memory.key(event);
    addEventListener("keydown", memory.listener); // after the page's own listeners
    memory.resized = () => {
      memory.left = null;
      if (memory.covered) place();
    };
    addEventListener("resize", memory.resized);
  }
  cover();
  return () => {
    removeEventListener("keydown", memory.listener);
    removeEventListener("resize", memory.resized);
    uncover();
    MEMORY.delete(root);
  };
}
