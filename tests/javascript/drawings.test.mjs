// Outlines over the slices of a page without a kernel: which slice they lie in, and where.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const source = readFileSync(new URL("../../dicomview/widgets/drawings.js", import.meta.url), "utf8");
const { besideOf, cut, edgesOf, linesIn, voxelsOf } = await import("data:text/javascript;base64," + Buffer.from(source).toString("base64"));

const AXIAL = { axis: 0, down: 1, right: 2 };
const SAGITTAL = { axis: 2, down: 0, right: 1 };

/** Return whether an odd number of upright lines lies left of a place. */
function holds(lines, x, y) {
  let count = 0;
  for (let i = 0; i < lines.length; i += 4) {
    const [ax, ay, bx, by] = lines.slice(i, i + 4);
    if (ax === bx && ax < x && Math.min(ay, by) <= y && y < Math.max(ay, by)) count += 1;
  }
  return count % 2 === 1;
}

test("voxels from runs", () => {
  assert.deepEqual([...voxelsOf([2, 3, 1], 6)], [0, 0, 1, 1, 1, 0]);
  assert.deepEqual([...voxelsOf([0, 1, 2], 3)], [1, 0, 0]);
});

test("an outline encloses what is inside, holes and corners too", () => {
  const rows = ["1100", "1011", "1110", "0001"];
  const lines = edgesOf((r, c) => Number(rows[r][c]), 4, 4);
  for (let r = 0; r < 4; r++) for (let c = 0; c < 4; c++) {
    assert.equal(holds(lines, c + 0.5, r + 0.5), rows[r][c] === "1", `${r} ${c}`);
  }
});

test("a mask is cut where it lies, in any pane", () => {
  // Two slices of two rows and three columns, which begin at 4, 10, 20.
  const mask = { runs: [1, 2, 4, 1, 4], shape: [2, 2, 3], start: [4, 10, 20] };
  assert.deepEqual(cut(mask, AXIAL, 3), []);
  assert.deepEqual(cut(mask, AXIAL, 6), []);
  const first = cut(mask, AXIAL, 4);
  for (let r = 0; r < 2; r++) for (let c = 0; c < 3; c++) {
    assert.equal(holds(first, 20 + c, 10 + r), r === 0 && c > 0);
    assert.equal(holds(cut(mask, AXIAL, 5), 20 + c, 10 + r), r === 0 && c === 1);
  }
  const upright = cut(mask, SAGITTAL, 21);
  for (let k = 0; k < 2; k++) for (let r = 0; r < 2; r++) assert.equal(holds(upright, 10 + r, 4 + k), r === 0);
  const other = cut(mask, { axis: 2, down: 1, right: 0 }, 21);
  assert.ok(holds(other, 4, 10) && holds(other, 5, 10) && !holds(other, 4, 11));
});

test("a measurement is seen in the slices that hold all its points", () => {
  const line = [[2.4, 5, 7], [2.4, 9, 7]];
  const drawing = { points: line, line };
  assert.deepEqual(linesIn(drawing, AXIAL, 2), [7, 5, 7, 9]);
  assert.deepEqual(linesIn(drawing, AXIAL, 3), []);
  assert.deepEqual(linesIn(drawing, SAGITTAL, 7), [5, 2.4, 9, 2.4]);
  assert.deepEqual(linesIn(drawing, { axis: 1, down: 0, right: 2 }, 5), []);
  assert.deepEqual(linesIn({ points: [[2, 5, 7]], line: [[2, 5, 7]] }, AXIAL, 2), [7, 5, 7, 5]);
});

test("numbers stand beside their outline, inside of the pane and clear of others", () => {
  const [size, room] = [[40, 10], [0, 0, 200, 100]];
  const at = (/** @type {number[]} */ box, /** @type {number[][]} */ taken = [], fromLeft = false) =>
    besideOf(box, size, 5, room, taken, fromLeft);
  assert.deepEqual(at([100, 40, 120, 60]), [125, 45]);
  assert.deepEqual(at([100, 40, 120, 60], [], true), [55, 45]);
  assert.deepEqual(at([150, 40, 190, 60]), [105, 45]);
  assert.deepEqual(at([100, 40, 120, 60], [[125, 40, 165, 50]]), [55, 45]);
  assert.deepEqual(at([30, 40, 170, 60]), [80, 25], "neither side has room");
  assert.deepEqual(at([-30, -20, 230, 120]), [160, 45], "nothing is outside of it");
});

test("numbers of outlines that fill a narrow pane stand below each other", () => {
  const taken = [];
  for (let i = 0; i < 5; i++) {
    const [x, y] = besideOf([5, 20, 45, 80], [40, 10], 5, [0, 0, 50, 100], taken);
    assert.ok(x >= 0 && x + 40 <= 50 && y >= 0 && y + 10 <= 100);
    assert.ok(taken.every((other) => y >= other[3] || y + 10 <= other[1]), `${i}: ${y} in ${JSON.stringify(taken)}`);
    taken.push([x, y, x + 40, y + 10]);
  }
});
