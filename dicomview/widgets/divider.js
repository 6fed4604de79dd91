// The line of a curtain in every pane: it is dragged in the page, and the kernel follows with the newest place.

const CANVAS = ".jupyter-matplotlib-canvas-div";
const WIDTH = 13; // px of a line that can be taken hold of

/**
 * Return the place of a line in a pane, as a part of the width of the canvas.
 * @param {{ x0: number, x1: number }} lane
 * @param {number} at
 */
export const placeOf = ({ x0, x1 }, at) => x0 + at * (x1 - x0);

/**
 * Return the place of a curtain that belongs to a part of the width of the canvas.
 * @param {{ x0: number, x1: number }} lane
 * @param {number} x
 */
export const curtainAt = ({ x0, x1 }, x) => Math.min(Math.max((x - x0) / (x1 - x0), 0), 1);

/** @param {{ model: any, el: HTMLElement }} view */
function render({ model, el }) {
  el.style.display = "none";
  const lines = document.createElement("div");
  lines.className = "dicomview-dividers";
  /** @type {HTMLElement | null} */
  let host = null;
  let waiting = 0;

  const place = () => {
    if (!host) return;
    lines.replaceChildren();
    const at = model.get("value");
    for (const lane of model.get("lanes")) {
      const x = placeOf(lane, at);
      if (x < lane.left - 1e-6 || x > lane.right + 1e-6) continue; // beyond what is magnified
      const line = document.createElement("div");
      line.className = "dicomview-divider";
      line.style.left = `${100 * x}%`;
      line.style.top = `${100 * lane.top}%`;
      line.style.height = `${100 * (lane.bottom - lane.top)}%`;
      line.style.width = `${WIDTH}px`;
      line.addEventListener("pointerdown", (event) => drag(event, lane));
      lines.append(line);
    }
  };

  /** @param {PointerEvent} press @param {any} lane */
  const drag = (press, lane) => {
    press.preventDefault();
    press.stopPropagation();
    const move = (/** @type {PointerEvent} */ event) => {
      const box = lines.getBoundingClientRect();
      model.set("value", curtainAt(lane, (event.clientX - box.left) / box.width));
      model.save_changes(); // one message on its way, then the newest
      event.stopPropagation();
    };
    const end = () => {
      window.removeEventListener("pointermove", move, true);
      window.removeEventListener("pointerup", end, true);
    };
    window.addEventListener("pointermove", move, true);
    window.addEventListener("pointerup", end, true);
  };

  const sizes = new ResizeObserver(() => {
    if (!host) return;
    lines.style.width = `${host.offsetWidth}px`;
    lines.style.height = `${host.offsetHeight}px`;
    model.send({ resized: true });
  });

  const find = () => {
    host = /** @type {HTMLElement | null} */ (el.closest(".dicomview-compare")?.querySelector(CANVAS) ?? null);
    const around = host?.parentElement;
    if (!host || !around) {
      waiting = window.setTimeout(find, 100);
      return;
    }
    around.style.position = "relative";
    around.append(lines);
    sizes.observe(host);
    place();
  };

  model.on("change:value change:lanes", place);
  find();
  return () => {
    clearTimeout(waiting);
    sizes.disconnect();
    model.off("change:value change:lanes", place);
    lines.remove();
  };
}

export default { render };
