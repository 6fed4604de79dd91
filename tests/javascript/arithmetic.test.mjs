// The arithmetic of the stage under node's own test runner.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

// The module is loaded from its text, as a notebook does: no package, no build step.
const source = readFileSync(new URL("../../dicomview/widgets/stage.js", import.meta.url), "utf8");
const stage = await import("data:text/javascript;base64," + Buffer.from(source).toString("base64"));

const near = (a, b, tolerance = 1e-6) =>
  [...a].forEach((value, i) => assert.ok(Math.abs(value - b[i]) <= tolerance, `${[...a]} is not ${b}`));

test("linear taps lie between their samples, and average where pixels are large", () => {
  near(stage.taps(4, 0.5, 1, 2, "linear").weight, [0.5, 0.5, 0.5, 0.5]);
  const { weight, index, count } = stage.taps(8, 2, 2, 1, "linear");
  assert.equal(count, 3, "the fourth would weigh nothing");
  near(weight, [0.25, 0.5, 0.25], 1e-6);
  assert.deepEqual([...index], [1, 2, 3]);
});

test("nearest takes one sample, beyond the ends the last", () => {
  assert.deepEqual([...stage.taps(3, -1, 1, 5, "nearest").index], [0, 0, 1, 2, 2]);
});

test("lanczos keeps constants and hits samples", () => {
  const line = { data: Float32Array.from([0, 0, 1, 0, 0, 0]), height: 1, width: 6, channels: 1 };
  const rows = stage.taps(1, 0, 1, 1, "nearest");
  near(stage.resampled(line, rows, stage.taps(6, 2, 1, 1, "lanczos")), [1]);
  const flat = { ...line, data: new Float32Array(6).fill(7) };
  near(stage.resampled(flat, rows, stage.taps(6, 0.3, 1.7, 3, "lanczos")), [7, 7, 7], 1e-5);
});

test("a NaN under a tap makes a NaN, and colours keep apart", () => {
  const line = { data: Float32Array.from([1, NaN, 3]), height: 1, width: 3, channels: 1 };
  const rows = stage.taps(1, 0, 1, 1, "nearest");
  const out = stage.resampled(line, rows, stage.taps(3, 0, 0.5, 5, "linear"));
  assert.deepEqual([...out].map(Number.isNaN), [true, true, true, true, false]);
  const rgb = { data: Uint8Array.from([1, 2, 3, 5, 6, 7]), height: 1, width: 2, channels: 3 };
  near(stage.resampled(rgb, rows, stage.taps(2, 0.5, 1, 1, "linear")), [3, 4, 5]);
});

test("windows are those of the standard", () => {
  assert.deepEqual(stage.limits({ center: 40, width: 80, function: "linear" }), [0, 79]);
  assert.deepEqual(stage.limits({ center: 40, width: 80, function: "linear_exact" }), [0, 80]);
  const [low, high] = stage.limits({ center: 0, width: 1, function: "linear" });
  assert.ok(low < high, "a width of 1 is a threshold");
  assert.equal(stage.moved({ center: 1, width: 2, function: "table" }, 3, 4).function, "linear_exact");
  assert.equal(stage.moved({ center: 1, width: 2, function: "linear" }, 3, 0.5).function, "linear_exact");
});

test("values get the colours of the map", () => {
  const colors = Uint32Array.from({ length: 256 }, (_, i) => i);
  const show = (values, window) => {
    const out = new Uint32Array(values.length);
    stage.colored(Float32Array.from(values), window, colors, 999, out);
    return [...out];
  };
  const linear = { center: 128, width: 256, function: "linear_exact" };
  assert.deepEqual(show([-5, 0, 0.9, 255, 300, NaN, Infinity], linear), [0, 0, 0, 255, 255, 999, 255]);
  assert.deepEqual(show([-1e9, 0, 1e9], { center: 0, width: 10, function: "sigmoid" }), [0, 128, 255]);
  const table = { center: 0, width: 3, function: "table", first: -2, table: Float32Array.from([0, 0.2, 0.8, 1]) };
  assert.deepEqual(show([-100, -1, 0.4, 100], table), [0, 51, 204, 255]);
});

test("only pixels whose centres lie in pane and picture", () => {
  assert.deepEqual(stage.span(10, -0.5, 9.5, 0, 10), { start: 0, step: 1, pixels: 10, first: 0 });
  const turned = stage.span(10, 9.5, -0.5, 2.4, 12.4);
  assert.equal(turned.first, 2);
  assert.equal(turned.pixels, 10);
  assert.ok(turned.step < 0);
  const small = stage.span(10, -10.5, 19.5, 0, 30);
  assert.deepEqual([small.first, small.pixels], [10, 10]);
});

test("the cache holds its budget and forgets what was used longest ago", () => {
  const cache = new stage.Cache(30);
  for (const key of ["a", "b", "c"]) cache.set(key, { data: new Uint8Array(10) });
  cache.get("a");
  cache.set("d", { data: new Uint8Array(10) });
  assert.deepEqual([..."abcd"].filter((key) => cache.has(key)), ["a", "c", "d"]);
  cache.set("e", { data: new Uint8Array(100) });
  assert.ok(cache.has("e") && cache.bytes === 100, "the newest stays, whatever its size");
  cache.set("e", { data: new Uint8Array(5) });
  assert.equal(cache.bytes, 5);
});

test("neighbours lie ahead first", () => {
  assert.deepEqual(stage.neighbours(5, 10, 1, 3), [6, 4, 7, 8, 3]);
  assert.deepEqual(stage.neighbours(0, 3, -1, 4), [1, 2]);
});

test("values travel as they are or by planes of bytes", () => {
  const values = Int16Array.from([1, -2, 300]);
  const bytes = new Uint8Array(values.buffer);
  assert.deepEqual([...stage.unpacked(bytes, "int16", "raw")], [1, -2, 300]);
  const planes = Uint8Array.from([0, 2, 4, 1, 3, 5].map((i) => bytes[i]));
  assert.deepEqual([...stage.unpacked(planes, "int16", "planes")], [1, -2, 300]);
});

test("differences become values again, of each channel by itself", () => {
  const flat = { differs: true, width: 3, channels: 1 };
  // The first row is foretold by the left, the first column by above, the others by left + above - corner or its limits.
  assert.deepEqual([...stage.restored(Int16Array.from([129, 129, 129, 130, 128, 138]), flat)], [1, 2, 3, 3, 3, 13]);
  const colors = { differs: true, width: 2, channels: 3 };
  assert.deepEqual([...stage.restored(Uint8Array.from([128, 129, 130, 138, 128, 123]), colors)], [0, 1, 2, 10, 1, 253]);
  assert.deepEqual([...stage.restored(Int16Array.from([129, 5]), { ...flat, differs: false })], [129, 5]);
});

test("a coarse volume gives slices of every axis, in the coordinates of the whole", () => {
  const coarse = { data: Float32Array.from({ length: 24 }, (_, i) => i), shape: [2, 3, 4], start: [0.5, 0.5, 0.5], step: [2, 2, 2], channels: 1 };
  const slice = stage.coarseSlice(coarse, 0, 3);
  assert.deepEqual([slice.height, slice.width, slice.data[0]], [3, 4, 12]);
  const side = stage.coarseSlice(coarse, 2, 100);
  assert.deepEqual([...side.data], [3, 7, 11, 15, 19, 23]);
  const turned = stage.transposed(side);
  assert.deepEqual([...turned.data], [3, 15, 7, 19, 11, 23]);
});

test("between two slices of a coarse volume there is a mixture, where that means anything", () => {
  const coarse = { data: Int16Array.from([-10, 0, 11, 100]), shape: [2, 1, 2], start: [1, 0, 0], step: [4, 1, 1], channels: 1 };
  assert.deepEqual([0, 1, 2, 3, 4, 5, 9].map((i) => [...stage.coarseSlice(coarse, 0, i, true).data]), [
    [-10, 0], [-10, 0], [-5, 25], [1, 50], [6, 75], [11, 100], [11, 100],
  ]); // prettier-ignore
  assert.deepEqual([...stage.coarseSlice(coarse, 0, 2).data], [-10, 0]);
  const holed = { ...coarse, data: Float32Array.from([NaN, 0, 11, NaN]) };
  assert.deepEqual([...stage.coarseSlice(holed, 0, 2, true).data], [NaN, 0]);
  assert.deepEqual([...stage.coarseSlice(holed, 0, 4, true).data], [11, NaN]);
});

test("numbers and places read as those of the kernel", () => {
  assert.deepEqual([80, 0.5, 1234567, 0.00001234, -600].map(stage.general), ["80", "0.5", "1.23457e+06", "1.234e-05", "-600"]);
  const affine = [[0, 0, 1, -10], [0, 1, 0, -20], [2, 0, 0, 5], [0, 0, 0, 1]];
  assert.deepEqual(stage.position(affine, [1, 2, 3]), [-7, -18, 7]);
  assert.equal(stage.height("axial", [-7, -18, 7]), "S 7.0 mm");
  assert.equal(stage.height("sagittal", [-7, -18, 7]), "R 7.0 mm");
  assert.equal(stage.height("axial", null), "");
});

test("lines through a crosshair end at the box and leave a gap", () => {
  const box = [[0, 100], [10, 60]];
  assert.deepEqual(stage.crossing([30, 20], [0, 5], box, 4), [[[30, 10], [30, 16]], [[30, 24], [30, 60]]]);
  assert.deepEqual(stage.crossing([30, 20], [1, 6e-17], box, 4), [[[0, 20], [26, 20]], [[34, 20], [100, 20]]]);
  const [low, high] = stage.crossing([30, 20], [1, 1], box, Math.SQRT2);
  near([...low[0], ...low[1], ...high[0], ...high[1]], [20, 10, 29, 19, 31, 21, 70, 60]);
  assert.deepEqual(stage.crossing([30, 12], [0, 1], box, 4), [[[30, 16], [30, 60]]], "the gap swallows a part");
  const [outside, ...none] = stage.crossing([-50, 0], [1, 0.1], box, 0);
  near([...outside[0], ...outside[1]], [50, 10, 100, 15]);
  assert.deepEqual(none, []);
});

test("a line that is grabbed follows the pointer, elsewhere the change counts", () => {
  const turn = (from, to) => (stage.turnOf([10, 10], [0, Math.PI / 2], from, to, 3) * 180) / Math.PI;
  near([turn([60, 12], [60, 60])], [45]);
  near([turn([-40, 8], [-40, -40])], [45], 1e-9);
  near([turn([11, 60], [-40, 60])], [45]);
  near([turn([60, 60], [10, 60])], [45]);
  near([turn([-40, 60], [-40, -40])], [90]);
});

test("an index is carried from grid to grid", () => {
  assert.deepEqual(stage.carried(null, [1, 2, 3]), [1, 2, 3]);
  assert.deepEqual(stage.carried([[0, 0, 1, 5], [0, 1, 0, 0], [-1, 0, 0, 9]], [1, 2, 3]), [8, 2, 8]);
});
