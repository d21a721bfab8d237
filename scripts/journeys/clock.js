// A clock inside the page: from an event of the user to the frame that shows its answer, and to the last change after it.
// It runs before anything else of the page, so that it sees every shadow root.
(() => {
  const LONGEST = 900_000; // milliseconds until an answer must be there
  const roots = [document];
  let changed = 0; // when the document changed last
  const observer = new MutationObserver(() => {
    changed = performance.now();
  });
  const watch = (root) =>
    observer.observe(root, { subtree: true, childList: true, characterData: true, attributes: true });
  watch(document);
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function attachShadow(options) {
    const root = attach.call(this, options);
    roots.push(root);
    watch(root);
    return root;
  };

  function find(selector) {
    for (const root of roots) {
      if (root !== document && !root.host.isConnected) continue;
      const part = root.querySelector(selector);
      if (part) return part;
    }
    return null;
  }

  const text = (selector) => find(selector)?.textContent.trim() ?? "";
  const seen = (selector) => find(selector)?.checkVisibility({ visibilityProperty: true }) ?? false;
  const inSight = (selector) => {
    const { left, right, top, bottom } = find(selector).getBoundingClientRect();
    const within = (low, high, most) => Math.max(0, Math.min(most, high) - Math.max(0, low));
    return { width: within(left, right, innerWidth), height: within(top, bottom, innerHeight) };
  };
  // A film in the viewer: decoded and drawn.
  const film = () => seen(".stage canvas") && !find(".stage[aria-busy], .stage.waiting");
  const heatmap = () => find(".overlay:not([hidden]) img:not([hidden])")?.naturalWidth > 0 && film();
  // How many films of Read's list are scored.
  const scored = () =>
    [...(find('[aria-label="This film"]')?.querySelectorAll(".film") ?? [])].filter(({ dataset }) => dataset.mark !== "waiting")
      .length;
  const running = () => find("[data-testid=stApp]")?.dataset.testScriptState !== "notRunning";

  // Begin with the next event of a kind. `shows` tells whether the answer is there; it is asked in every frame. The
  // answer is seen in the first task after the frame that paints it. The page has settled with the last change of the
  // document before `quiet` milliseconds without a change, in which no script of the server runs.
  function arm(kind, shows, quiet) {
    const armed = performance.now();
    let began = null, asked = false, shown = null;
    addEventListener(kind, (event) => { began ??= event.timeStamp; }, { capture: true });
    const painted = new MessageChannel();
    painted.port1.onmessage = () => { shown = performance.now(); };
    window.clock.answer = new Promise((resolve, reject) => {
      function look() {
        const now = performance.now();
        if (now - armed > LONGEST) return reject(new Error(`no answer to ${kind}: ${shows}`));
        if (began !== null && !asked && shows()) {
          asked = true;
          painted.port2.postMessage(null);
        }
        const still = quiet === null || (!running() && now - Math.max(changed, began) >= quiet);
        if (shown !== null && still) {
          return resolve({ shown: shown - began, settled: Math.max(changed, shown) - began });
        }
        requestAnimationFrame(look);
      }
      requestAnimationFrame(look);
    });
  }

  // The seconds since 1970 at which something is shown, for what begins before the page.
  function at(shows) {
    return new Promise((resolve) => {
      const painted = new MessageChannel();
      painted.port1.onmessage = () => resolve((performance.timeOrigin + performance.now()) / 1000);
      const look = () => (shows() ? painted.port2.postMessage(null) : requestAnimationFrame(look));
      requestAnimationFrame(look);
    });
  }

  window.clock = { arm, at, film, find, heatmap, inSight, running, scored, seen, text };
})();
