// Streamlit calls this on mount, and again on every change of data or theme. It gives the theme's colours to components
// as CSS variables.
const ASKED = new WeakMap();

export default function themeWatch({ data, parentElement: root, setTriggerValue }) {
  const place = root.host ?? root;
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = getComputedStyle(place).getPropertyValue("--st-background-color");
  pen.fillRect(0, 0, 1, 1);
  const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
  const shown = red + green + blue < 384 ? "dark" : "light";
  // Asked once for each change, so that a page that can't be drawn in the theme isn't drawn for ever.
  const change = `${data.drawnFor} ${shown}`;
  if (shown !== data.drawnFor && ASKED.get(root) !== change) setTriggerValue("changed", shown);
  ASKED.set(root, change);
}
