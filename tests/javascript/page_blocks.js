// Blocks of a page: some that Python wrote, and new ones.

import { deflateSync } from "node:zlib";
import { textChecksum } from "../../optiwidgets/widgets/pages/blocks.js";

/** 1, -2, 3, 40000 in two rows. */
export const STEPS = {
  dtype: "i32",
  shape: [2, 2],
  coding: "steps",
  data: "eNpj/MfkxPCfYQ4QM4AwACzfBN0=",
  checksum: 2430002175,
};

/** Classes of four images at two bit-widths and two sparsities. */
export const PREDICTED = {
  dtype: "u8",
  shape: [2, 2, 4],
  coding: "classes",
  data: "Agc4C8WhqjU=",
  checksum: 3808168493,
};

/** Two images of four pixels. */
export const GREY = {
  dtype: "u8",
  shape: [2, 2, 2, 1],
  coding: "grey",
  data: "GtT+BVCAAAA=",
  checksum: 2348117272,
};

const ARRAYS = { u8: Uint8Array, i32: Int32Array, f64: Float64Array };

/** Make a block; the values are given as they are inside zlib, or without it for an adaptive coding. */
export function made(dtype, shape, values, coding = "plain") {
  const bytes = new Uint8Array(ARRAYS[dtype].from(values).buffer),
    adaptive = ["classes", "grey"].includes(coding),
    data = Buffer.from(adaptive ? bytes : deflateSync(bytes)).toString("base64");
  const checksum = textChecksum(`${dtype} ${shape.join(",")} ${coding} ${data}`);
  return { dtype, shape, coding, data, checksum };
}
