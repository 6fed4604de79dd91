// The place of the line of a curtain, in a pane and on the way back from the mouse.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const source = readFileSync(new URL("../../dicomview/widgets/divider.js", import.meta.url), "utf8");
const { curtainAt, placeOf } = await import("data:text/javascript;base64," + Buffer.from(source).toString("base64"));

test("a line that is dragged stays under the mouse, and within the volume", () => {
  const lane = { x0: 0.25, x1: 0.75 };
  assert.equal(placeOf(lane, 0.5), 0.5);
  for (const x of [0.25, 0.3, 0.6, 0.75]) assert.ok(Math.abs(placeOf(lane, curtainAt(lane, x)) - x) < 1e-12);
  assert.equal(curtainAt(lane, 0.1), 0);
  assert.equal(curtainAt(lane, 0.9), 1);
});

test("of a magnified volume the line may lie beyond the pane", () => {
  const lane = { x0: -1, x1: 2 };
  assert.equal(placeOf(lane, 0.5), 0.5);
  assert.equal(placeOf(lane, 0), -1);
});
