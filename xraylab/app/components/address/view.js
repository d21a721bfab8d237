// The present view goes into the address without a new entry in the history.
export default function address({ data }) {
  // After Back, this screen may be told once more what it shows, while the address is that of another one.
  if (location.pathname.split("/").filter(Boolean).at(-1) !== data.screen) return;
  const search = new URLSearchParams(location.search);
  for (const name of data.of_screen) search.delete(name);
  for (const [name, value] of Object.entries(data.view)) search.set(name, value);
  if (`?${search}` === location.search) return;
  try {
    history.replaceState(history.state, "", `?${search}${location.hash}`);
  } catch {
    // Browsers allow about a hundred changes in half a minute; the next one brings the address up to date.
  }
}
