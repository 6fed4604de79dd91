// Hides the picture for saved notebooks as long as the widget itself is in the page.

const OUTPUT = ".jp-OutputArea, .output_area, .output, .cell";

/**
 * Return the output that holds the picture: the image right before the widget.
 * @param {Element} widget
 * @returns {HTMLElement | null}
 */
function pictureBefore(widget) {
  for (let at = widget; at.parentElement; at = at.parentElement) {
    const before = at.previousElementSibling;
    if (before instanceof HTMLElement && before.querySelector("img")) return before;
    if (at.parentElement.matches(OUTPUT) && before) return null;
  }
  return null;
}

/** @param {{ model: any, el: HTMLElement }} view */
function render({ model, el }) {
  el.style.display = "none";
  /** @type {HTMLElement | null} */
  let picture = null;
  let waiting = 0;
  const find = () => {
    if (!model.get("has_picture")) return;
    if (!el.isConnected) {
      waiting = requestAnimationFrame(find);
      return;
    }
    picture = pictureBefore(el.closest(".widget-vbox") ?? el); // all of the widget, with the pictures in it
    if (picture) picture.style.display = "none";
  };
  find();
  return () => {
    cancelAnimationFrame(waiting);
    if (picture) picture.style.display = "";
  };
}

export default { render };
