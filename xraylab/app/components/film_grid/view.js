// Streamlit calls the function on mount and again on every change of data or theme; the list is then built anew, and
// the film that had the focus keeps it.

// Films as rows see them: as many a row as have the same place from above.
function columns(buttons) {
  const top = buttons[0]?.parentElement.offsetTop;
  const first = buttons.findIndex((button) => button.parentElement.offsetTop !== top);
  return first < 0 ? buttons.length : first;
}

function step(key, buttons) {
  const row = columns(buttons);
  return { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row }[key];
}

export default function filmGrid({ data, parentElement: root, setTriggerValue }) {
  const list = root.querySelector(".films");
  const template = root.querySelector("template");
  const focused = list.querySelector("button:focus")?.dataset.key;
  list.setAttribute("aria-label", data.label);
  list.classList.toggle("large", data.large);
  list.replaceChildren(
    ...data.films.map((film) => {
      const item = template.content.cloneNode(true);
      const button = item.querySelector("button");
      const title = item.querySelector(".title");
      button.dataset.key = film.key;
      button.title = film.name;
      button.onclick = () => setTriggerValue("chosen", film.key);
      item.querySelector("img").src = film.url;
      item.querySelector("img").style.aspectRatio = String(film.ratio);
      title.textContent = film.title;
      if (film.label !== null) title.dataset.label = film.label;
      item.querySelector(".name").textContent = film.name;
      return item;
    }),
  );
  const buttons = [...list.querySelectorAll("button")];
  buttons.find((button) => button.dataset.key === focused)?.focus();
  list.onkeydown = (event) => {
    const by = step(event.key, buttons);
    const next = by && buttons[buttons.indexOf(event.target.closest("button")) + by];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };
}
