// Streamlit draws its whole list of uploads anew for every file: with ten thousand the tab stands still for an
// hour. Of more films than Read reads (500), one too many is passed on, so that the page says that there are more.
(() => {
  if (window.xraylabUploads) return;
  window.xraylabUploads = true;
  const MOST = 501;
  const INPUT = '[data-testid="stFileUploaderDropzoneInput"]';
  const ZONE = '[data-testid="stFileUploaderDropzone"]';

  const some = (files) => {
    const kept = new DataTransfer();
    for (let at = 0; at < Math.min(files.length, MOST); at += 1) kept.items.add(files[at]);
    return kept.files;
  };

  const below = async (entry, found) => {
    if (found.length >= MOST || entry.name.startsWith(".")) return;
    if (entry.isFile) {
      found.push(await new Promise((done, failed) => entry.file(done, failed)));
      return;
    }
    const reader = entry.createReader(); // gives a hundred at a time
    for (let more = true; more && found.length < MOST; ) {
      const entries = await new Promise((done, failed) => reader.readEntries(done, failed));
      for (const one of entries) await below(one, found);
      more = entries.length > 0;
    }
  };

  const inFolders = async (entries) => {
    const found = [];
    for (const entry of entries) await below(entry, found).catch(() => {}); // what can't be opened is left out
    return found;
  };

  document.addEventListener(
    "change",
    (event) => {
      const input = event.target;
      if (input.matches?.(INPUT) && input.files.length > MOST) input.files = some(input.files);
    },
    true,
  );

  document.addEventListener(
    "drop",
    async (event) => {
      const zone = event.target.closest?.(ZONE);
      const input = zone?.querySelector(INPUT);
      if (!input || input.disabled) return;
      const { files, items } = event.dataTransfer;
      const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
      const folders = entries.some((entry) => entry.isDirectory);
      if (files.length <= MOST && !folders) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      event.target.dispatchEvent(new DragEvent("dragleave", { bubbles: true })); // so that the invitation goes
      input.files = some(folders ? await inFolders(entries) : files);
      input.dispatchEvent(new Event("change", { bubbles: true }));
    },
    true,
  );
})();
