// Leaves the keys to the control that has the focus.
//
// Notebook 7 gives key presses in an output to its own shortcuts first (an arrow key selects another cell, "x" cuts
// one) unless the focused element carries an attribute that tells it not to.

/** @param {{ el: HTMLElement }} view */
function render({ el }) {
  el.style.display = "none";
  let frame = 0;
  /** @type {Element | null} */
  let viewer = null;
  /** @param {Event} event */
  const keepKeys = (event) => {
    if (event.target instanceof Element) event.target.setAttribute("data-lm-suppress-shortcuts", "true");
  };
  const attach = () => {
    viewer = el.closest(".dicomview");
    if (viewer) viewer.addEventListener("focusin", keepKeys);
    else frame = requestAnimationFrame(attach); // not in the page yet
  };
  attach();
  return () => {
    cancelAnimationFrame(frame);
    viewer?.removeEventListener("focusin", keepKeys);
  };
}

export default { render };
