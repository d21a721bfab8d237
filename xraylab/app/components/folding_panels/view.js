// Fold the panels beside a film. The page itself is told, not the panels: Streamlit draws them anew.
const STORE = "xraylab-folded";
const KEY_OF = { left: "[", right: "]" };
const MEMORY = new WeakMap();

function kept() {
  try {
    return sessionStorage.getItem(STORE) ?? "";
  } catch {
    return ""; // a browser may forbid its storage
  }
}

function keep(sides) {
  try {
    sessionStorage.setItem(STORE, sides);
  } catch {
    return; // what is folded is forgotten by a reload
  }
}

export default function foldingPanels({ data, parentElement: root }) {
  const page = document.documentElement;
  page.dataset.xlFolded ??= kept();
  const folded = () => new Set(page.dataset.xlFolded.split(" ").filter(Boolean));

  function show() {
    for (const button of root.querySelectorAll("button")) {
      const { side } = button.dataset;
      const hidden = folded().has(side);
      button.setAttribute("aria-expanded", String(!hidden));
      button.title = `${hidden ? "Show" : "Fold"} the ${data[side]} (${KEY_OF[side]})`;
      button.setAttribute("aria-label", button.title);
      button.onclick = () => toggle(side);
    }
  }

  function toggle(side) {
    const sides = folded();
    if (!sides.delete(side)) sides.add(side);
    page.dataset.xlFolded = [...sides].join(" ");
    keep(page.dataset.xlFolded);
    show();
  }

  const onKey = (event) => {
    const side = Object.keys(KEY_OF).find((one) => KEY_OF[one] === event.key);
    // Many keyboards write brackets with AltGr, which counts as Ctrl and Alt.
    if (!side || event.defaultPrevented || event.metaKey || (event.ctrlKey && !event.altKey)) return;
    if (!pageKeys() || isTyping(event.composedPath()[0])) return;
    toggle(side);
    event.preventDefault();
  };
  document.removeEventListener("keydown", MEMORY.get(root));
  document.addEventListener("keydown", onKey);
  MEMORY.set(root, onKey);
  show();
  return () => {
    document.removeEventListener("keydown", MEMORY.get(root));
    MEMORY.delete(root);
  };
}
