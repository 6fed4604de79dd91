// Drawings: outlines of measurements and masks over the slices of a page without a kernel.
//
// Measurements come as places (voxel indices along slice, row, column), masks as runs of their voxels.

const LINE = 1.2; // points
const GROUND = 3; // points of the dark line below
const DARK = 0.6;
const BESIDE = 8; // pixels between an outline and its numbers
const MARGIN = 3; // pixels between numbers and the edge of the pane
const STEP = 16; // pixels from one line of numbers to the next
const KEPT = 64; // slices of a mask whose lines are kept

/**
 * @typedef {{ runs: number[], shape: number[], start: number[], voxels?: Uint8Array, kept?: Map<string, number[]> }} Mask
 * @typedef {{ kind: string, color: string, isArea: boolean, texts: Record<string, string>, points: number[][], line: number[][], mask?: Mask }} Drawing
 */

/** Return voxels from how many in turn are outside and inside. @param {number[]} runs @param {number} count */
export function voxelsOf(runs, count) {
  const voxels = new Uint8Array(count);
  let at = 0;
  runs.forEach((length, i) => {
    if (i % 2) voxels.fill(1, at, at + length);
    at += length;
  });
  return voxels;
}

/**
 * Return the straight lines between what is inside and what is not: column and row of both ends, one line after
 * the other; the first pixel reaches from 0 to 1.
 * @param {(row: number, column: number) => number} inside @param {number} rows @param {number} columns
 */
export function edgesOf(inside, rows, columns) {
  const at = (/** @type {number} */ r, /** @type {number} */ c) =>
    r >= 0 && c >= 0 && r < rows && c < columns && inside(r, c) ? 1 : 0;
  /** @type {number[]} */
  const lines = [];
  for (let r = 0; r <= rows; r++) {
    for (let c = 0, from = -1; c <= columns; c++) {
      const is = c < columns && at(r - 1, c) !== at(r, c);
      if (is && from < 0) from = c;
      if (!is && from >= 0) (lines.push(from, r, c, r), (from = -1));
    }
  }
  for (let c = 0; c <= columns; c++) {
    for (let r = 0, from = -1; r <= rows; r++) {
      const is = r < rows && at(r, c - 1) !== at(r, c);
      if (is && from < 0) from = r;
      if (!is && from >= 0) (lines.push(c, from, c, r), (from = -1));
    }
  }
  return lines;
}

/**
 * Return the lines of a mask in a slice, as data coordinates of a pane: x and y of both ends.
 * @param {Mask} mask @param {{ axis: number, down: number, right: number }} pane @param {number} index
 */
export function cut(mask, { axis, down, right }, index) {
  const { shape, start } = mask;
  const k = index - start[axis];
  if (k < 0 || k >= shape[axis]) return [];
  const voxels = (mask.voxels ??= voxelsOf(mask.runs, shape[0] * shape[1] * shape[2]));
  const kept = (mask.kept ??= new Map());
  const key = [axis, down, index].join();
  const known = kept.get(key);
  if (known) return known;
  const strides = [shape[1] * shape[2], shape[2], 1];
  const inside = (/** @type {number} */ r, /** @type {number} */ c) =>
    voxels[k * strides[axis] + r * strides[down] + c * strides[right]];
  const lines = edgesOf(inside, shape[down], shape[right]);
  for (let i = 0; i < lines.length; i += 2) {
    lines[i] += start[right] - 0.5;
    lines[i + 1] += start[down] - 0.5;
  }
  if (kept.size >= KEPT) kept.delete(kept.keys().next().value ?? "");
  kept.set(key, lines);
  return lines;
}

/** Return what of a drawing lies in a slice, as {@link cut}. @param {Drawing} drawing @param {any} pane @param {number} index */
export function linesIn({ mask, points, line }, pane, index) {
  if (mask) return cut(mask, pane, index);
  if (points.some((point) => Math.floor(point[pane.axis] + 0.5) !== index)) return [];
  const places = line.map((place) => [place[pane.right], place[pane.down]]);
  if (places.length === 1) places.push(places[0]);
  return places.slice(1).flatMap((place, i) => [...places[i], ...place]);
}

/**
 * Return what draws into a pane of a stage, over its slice.
 * @param {Drawing[]} drawings
 */
export function drawer(drawings) {
  return (/** @type {any} */ stage, /** @type {any} */ pane, /** @type {number[]} */ [left, right, bottom, top]) => {
    const { context, canvas, scene } = stage;
    const [x0, y0, x1, y1] = pane.rect;
    const dot = scene.ratio;
    const point = (100 / 72) * dot;
    const index = stage.indexOf(pane);
    /** @type {number[][]} */
    const taken = [];
    for (const drawing of drawings) {
      const lines = linesIn(drawing, pane, index);
      if (!lines.length) continue;
      const places = lines.map((/** @type {number} */ v, /** @type {number} */ i) =>
        i % 2
          ? canvas.height - (y0 + ((v - bottom) / (top - bottom)) * (y1 - y0))
          : x0 + ((v - left) / (right - left)) * (x1 - x0),
      );
      context.beginPath();
      if (drawing.kind === "point") {
        const [[x, y], arm] = [places, 5 * point];
        (context.moveTo(x - arm, y), context.lineTo(x + arm, y), context.moveTo(x, y - arm), context.lineTo(x, y + arm));
      }
      for (let i = 0; i < places.length; i += 4) {
        const isNext = i && places[i] === places[i - 2] && places[i + 1] === places[i - 1];
        if (!isNext) context.moveTo(places[i], places[i + 1]);
        context.lineTo(places[i + 2], places[i + 3]);
      }
      context.lineCap = "square";
      context.lineJoin = "round";
      for (const [color, width, alpha] of [["#000", GROUND, DARK], [drawing.color, LINE, 1]]) {
        context.strokeStyle = String(color);
        context.lineWidth = Number(width) * point;
        context.globalAlpha = Number(alpha);
        context.stroke();
      }
      context.globalAlpha = 1;
      write(stage, pane, drawing, places, taken);
    }
  };
}

/** Return the least and the greatest. @param {number[]} all */
function span(all) {
  return all.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]);
}

/**
 * Return where numbers stand beside a box: on the first side that is inside of the room and free, or beside others.
 * @param {number[]} box left, upper, right, lower; so are all boxes @param {number[]} size @param {number} beside
 * @param {number[]} room @param {number[][]} taken where others stand @param {boolean} fromLeft
 */
export function besideOf([left, upper, right, lower], [wide, high], beside, [x0, y0, x1, y1], taken, fromLeft = false) {
  const [level, centre] = [(upper + lower - high) / 2, (left + right - wide) / 2];
  const sides = [[right + beside, level], [left - beside - wide, level]];
  if (fromLeft) sides.reverse();
  const wanted = [...sides, [centre, upper - beside - high], [centre, lower + beside]];
  const moved = (/** @type {number[]} */ [x, y]) => [Math.max(Math.min(x, x1 - wide), x0), Math.max(Math.min(y, y1 - high), y0)];
  const places = wanted.filter((at) => moved(at).join() === at.join());
  places.push(...wanted.map((at) => moved(at)));
  const [[x]] = places;
  places.push(...taken.flatMap((other) => [moved([x, other[3]]), moved([x, other[1] - high])]));
  const isFree = (/** @type {number[]} */ [x, y]) =>
    !taken.some(
      (other) =>
        Math.min(other[2], x + wide) > Math.max(other[0], x) && Math.min(other[3], y + high) > Math.max(other[1], y),
    );
  return places.find((at) => isFree(at)) ?? places[0];
}

/**
 * Write the numbers of a drawing beside it, on the side with room.
 * @param {any} stage @param {any} pane @param {Drawing} drawing @param {number[]} places in pixels from above
 * @param {number[][]} taken where numbers stand already
 */
function write({ context, canvas, scene }, pane, { texts, isArea, kind, color }, places, taken) {
  const text = texts[scene.frame.join()];
  const [x0, y0, x1, y1] = pane.rect;
  const [head, foot] = [canvas.height - y1, canvas.height - y0];
  let xs = places.filter((_, i) => i % 2 === 0);
  let ys = places.filter((_, i) => i % 2 === 1);
  if (!text || span(xs)[1] < x0 || span(xs)[0] > x1 || span(ys)[1] < head || span(ys)[0] > foot) return;
  // Beside the vertex of an angle, or the end of a line that is on the right.
  const middle = xs.reduce((sum, x) => sum + x, 0) / xs.length;
  if (!isArea) {
    const i = kind === "angle" ? 1 : xs.indexOf(span(xs)[1]);
    [xs, ys] = [[xs[i]], [ys[i]]];
  }
  const dot = scene.ratio;
  const lines = text.split("\n");
  context.font = `${12.5 * dot}px "DejaVu Sans", Verdana, sans-serif`;
  context.textAlign = "left";
  context.textBaseline = "top";
  const wide = Math.max(...lines.map((/** @type {string} */ line) => context.measureText(line).width));
  const high = lines.length * STEP * dot;
  const [left, right] = span(xs);
  const [upper, lower] = span(ys);
  const margin = MARGIN * dot;
  const box = [left, upper, right, lower];
  const room = [x0 + margin, head + margin, x1 - margin, foot - margin];
  const legsAreRight = kind === "angle" && middle > right;
  const [x, y] = besideOf(box, [wide, high], BESIDE * dot, room, taken, legsAreRight);
  taken.push([x, y, x + wide, y + high]);
  context.globalAlpha = 0.45;
  context.fillStyle = "#000";
  context.fillRect(x, y, wide, high);
  context.globalAlpha = 1;
  context.lineWidth = (200 / 72) * dot;
  context.lineJoin = "round";
  context.strokeStyle = "#000";
  context.fillStyle = color;
  lines.forEach((/** @type {string} */ line, /** @type {number} */ i) => {
    context.strokeText(line, x, y + (i * STEP + 1.5) * dot);
    context.fillText(line, x, y + (i * STEP + 1.5) * dot);
  });
}
