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

// The two populations with the cut, put together from the separate parts on the screen.
function scores(view) {
  const width = 1000, height = 230;
  const colour = (selector) => getComputedStyle(view.find(selector)).fill;
  const at = (name) => width * Number(view.plot.style.getPropertyValue(name));
  const [from, cut] = [at("--from"), at("--cut")];
  const bars = (name, fill, opacity, [left, right]) => {
    const part = node("svg", { x: left, width: Math.max(0, right - left), height: 200, viewBox: `${left} 0 ${Math.max(0.01, right - left)} 200` });
    part.append(node("path", { d: view.find(`[data-bars=${name}]`).getAttribute("d"), fill, opacity }));
    return part;
  };
  const muted = getComputedStyle(view.ticks).color;
  const ticks = [...view.ticks.children].map((tick) =>
    node("text", { x: width * parseFloat(tick.style.left) / 100, y: 220, "font-size": 11, "text-anchor": "middle", fill: muted }, tick.textContent));
  const line = (x, dash) => node("path", { d: `M${x} 0V205`, stroke: muted, "stroke-width": 2, "stroke-dasharray": dash });
  return { width, height, shapes: [
    bars("absent", colour(".bars .absent"), 0.55, [0, cut]), bars("absent", colour(".bars .alarm"), 1, [cut, width]),
    bars("present", colour(".bars .missed"), 1, [0, from]),
    bars("present", colour(".bars .present"), 0.55, [from, width]),
    line(cut, "none"), ...(from < cut ? [line(from, "5 4")] : []), ...ticks,
  ] };
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
