// Things to choose from: cards with pictures, or the rows of a table. Texts are texts, never HTML.

/**
 * One thing: texts, whether it can be chosen, and why not.
 * @typedef {{ cells: string[], note: string, enabled: boolean }} Item
 */

/**
 * @param {string} tag
 * @param {string} name of the class
 * @param {string} [text]
 */
function made(tag, name, text = "") {
  const one = document.createElement(tag);
  one.className = name;
  one.textContent = text;
  return one;
}

/** @param {Item} item @param {boolean} isCard */
function card({ cells, note, enabled }, isCard) {
  const button = /** @type {HTMLButtonElement} */ (made("button", isCard ? "dicomview-card" : "dicomview-open"));
  button.type = "button";
  button.disabled = !enabled;
  button.title = [...cells, note].filter(Boolean).join("\n");
  if (!isCard) {
    button.textContent = "open";
    button.setAttribute("aria-label", `open ${cells.join(" ")}`);
    return button;
  }
  const frame = made("span", "dicomview-thumb");
  const picture = document.createElement("img");
  picture.alt = "";
  picture.hidden = true;
  frame.append(picture);
  button.append(frame, ...cells.map((text, i) => made("span", i ? "dicomview-small" : "dicomview-name", text)));
  button.append(made("span", "dicomview-note", note));
  return button;
}

/** @param {{ model: any, el: HTMLElement }} view */
function render({ model, el }) {
  /** @type {HTMLElement[]} */
  let shown = [];

  const choose = (/** @type {number} */ i) => model.send({ choose: i });

  const draw = () => {
    /** @type {Item[]} */
    const items = model.get("items");
    const head = model.get("head");
    el.replaceChildren();
    if (head.length) {
      const table = made("table", "dicomview-choices");
      const top = made("tr", "");
      top.append(...["", ...head].map((text) => made("th", "", text)));
      table.append(top);
      shown = items.map((item, i) => {
        const row = made("tr", "");
        const first = made("td", "");
        const button = card(item, false);
        button.addEventListener("click", () => choose(i));
        if (item.enabled) row.addEventListener("dblclick", () => choose(i));
        first.append(button);
        row.append(first, ...item.cells.map((text) => made("td", "", text)));
        table.append(row);
        return row;
      });
      el.append(table);
    } else {
      const cards = made("div", "dicomview-cards");
      shown = items.map((item, i) => {
        const button = card(item, true);
        button.addEventListener("click", () => choose(i));
        return button;
      });
      cards.append(...shown);
      el.append(cards);
    }
    mark();
    model.send({ hello: true }); // pictures come one by one
  };

  const mark = () => {
    const chosen = model.get("chosen");
    shown.forEach((one, i) => one.classList.toggle("dicomview-chosen", i === chosen));
  };

  const received = (/** @type {any} */ message) => {
    for (const [i, { picture, note }] of Object.entries(message.shown ?? {})) {
      const one = shown[Number(i)];
      const image = one?.querySelector("img");
      const text = one?.querySelector(".dicomview-note");
      if (image && picture) {
        image.src = `data:image/png;base64,${picture}`;
        image.hidden = false;
      }
      if (text) text.textContent = note;
    }
  };

  model.on("change:items change:head", draw);
  model.on("change:chosen", mark);
  model.on("msg:custom", received);
  draw();
  return () => {
    model.off("change:items change:head", draw);
    model.off("change:chosen", mark);
    model.off("msg:custom", received);
  };
}

export default { render };
