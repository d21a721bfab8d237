// The keys of a page, for every component that listens to them: their switch, and when the user types instead.
// A component can't import a second file, so its Python puts this one in front.
const PAGE_KEYS = "xraylab-page-keys";
// elements that take typed text, or that use keys themselves while they are open
const TYPING =
  "input:not([type=radio], [type=checkbox], [type=range], [type=button], [type=submit], [type=file]), textarea, select, " +
  "[role=combobox], [role=listbox], [role=menu], [role=dialog], [data-testid=stDataFrame]";

// A browser may forbid its storage; then the keys work, and a choice against them isn't remembered.
function pageKeys(wanted) {
  try {
    if (wanted !== undefined) localStorage.setItem(PAGE_KEYS, wanted ? "on" : "off");
    return localStorage.getItem(PAGE_KEYS) !== "off";
  } catch {
    return wanted ?? true;
  }
}

function isTyping(target) {
  return target instanceof Element && (target.isContentEditable || target.closest(TYPING) !== null);
}
