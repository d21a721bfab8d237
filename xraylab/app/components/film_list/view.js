// Streamlit calls the function on mount and again on every change of data or theme, without a clean-up in between:
// handlers are assigned, and what must last is kept in MEMORY. Texts are set with textContent: names come from users.
const MEMORY = new WeakMap();
// The list of the page, for the viewers, which step through it. Each part of the page is a module of its own.
const FILMS = Symbol.for("xraylab films");
const VIEWERS = Symbol.for("xraylab film viewers");

const byScore = (up) => (first, second) => {
  if (first.score === null || second.score === null) return Number(first.score === null) - Number(second.score === null);
  return up ? first.score - second.score : second.score - first.score;
};
const ORDERS = {
  down: byScore(false),
  up: byScore(true),
  name: (first, second) => first.name.localeCompare(second.name, undefined, { numeric: true }),
};

export default function filmList({ data, parentElement: root, setTriggerValue }) {
  const find = (selector) => root.querySelector(selector);
  const memory = MEMORY.get(root) ?? { revision: null, chosen: null, filter: "", sort: "", rows: new Map(), waits: 0 };
  MEMORY.set(root, memory);
  const list = find(".films");
  const template = find("template");
  if (memory.revision !== data.revision) memory.chosen = data.chosen;
  memory.revision = data.revision;
  if (!data.films.some((film) => film.key === memory.chosen)) memory.chosen = data.chosen;
  if (!data.scored && ["up", "down"].includes(memory.sort)) memory.sort = "";
  list.setAttribute("aria-label", data.label);
  list.classList.toggle("marked", data.read);

  const inGroup = (film, group) => (group === "uncalled" ? !film.called : film.mark === group);

  function groups() {
    const offered = [["", "all"], ...data.marks, ...(data.read ? [["uncalled", "no call yet"]] : [])];
    const counted = offered
      .map(([group, words]) => [group, words, data.films.filter((film) => group === "" || inGroup(film, group)).length])
      .filter(([group, , films]) => group === "" || films > 0 || group === memory.filter);
    find(".filter").replaceChildren(
      ...counted.map(([group, words, films]) => {
        const option = document.createElement("option");
        option.value = group;
        option.textContent = `${words} (${films})`;
        return option;
      }),
    );
    find(".filter").value = memory.filter;
    find('.sort [value=""]').textContent = data.order;
    find(".sort").value = memory.sort;
    for (const option of find(".sort").options) {
      option.hidden = option.disabled = !data.scored && ["up", "down"].includes(option.value);
    }
  }

  function row(film) {
    let made = memory.rows.get(film.key);
    if (!made) {
      made = template.content.cloneNode(true).querySelector(".film");
      memory.rows.set(film.key, made);
    }
    const chosen = film.key === memory.chosen;
    const put = (selector, text) => {
      const part = made.querySelector(selector);
      if (part.textContent !== text) part.textContent = text;
    };
    const image = made.querySelector("img");
    if (film.url && image.src !== film.url) image.src = film.url;
    put(".title", film.title);
    put(".detail", film.detail);
    put(".name", film.name);
    made.dataset.mark = film.mark;
    made.classList.toggle("called", film.called);
    made.toggleAttribute("data-beside", film.key === data.beside);
    const choose = made.querySelector(".choose");
    choose.title = film.name;
    choose.setAttribute("aria-label", [film.title, film.detail, film.name].filter(Boolean).join(" · "));
    choose.setAttribute("aria-checked", String(chosen));
    choose.tabIndex = chosen ? 0 : -1;
    choose.onclick = () => take(film.key);
    const side = made.querySelector(".side");
    side.textContent = film.key === data.beside ? "End" : "Beside";
    side.hidden = !data.read;
    side.tabIndex = -1;
    side.onclick = () => setTriggerValue("beside", film.key === data.beside ? "" : film.key);
    return made;
  }

  // The chosen film stays in the list, also if it has left the group that is shown: the keys go on from there.
  const listed = () => {
    const films = data.films.filter(
      (film) => memory.filter === "" || inGroup(film, memory.filter) || film.key === memory.chosen,
    );
    return memory.sort ? films.sort(ORDERS[memory.sort]) : films;
  };

  function show() {
    groups();
    memory.films = listed();
    const rows = memory.films.map(row);
    const there = [...list.children];
    if (rows.length !== there.length || rows.some((made, at) => made !== there[at])) list.replaceChildren(...rows);
    find(".none").hidden = memory.films.some((film) => memory.filter === "" || inGroup(film, memory.filter));
    const other = data.films.find((film) => film.key === data.beside);
    find(".compared").hidden = !other;
    find(".compared span").textContent = other ? `Beside: ${other.name}` : "";
    find(".compared button").onclick = () => setTriggerValue("beside", "");
    find(".head").hidden = data.films.length < 2;
    if (memory.seen !== memory.chosen) scroll();
    memory.seen = memory.chosen;
    tell();
  }

  function scroll() {
    const made = memory.rows.get(memory.chosen);
    if (!made?.isConnected) return;
    // Within the list alone: the page stays where it is.
    requestAnimationFrame(() => {
      const [row, seen] = [made.getBoundingClientRect(), list.getBoundingClientRect()];
      list.scrollTop += Math.min(0, row.top - seen.top) + Math.max(0, row.bottom - seen.bottom);
      list.scrollLeft += Math.min(0, row.left - seen.left) + Math.max(0, row.right - seen.right);
    });
  }

  function take(key, focus = false) {
    memory.chosen = key;
    show();
    if (focus) memory.rows.get(key).querySelector(".choose").focus({ preventScroll: true });
    setTriggerValue("chosen", key);
  }

  const at = () => memory.films.findIndex((film) => film.key === memory.chosen);
  const step = (by, focus = false) => {
    const next = memory.films[at() + by];
    if (next) take(next.key, focus);
  };

  // What the viewers ask: the place of the film, and a step. They listen for the event.
  function tell() {
    globalThis[FILMS] = { at: at(), of: memory.films.length, step };
    document.dispatchEvent(new CustomEvent("xraylab-films"));
  }

  find(".filter").onchange = (event) => {
    memory.filter = event.target.value;
    show();
    event.target.blur(); // the keys of the page work again
  };
  find(".sort").onchange = (event) => {
    memory.sort = event.target.value;
    show();
    event.target.blur();
  };
  list.onkeydown = (event) => {
    const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    step(by, true);
  };
  // A film that can't be read has no viewer; the keys step on all the same.
  memory.key = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { j: 1, k: -1 }[event.key.toLowerCase()];
    if (!by) return;
    const path = event.composedPath();
    const here = path.includes(root) && !isTyping(path[0]);
    if (!here && (globalThis[VIEWERS]?.mounted.size || !pageKeys() || isTyping(path[0]))) return;
    event.preventDefault();
    step(by);
  };
  if (!memory.listener) {
    memory.listener = (event) => memory.key(event);
    document.addEventListener("keydown", memory.listener);
  }

  for (const key of memory.rows.keys()) if (!data.films.some((film) => film.key === key)) memory.rows.delete(key);
  show();
  return () => {
    document.removeEventListener("keydown", memory.listener);
    MEMORY.delete(root);
    delete globalThis[FILMS];
    document.dispatchEvent(new CustomEvent("xraylab-films"));
  };
}
