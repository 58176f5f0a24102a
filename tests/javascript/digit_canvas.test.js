import { fire, frame, press, render, staysInItsBox, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { sum } from "./payload.js";
import * as digitCanvas from "../../optiwidgets/widgets/panels/digit_canvas.js";

const SIDE = 28;
const empty = () => new DataView(new ArrayBuffer(SIDE * SIDE));
const ANSWER = {
  words: "Baseline reads 1, optimized reads 7.",
  flipped: true,
  seen: empty(),
  classes: ["1", "7"],
  baseline: [0.75, 0.25],
  optimized: [0.4, 0.6],
};

async function pad(values = {}) {
  const { canvas: model } = models({
    canvas: { pixels: empty(), answer: {}, reason: "", about: "", sample: false, ...values },
  });
  const { el, end } = await render(digitCanvas, model);
  await frame();
  const canvas = el.querySelector(".ow-canvas");
  canvas.setPointerCapture = () => {};
  canvas.getBoundingClientRect = () => ({ x: 0, y: 0, width: 280, height: 280 });
  const inked = () => new Uint8Array(model.sent.at(-1).state.pixels.buffer);
  return { model, el, end, canvas, inked };
}
const point = (canvas, type, x, y) =>
  fire(canvas, type, { button: 0, pointerId: 1, clientX: 10 * x, clientY: 10 * y });

test("a stroke puts ink along its way and none elsewhere", async () => {
  const { canvas, inked, model } = await pad();
  point(canvas, "pointerdown", 5.5, 10.5);
  point(canvas, "pointermove", 20.5, 10.5);
  point(canvas, "pointerup", 20.5, 10.5);
  point(canvas, "pointermove", 20.5, 20.5);
  await frame();
  const ink = inked();
  const rows = Array.from({ length: SIDE }, (_, row) => sum([...ink.slice(SIDE * row, SIDE * (row + 1))]));
  assert.deepEqual(
    rows.flatMap((total, row) => (total ? [row] : [])),
    [9, 10, 11],
  );
  for (let column = 5; column <= 20; column++) assert.equal(ink[10 * SIDE + column], 255, `column ${column}`);
  assert.deepEqual([ink[10 * SIDE + 3], ink[10 * SIDE + 22]], [0, 0]);
  assert.equal(model.sent.length, 1);
});

test("a stroke downwards and back leaves no gap", async () => {
  const { canvas, inked } = await pad();
  point(canvas, "pointerdown", 10.5, 24.5);
  point(canvas, "pointermove", 10.5, 4.5);
  await frame();
  for (let row = 4; row <= 24; row++) assert.equal(inked()[row * SIDE + 10], 255, `row ${row}`);
});

test("another mouse button draws nothing", async () => {
  const { canvas, model } = await pad();
  fire(canvas, "pointerdown", { button: 2, pointerId: 1, clientX: 50, clientY: 50 });
  point(canvas, "pointermove", 8, 8);
  await frame();
  assert.equal(model.sent.length, 0);
});

test("the pen of the keys stops at the rim", async () => {
  const { canvas, inked } = await pad();
  for (const key of ["ArrowRight", "ArrowDown"])
    for (let i = 0; i < 10; i++) press(canvas, key, { shiftKey: true });
  press(canvas, " ");
  await frame();
  const [last, corner] = [SIDE * SIDE - 1, [...inked()]];
  assert.equal(corner[last], 255);
  assert.equal(corner.indexOf(255), last); // the brush is softer beside it
});

test("a stroke at the rim stays within the canvas", async () => {
  const { canvas, inked } = await pad();
  point(canvas, "pointerdown", -3, -3);
  point(canvas, "pointermove", 0.5, 0.5);
  await frame();
  assert.equal(inked().length, SIDE * SIDE);
  assert.equal(inked()[0], 255);
  assert.equal(inked()[SIDE - 1], 0); // no ink at the other end of the row before
});

test("many movements of a frame are one message", async () => {
  const { canvas, model } = await pad();
  point(canvas, "pointerdown", 3, 3);
  for (let x = 4; x < 20; x++) point(canvas, "pointermove", x, 3);
  assert.equal(model.sent.length, 0);
  await frame();
  assert.equal(model.sent.length, 1);
});

test("keys move the pen and put ink, held down along the way", async () => {
  const { canvas, inked, model } = await pad();
  press(canvas, "ArrowRight");
  await frame();
  assert.equal(model.sent.length, 0);
  assert.equal(press(canvas, " "), false);
  press(canvas, "ArrowDown", { shiftKey: true });
  fire(canvas, "keyup", { key: " " });
  press(canvas, "ArrowDown", { shiftKey: true });
  await frame();
  const column = Array.from({ length: SIDE }, (_, row) => inked()[row * SIDE + 15]);
  assert.deepEqual(
    column.flatMap((shade, row) => (shade === 255 ? [row] : [])),
    [14, 15, 16, 17, 18],
  );
});

test("both readings are shown as bars with the top score marked", async () => {
  const { el } = await pad({ answer: ANSWER });
  assert.equal(el.querySelector("[role=status]").textContent, ANSWER.words);
  assert.ok(el.querySelector("[role=status]").classList.contains("ow-flipped"));
  const rows = [...el.querySelectorAll("[role=listitem]")];
  assert.deepEqual(
    rows.map((row) => row.getAttribute("aria-label")),
    ["1: baseline 75 percent, optimized 40 percent", "7: baseline 25 percent, optimized 60 percent"],
  );
  assert.deepEqual(texts(el, ".ow-top"), ["75 %", "60 %"]);
  assert.deepEqual(
    [...el.querySelectorAll(".ow-reading i")].map((bar) => bar.style.width),
    ["75%", "40%", "25%", "60%"],
  );
});

test("an empty canvas has no scores, and a reason closes it", async () => {
  const { el } = await pad({ reason: "These images are no digits." });
  assert.equal(el.querySelector(".ow-readings").hidden, true);
  assert.match(el.textContent, /Draw a digit: both models read it\..*These images are no digits\./);
  assert.ok(el.classList.contains("ow-unusable"));
});

test("a picture of the kernel replaces the drawing and is not sent back", async () => {
  const { model, canvas } = await pad();
  const pixels = empty();
  pixels.setUint8(SIDE + 2, 200);
  model.receive({ pixels });
  canvas.getContext("2d").calls.length = 0;
  await frame();
  const drawn = canvas.getContext("2d").calls.filter(([, style]) => style === "rgb(200 200 200)");
  assert.deepEqual(drawn, [["fillRect", "rgb(200 200 200)", 20, 10, 10, 10]]);
  assert.equal(model.sent.length, 0);
});

test("a canvas that ends leaves no callback", async () => {
  const { model, end } = await pad();
  end();
  assert.equal(model.listeners, 0);
});

test("an update that cannot be drawn stays in its own box", async () => {
  const { el, model } = await pad();
  await staysInItsBox({ el }, model, { answer: { words: "1" } }, { answer: ANSWER });
});

test("the first stroke replaces a sample, later ones add to the drawing", async () => {
  const pixels = new DataView(new Uint8Array(SIDE * SIDE).fill(200).buffer);
  const { canvas, inked } = await pad({ pixels, sample: true });
  point(canvas, "pointerdown", 5.5, 10.5);
  point(canvas, "pointerup", 5.5, 10.5);
  await frame();
  const first = sum([...inked()].map((shade) => Number(shade > 0)));
  assert.ok(first > 0 && first < 20);
  point(canvas, "pointerdown", 20.5, 20.5);
  await frame();
  assert.equal(sum([...inked()].map((shade) => Number(shade > 0))), 2 * first);
});
