import assert from "node:assert/strict";
import { test } from "node:test";
import { BitDecoder } from "../../optiwidgets/widgets/pages/adaptive_coding.js";
import { laterBlock, namedBlock, readBlock } from "../../optiwidgets/widgets/pages/blocks.js";
import { GREY, PREDICTED, STEPS, made } from "./page_blocks.js";

const bytes = (...values) => Uint8Array.from(values);
const refusal = (name) => ({
  message: `The data “${name}” of this page are damaged. Copy or download the page again.`,
});

test("blocks that Python wrote are read", async () => {
  assert.deepEqual(await readBlock(STEPS), Int32Array.of(1, -2, 3, 40000));
  assert.deepEqual(await readBlock(PREDICTED), bytes(0, 1, 2, 1, 0, 1, 2, 0, 0, 1, 2, 1, 0, 1, 1, 1));
  assert.deepEqual(await readBlock(GREY), bytes(0, 7, 255, 0, 1, 0, 0, 128));
});

test("a block of another coding has the same values", async () => {
  for (const coding of ["plain", "bytes"])
    assert.deepEqual(await readBlock(made("u8", [3], [1, 2, 3], coding)), bytes(1, 2, 3));
  const flat = made("u8", [1, 2, 2, 1], [5, 0, 3, 2], "paeth");
  assert.deepEqual(await readBlock(flat), bytes(5, 5, 8, 10));
});

test("damage is named with the block", async () => {
  const { data } = PREDICTED;
  const damaged = [
    { ...PREDICTED, data: `B${data.slice(1)}` },
    { ...PREDICTED, checksum: PREDICTED.checksum + 1 },
    { ...PREDICTED, shape: [2, 4, 2] },
    { ...PREDICTED, shape: "2,2,4" },
    { ...PREDICTED, coding: "zip" },
    { ...PREDICTED, dtype: "u7" },
  ];
  for (const block of damaged) await assert.rejects(readBlock(block, "classes"), refusal("classes"));
});

test("more decisions than bytes are damage too", async () => {
  const short = made("u8", [2, 2, 400], [3, 9, 9, 9, 9], "classes");
  await assert.rejects(readBlock(short, "classes"), refusal("classes"));
  const decoder = new BitDecoder(bytes(0, 0, 0, 0), 1);
  assert.equal(decoder.bit(0), 0);
  assert.equal(decoder.isOver, false);
});

test("a block is found by its name, type and length", async () => {
  const blocks = { steps: STEPS, grey: GREY };
  assert.deepEqual(await namedBlock(blocks, "steps", ["f64", "i32"], 4), Int32Array.of(1, -2, 3, 40000));
  await assert.rejects(namedBlock(blocks, "steps", "f64"), refusal("steps"));
  await assert.rejects(namedBlock(blocks, "steps", "i32", 3), refusal("steps"));
  await assert.rejects(namedBlock(blocks, "weights", "f32"), {
    message: "This page lacks the data “weights”. Make the page again.",
  });
});

test("grey pixels are decoded when they are needed, once", async () => {
  const later = await laterBlock({ grey: GREY }, "grey", 8);
  assert.deepEqual(later(), bytes(0, 7, 255, 0, 1, 0, 0, 128));
  assert.equal(later(), later());
  await assert.rejects(laterBlock({ grey: GREY }, "grey", 9), refusal("grey"));
  const plain = await laterBlock({ plain: made("u8", [2], [4, 5]) }, "plain", 2);
  assert.deepEqual(plain(), bytes(4, 5));
});

test("a browser without streams says so, and reads all that needs none", async (t) => {
  const { DecompressionStream } = globalThis;
  delete globalThis.DecompressionStream;
  t.after(() => Object.assign(globalThis, { DecompressionStream }));
  await assert.rejects(readBlock(STEPS), { message: /it has no DecompressionStream\. Update it\.$/ });
  assert.equal((await readBlock(GREY)).length, 8);
});
