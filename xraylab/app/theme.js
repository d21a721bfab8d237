// Dark is the default, and a choice in the menu holds for every address. Streamlit has no way to set a theme from
// outside, so this script clicks its menu; if the menu is missing, nothing happens.
(() => {
  if (window.xraylabTheme) return; // the script is sent again on every rerun
  window.xraylabTheme = true;
  const STORE = "xraylab-theme";
  const ITEM = "stMainMenuItem-theme-";

  document.addEventListener(
    "click",
    (event) => {
      // Only a person's click is trusted: the clicks of this script must not be stored as a choice.
      const item = event.isTrusted && event.target.closest(`[data-testid^="${ITEM}"]`);
      if (item) localStorage.setItem(STORE, item.dataset.testid.slice(ITEM.length));
    },
    true,
  );

  const systemIsDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const wanted = localStorage.getItem(STORE) ?? "Dark";
  const wantsDark = wanted === "System" ? systemIsDark : wanted === "Dark";

  // Dialogs and menus are drawn beside the app, where its colour scheme doesn't reach them.
  const app = document.querySelector('[data-testid="stApp"]');
  const pass = () => {
    document.documentElement.style.colorScheme = getComputedStyle(app).colorScheme;
  };
  new MutationObserver(pass).observe(app, { attributes: true, attributeFilter: ["class"] });
  pass();

  const isDark = () => {
    const colour = getComputedStyle(app).backgroundColor;
    const [red, green, blue] = colour.match(/\d+/g).map(Number);
    return red + green + blue < 384;
  };
  const choose = (tries) => {
    // Streamlit may not have drawn its menu yet, so this tries for five seconds.
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
        menu.click(); // close it again
        requestAnimationFrame(() => focused?.focus?.());
      } else if (left > 0) requestAnimationFrame(() => pick(left - 1));
    };
    pick(30);
  };
  choose(50);
})();
