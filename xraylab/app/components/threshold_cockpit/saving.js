// Saving a figure as the screen shows it, as SVG or PNG; and copying the link to the view.

const LOOKS = [
  "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "font-size", "text-anchor",
  "visibility",
];
const SVG = "http://www.w3.org/2000/svg";
const SHARP = 3; // pixels of a PNG per unit of the drawing
const HEAD = 44, FOOT = 26, MARGIN = 14;
const NOTICE = "Research and teaching. Not a medical device.";

// A figure with its title above and the notice below, in one coordinate system.
function figureOf(view, name, title) {
  const drawn = name === "scores" ? scores(view) : standing(view.find(`[data-curve=${name}] svg`));
  const { width, height, shapes } = drawn, style = getComputedStyle(view.section);
  const svg = node("svg", {
    xmlns: SVG, width: width + 2 * MARGIN, height: height + HEAD + FOOT, "font-family": "sans-serif",
    viewBox: `0 0 ${width + 2 * MARGIN} ${height + HEAD + FOOT}`,
  });
  const text = (y, size, words) => node("text", { x: MARGIN, y, "font-size": size, fill: style.color }, words);
  const body = node("g", { transform: `translate(${MARGIN} ${HEAD})` });
  body.append(...shapes);
  svg.append(
    node("title", {}, title), node("rect", { width: "100%", height: "100%", fill: style.backgroundColor }),
    text(24, 13, title), body, text(height + HEAD + 18, 9, NOTICE),
  );
  return svg;
}

function node(kind, attributes, words = "") {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = words;
  return made;
}

// A copy of a drawing with its styles as attributes, because the page's style sheet doesn't go with the file.
function standing(svg) {
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const copy = svg.cloneNode(true);
  const originals = svg.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((part, i) => {
    const style = getComputedStyle(originals[i]);
    for (const look of LOOKS) part.setAttribute(look, style.getPropertyValue(look));
    part.removeAttribute("class");
  });
  return { width, height, shapes: [...copy.childNodes] };
}

const LEFT = 96, FALL = 200; // room for the classes' names beside the films, and the height of the films
const AXIS_TITLES = { score: "Score", rank: "Score; the films stand in the order of their scores" };

// The two populations with the cut, put together from the separate parts on the screen.
function scores(view) {
  const width = 1000, height = 246;
  const style = (selector) => getComputedStyle(view.find(selector)), muted = style(".ticks").color;
  const at = (name) => width * Number(view.plot.style.getPropertyValue(name));
  const [from, cut] = [at("--from"), at("--cut")];
  const colours = coloursOf(view);
  const films = (name, colour, opacity, [left, right]) => {
    const wide = Math.max(0.01, right - left), path = view.find(`[data-bars=${name}]`);
    const part = node("svg", { x: LEFT + left, width: wide, height: FALL, viewBox: `${left} 0 ${wide} ${FALL}` });
    const look = path.hasAttribute("data-dots")
      ? { fill: "none", stroke: colour, "stroke-width": DOT_PX, "stroke-linecap": "round" }
      : { fill: colour };
    part.append(node("path", { d: path.getAttribute("d"), opacity, ...look }));
    return part;
  };
  const words = (x, y, text, fill = muted, more = {}) => node("text", { x, y, "font-size": 11, fill, ...more }, text);
  const centred = { "text-anchor": "middle" };
  const ticks = [...view.ticks.children].flatMap((tick) => {
    const x = LEFT + (width * parseFloat(tick.style.left)) / 100;
    return [node("path", { d: `M${x} ${FALL}V${FALL + 5}`, stroke: muted }), words(x, FALL + 17, tick.textContent, muted, centred)];
  });
  const line = (x, dash) =>
    node("path", { d: `M${LEFT + x} 0V${FALL + 4}`, stroke: muted, "stroke-width": 2, "stroke-dasharray": dash });
  const names = ["absent", "present"].flatMap((name, i) => {
    const [label, counted] = view.find(`.class.${name}`).children, y = FALL / 2 + (i ? 22 : -22);
    return [words(0, y, label.textContent, getComputedStyle(label).color, { "font-weight": 600 }), words(0, y + 14, counted.textContent)];
  });
  return { width: width + LEFT, height, shapes: [
    ...names,
    films("absent", colours.absent, 0.55, [0, cut]), films("absent", colours.alarm, 1, [cut, width]),
    films("present", colours.missed, 1, [0, from]), films("present", colours.present, 0.55, [from, width]),
    node("path", { d: `M${LEFT} ${FALL / 2}H${LEFT + width}`, stroke: muted, "stroke-width": 0.5 }),
    line(cut, "none"), ...(from < cut ? [line(from, "5 4")] : []), ...ticks,
    words(LEFT + width / 2, FALL + 36, AXIS_TITLES[view.scale.name], muted, centred),
  ] };
}

// The colours of the theme, which the style sheet has under names; the browser resolves them to rgb().
function coloursOf(view) {
  const probe = view.section.appendChild(document.createElement("i"));
  const colours = Object.fromEntries(["absent", "present", "missed", "alarm"].map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  }));
  probe.remove();
  return colours;
}

// Copy the address of the page, which Python keeps equal to the view. Browsers allow that over https and on the
// same machine only, and a user can forbid it; the address is then shown and selected, to be copied by hand.
async function copyLink(view) {
  let copied = true;
  try {
    await navigator.clipboard.writeText(location.href); // without permission the clipboard is missing or rejects
  } catch {
    copied = false;
  }
  view.address.value = location.href;
  view.address.hidden = copied;
  if (!copied) {
    view.address.focus();
    view.address.select();
  }
  const message = copied ? "Copied" : "Press Ctrl + C to copy";
  view.put("copied", message);
  view.spoken.textContent = message;
}

async function save(view, name, kind, title) {
  const svg = figureOf(view, name, title);
  let file = new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" });
  if (kind === "png") file = await asPng(file, svg);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `${title.toLowerCase().replace(/[^a-z0-9.]+/g, "-").replace(/^-|-$/g, "")}.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function asPng(file, svg) {
  return new Promise((resolve, reject) => {
    const picture = new Image(), url = URL.createObjectURL(file);
    picture.onerror = reject;
    picture.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = SHARP * Number(svg.getAttribute("width"));
      canvas.height = SHARP * Number(svg.getAttribute("height"));
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      URL.revokeObjectURL(url);
      canvas.toBlob((made) => (made ? resolve(made) : reject(new Error("the figure could not be drawn"))));
    };
    picture.src = url;
  });
}
