// The viewer's hands and eyes in the page: keys and wheel over the canvas, the room there is, the theme, and word to
// the kernel that a frame has been seen.
//
// ipympl lets go of every second notch of the wheel, does not repeat a key that is held down and keeps the Tab key to
// itself; notebooks give key presses in an output to their own shortcuts first (an arrow key selects another cell, "x"
// cuts one) unless the focused element carries an attribute that tells them not to.

const CANVAS = ".jupyter-matplotlib-canvas-div";
const NOTCH = 100; // pixels of a wheel's notch
const LINE = 33; // of them a line, where the wheel counts in lines
const SETTLED = 120; // ms without a change of width before it is told
const HEADER = ".jupyter-widget-Collapse-header, .p-Collapse-header"; // of a section of the panel
const OUTPUT = ".jp-OutputArea, .output_area, .output, .cell";

/** Return "dark" or "light" where the page says which it is, else null. */
export function theme() {
  const { dataset, classList } = document.body;
  if (dataset.jpThemeLight) return dataset.jpThemeLight === "true" ? "light" : "dark";
  if (classList.contains("vscode-light")) return "light";
  if (classList.contains("vscode-dark")) return "dark";
  const colab = document.documentElement.getAttribute("theme");
  return colab === "dark" || colab === "light" ? colab : null;
}

/**
 * Return a text without the signs that stand for none.
 * @param {string | null | undefined} text
 */
const written = (text) => (text && text !== "null" ? text.replace(/\u200b/g, "").trim() : "");

/**
 * Return the output that holds the picture for saved notebooks: the image right before the viewer.
 * @param {Element} viewer
 * @returns {HTMLElement | null}
 */
function pictureBefore(viewer) {
  for (let at = viewer; at.parentElement; at = at.parentElement) {
    const before = at.previousElementSibling;
    if (before instanceof HTMLElement && before.querySelector("img")) return before;
    if (at.parentElement.matches(OUTPUT) && at.previousElementSibling) return null;
  }
  return null;
}

/**
 * Tell screen readers what controls are: those without a name of their own get the text beside them.
 * @param {Element} viewer
 */
function nameControls(viewer) {
  viewer.querySelector(CANVAS)?.setAttribute("role", "application");
  viewer.querySelector(CANVAS)?.setAttribute("aria-label", "slices; question mark for the list of keys");
  for (const control of viewer.querySelectorAll("button, .noUi-handle, input, select, [contenteditable]")) {
    if (written(control.getAttribute("aria-label")) || (control.matches("button") && written(control.textContent))) continue;
    const box = control.closest(".jupyter-widgets");
    const label = box?.querySelector(".widget-label");
    const basic = box?.querySelector(".widget-label-basic");
    const titles = [control, label, box].map((element) => element?.getAttribute("title"));
    const name = [label?.textContent, basic?.textContent, ...titles].map(written).find(Boolean);
    const ends = [...(box?.querySelectorAll(".noUi-handle") ?? [])];
    const which = ends.length === 2 ? [" from", " to"][ends.indexOf(control)] : "";
    if (name) control.setAttribute("aria-label", name + (which ?? ""));
  }
  for (const button of viewer.querySelectorAll(".widget-toggle-button")) {
    button.setAttribute("aria-pressed", String(button.classList.contains("mod-active")));
  }
  for (const header of viewer.querySelectorAll(HEADER)) {
    header.setAttribute("tabindex", "0");
    header.setAttribute("role", "button");
    header.setAttribute("aria-expanded", String(Boolean(header.querySelector(".fa-caret-down"))));
  }
}

/** @param {{ model: any, el: HTMLElement }} view */
function render({ model, el }) {
  el.style.display = "none";
  /** @type {HTMLElement | null} */
  let viewer = null;
  /** @type {HTMLElement | null} */
  let picture = null;
  let frame = 0;
  let timer = 0;
  let sending = 0;
  let naming = 0;
  let rest = 0; // part of a notch
  let width = 0;
  /** @type {Map<string, number>} */
  const keys = new Map();
  /** @type {{ steps: number, x: number, y: number, ctrl: boolean } | null} */
  let wheel = null;

  const flush = () => {
    sending = 0;
    /** @type {Record<string, any>} */
    const message = {};
    if (keys.size) message.keys = [...keys];
    if (wheel) message.wheel = wheel;
    keys.clear();
    wheel = null;
    model.send(message);
  };
  const sendSoon = () => {
    sending ||= requestAnimationFrame(flush); // what comes within a frame of the screen is added up
  };

  /** @param {Event} event */
  const keepKeys = (event) => {
    if (event.target instanceof Element) event.target.setAttribute("data-lm-suppress-shortcuts", "true");
  };
  /** @param {Event} event */
  const onKey = (event) => {
    if (!(event instanceof KeyboardEvent) || !(event.target instanceof HTMLElement)) return;
    if (event.target.matches(HEADER) && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      event.stopPropagation();
      event.target.click();
      return;
    }
    if (!event.target.closest(CANVAS) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Tab") event.stopPropagation();
    if (!model.get("wanted").includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    keys.set(event.key, (keys.get(event.key) ?? 0) + 1);
    sendSoon();
  };
  /** @param {Event} event */
  const onWheel = (event) => {
    const canvas = event.target instanceof Element && event.target.closest(CANVAS);
    if (!(event instanceof WheelEvent) || !canvas) return;
    event.preventDefault();
    event.stopPropagation();
    rest -= event.deltaMode === 0 ? event.deltaY / NOTCH : (event.deltaY * LINE) / NOTCH;
    const steps = Math.trunc(rest);
    if (!steps) return;
    rest -= steps;
    const box = canvas.getBoundingClientRect();
    const place = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
    wheel = { steps: (wheel?.steps ?? 0) + steps, ...place, ctrl: event.ctrlKey };
    sendSoon();
  };

  const tellTheme = () => {
    const name = theme();
    if (name) model.send({ theme: name });
  };
  const tellWidth = async () => {
    await ready;
    const stage = viewer?.querySelector(".dicomview-stage");
    const now = Math.floor(stage?.clientWidth ?? 0);
    if (now < 100 || Math.abs(now - width) < 3) return;
    width = now;
    model.send({ width });
  };
  const sizes = new ResizeObserver(() => {
    clearTimeout(timer);
    timer = window.setTimeout(tellWidth, width ? SETTLED : 0);
  });
  const themes = new MutationObserver(tellTheme);
  const controls = new MutationObserver(() => {
    naming ||= requestAnimationFrame(() => {
      naming = 0;
      if (viewer) nameControls(viewer);
    });
  });

  const attach = () => {
    viewer = el.closest(".dicomview");
    const stage = viewer?.querySelector(".dicomview-stage");
    if (!viewer || !stage) {
      frame = requestAnimationFrame(attach); // not in the page yet
      return;
    }
    viewer.addEventListener("focusin", keepKeys);
    viewer.addEventListener("keydown", onKey, true);
    viewer.addEventListener("wheel", onWheel, { capture: true, passive: false });
    sizes.observe(stage);
    themes.observe(document.body, { attributeFilter: ["data-jp-theme-light", "class"] });
    controls.observe(viewer, { childList: true, subtree: true, attributeFilter: ["class"] });
    nameControls(viewer);
    ready.then(tellTheme); // from the first word on frames are counted
    picture = model.get("has_picture") ? pictureBefore(viewer) : null;
    if (picture) picture.style.display = "none"; // the viewer itself takes its place
  };
  // The image in which ipympl loads every frame before it draws it; one that comes too early takes the place of the one
  // before. That it has been decoded does not mean that it has been drawn: only its load event does.
  /** @type {HTMLImageElement | null} */
  let image = null;
  let loaded = "";
  /** @type {(() => void)[]} */
  let waiting = [];
  const onLoad = () => {
    loaded = image?.src ?? "";
    for (const go of waiting) go();
    waiting = [];
  };
  const ready = (async () => {
    const canvas = await model.widget_manager?.get_model(model.get("canvas"))?.catch(() => null);
    image = canvas?.image ?? null;
    image?.addEventListener("load", onLoad); // the handler of ipympl comes first
  })();
  /** @param {any} message */
  const onMessage = async ({ frame: seen, drawn }) => {
    await ready;
    if (image && image.src !== loaded) await new Promise((resolve) => waiting.push(() => resolve(null)));
    requestAnimationFrame(() => model.send(drawn ? { drawn } : { seen }));
  };
  attach();
  model.on("msg:custom", onMessage);
  return () => {
    cancelAnimationFrame(frame);
    cancelAnimationFrame(sending);
    cancelAnimationFrame(naming);
    clearTimeout(timer);
    sizes.disconnect();
    themes.disconnect();
    controls.disconnect();
    model.off("msg:custom", onMessage);
    image?.removeEventListener("load", onLoad);
    viewer?.removeEventListener("focusin", keepKeys);
    viewer?.removeEventListener("keydown", onKey, true);
    viewer?.removeEventListener("wheel", onWheel, true);
    if (picture) picture.style.display = "";
  };
}

export default { render };
