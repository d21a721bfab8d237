// Streamlit draws its whole list of uploads again for every file: with ten thousand files the tab freezes for an
// hour. Read takes 500 films at most, so one more than that is passed on, and the page can say that there are more.
(() => {
  if (window.xraylabUploads) return; // the script is sent again on every rerun
  window.xraylabUploads = true;
  const MOST = 501;
  const INPUT = '[data-testid="stFileUploaderDropzoneInput"]';
  const ZONE = '[data-testid="stFileUploaderDropzone"]';

  const first = (files) => {
    const kept = new DataTransfer(); // the only way to make a FileList
    for (let at = 0; at < Math.min(files.length, MOST); at += 1) kept.items.add(files[at]);
    return kept.files;
  };

  const collect = async (entry, files) => {
    if (files.length >= MOST || entry.name.startsWith(".")) return;
    if (entry.isFile) {
      files.push(await new Promise((done, failed) => entry.file(done, failed)));
      return;
    }
    const reader = entry.createReader(); // returns at most a hundred entries per call
    for (let more = true; more && files.length < MOST; ) {
      const entries = await new Promise((done, failed) => reader.readEntries(done, failed));
      for (const child of entries) await collect(child, files);
      more = entries.length > 0;
    }
  };

  const inFolders = async (entries) => {
    const files = [];
    for (const entry of entries) await collect(entry, files).catch(() => {}); // skip a folder that can't be opened
    return files;
  };

  // Streamlit shows only the number of a refusal. The server's sentence says what to do.
  const say = (sentence) => {
    document.querySelector(".xl-refused")?.remove();
    if (!sentence) return;
    const note = document.createElement("p");
    note.className = "xl-refused";
    note.setAttribute("role", "alert");
    note.textContent = sentence;
    document.querySelector('[data-testid="stApp"]').append(note);
  };
  const open = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function (method, address, ...others) {
    if (method.toUpperCase() === "PUT" && String(address).includes("/_stcore/upload_file/")) {
      this.addEventListener("loadend", () => say(this.status === 413 ? this.responseText : ""));
    }
    return open.call(this, method, address, ...others);
  };

  // Both listeners capture, so that they run before Streamlit's own.
  document.addEventListener(
    "change",
    (event) => {
      const input = event.target;
      if (input.matches?.(INPUT) && input.files.length > MOST) input.files = first(input.files);
    },
    true,
  );

  // A screen whose uploader takes films takes them anywhere: nobody has to aim.
  const wholePage = () => document.querySelector(`[class*="st-key-films"] ${ZONE}`);
  const marking = (over) => document.querySelector('[data-testid="stApp"]')?.classList.toggle("xl-dropping", over);
  let leaving = 0;
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files") || event.target.closest?.(ZONE) || !wholePage()) return;
    event.preventDefault(); // a drop is allowed here
    event.dataTransfer.dropEffect = "copy";
    marking(true);
    clearTimeout(leaving);
    leaving = setTimeout(() => marking(false), 300); // "dragover" comes again and again while files are over the page
  });

  document.addEventListener(
    "drop",
    async (event) => {
      const aimed = event.target.closest?.(ZONE);
      const zone = aimed ?? wholePage();
      const input = zone?.querySelector(INPUT);
      const { files, items } = event.dataTransfer;
      if (!input || input.disabled || !event.dataTransfer.types.includes("Files")) return;
      marking(false);
      // Read before the first await: the browser empties the drop's data afterwards.
      const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
      const folders = entries.some((entry) => entry.isDirectory);
      if (aimed && files.length <= MOST && !folders) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      event.target.dispatchEvent(new DragEvent("dragleave", { bubbles: true })); // hides “Drop files here”
      input.files = first(folders ? await inFolders(entries) : files);
      input.dispatchEvent(new Event("change", { bubbles: true }));
    },
    true,
  );
})();
