// Dark is the default; the menu's choice is kept for every address. Without the menu nothing happens.
(() => {
  if (window.xraylabTheme) return;
  window.xraylabTheme = true;
  const STORE = "xraylab-theme";
  const ITEM = "stMainMenuItem-theme-";

  document.addEventListener(
    "click",
    (event) => {
      const item = event.isTrusted && event.target.closest(`[data-testid^="${ITEM}"]`);
      if (item) localStorage.setItem(STORE, item.dataset.testid.slice(ITEM.length));
    },
    true,
  );

  const systemIsDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const wanted = localStorage.getItem(STORE) ?? "Dark";
  const wantsDark = wanted === "System" ? systemIsDark : wanted === "Dark";

  const isDark = () => {
    const colour = getComputedStyle(document.querySelector('[data-testid="stApp"]')).backgroundColor;
    const [red, green, blue] = colour.match(/\d+/g).map(Number);
    return red + green + blue < 384;
  };
  const choose = (tries) => {
    const menu = document.querySelector('[data-testid="stMainMenu"] button, button[data-testid="stMainMenu"]');
    if (!menu) {
      if (tries > 0) setTimeout(choose, 100, tries - 1);
      return;
    }
    if (isDark() === wantsDark) return;
    const focused = document.activeElement;
    menu.click();
    const pick = (left) => {
      const item = document.querySelector(`[data-testid="${ITEM}${wanted}"]`);
      if (item) {
        item.click();
        menu.click(); // closes it again
        requestAnimationFrame(() => focused?.focus?.());
      } else if (left > 0) requestAnimationFrame(() => pick(left - 1));
    };
    pick(30);
  };
  choose(50);
})();
