// Ask Python to draw once more, unless it has drawn meanwhile.
const WAITS = new WeakMap();

export default function askAgain({ data, parentElement: root, setTriggerValue }) {
  clearTimeout(WAITS.get(root));
  WAITS.set(root, setTimeout(() => setTriggerValue("asked", data.number), data.wait));
  return () => clearTimeout(WAITS.get(root));
}
