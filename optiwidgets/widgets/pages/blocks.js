// Blocks: the binary data of a page without a kernel, which blocks.py wrote.

import { text } from "../base/texts.js";

/** @import { Block, BlockArray, BlockArrays, BlockType, Blocks } from "./page_types" */

const BLOCK_ARRAYS = {
  u8: Uint8Array,
  u16: Uint16Array,
  i16: Int16Array,
  i32: Int32Array,
  u32: Uint32Array,
  f32: Float32Array,
  f64: Float64Array,
};

/** How the bytes inside zlib become those of the values. @type {Record<string, BlockDecoder>} */
const BLOCK_CODINGS = {
  plain: (bytes) => bytes,
  bytes: (bytes, block) => joinPlanes(bytes, bytesOf(block)),
  steps: (bytes, block) => addSteps(joinPlanes(bytes, bytesOf(block)), block),
  columns: (bytes, block) => turnColumns(bytes, block),
};

/** @typedef {(bytes: Uint8Array<ArrayBuffer>, block: Block) => Uint8Array<ArrayBuffer>} BlockDecoder */

/**
 * Decode a block by its name.
 * @template {BlockType} Type
 * @param {Blocks} blocks
 * @param {string} name
 * @param {Type} dtype the dtype that it must have
 * @returns {Promise<BlockArrays[Type]>}
 */
export async function namedBlock(blocks, name, dtype) {
  const block = blocks[name];
  if (!block) throw new Error(text("This page lacks the data “{name}”. Make the page again.", { name }));
  if (block.dtype !== dtype) throw new Error(damaged(name));
  return /** @type {BlockArrays[Type]} */ (await readBlock(block, name));
}

/**
 * Decode a block to a typed array of its own.
 * @param {Block} block
 * @param {string} [name] named in the error
 * @returns {Promise<BlockArray>}
 */
export async function readBlock(block, name = "") {
  if (typeof DecompressionStream === "undefined")
    throw new Error(
      text("This browser cannot unpack the data of this page: it has no DecompressionStream. Update it."),
    );
  if (!isWhole(block)) throw new Error(damaged(name));
  const length = block.shape.reduce((all, one) => all * one, 1),
    values = BLOCK_CODINGS[block.coding](await inflate(fromBase64(block.data)), block);
  if (values.length !== length * bytesOf(block)) throw new Error(damaged(name));
  return new BLOCK_ARRAYS[block.dtype](values.buffer, 0, length);
}

/** @param {string} name */
const damaged = (name) =>
  text("The data “{name}” of this page are damaged. Copy or download the page again.", { name });

/** @param {Block} block */
const bytesOf = (block) => BLOCK_ARRAYS[block.dtype].BYTES_PER_ELEMENT;

/**
 * Whether a block is as it was written.
 * @param {Block} block
 */
function isWhole({ dtype, shape, coding, data, checksum }) {
  const known = dtype in BLOCK_ARRAYS && coding in BLOCK_CODINGS && Array.isArray(shape);
  return known && checksum === textChecksum(`${dtype} ${shape.join(",")} ${coding} ${data}`);
}

/** CRC-32 of each byte. */
const CHECKSUMS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? 0xedb88320 ^ (sum >>> 1) : sum >>> 1;
  return sum;
});

/**
 * CRC-32 of a text of ASCII characters.
 * @param {string} given
 */
export function textChecksum(given) {
  let sum = -1;
  for (let i = 0; i < given.length; i++) {
    const code = given.charCodeAt(i);
    if (code > 127) return -1; // base64 has none: the text is damaged
    sum = CHECKSUMS[(sum ^ code) & 255] ^ (sum >>> 8);
  }
  return ~sum >>> 0;
}

/** @param {string} data */
function fromBase64(data) {
  const characters = atob(data),
    bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

/** @param {Uint8Array<ArrayBuffer>} bytes of zlib */
async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Put the bytes of each value together.
 * @param {Uint8Array<ArrayBuffer>} planes all lowest bytes, then the next ones
 * @param {number} size bytes of a value
 */
function joinPlanes(planes, size) {
  const bytes = new Uint8Array(planes.length),
    count = planes.length / size;
  for (let byte = 0; byte < size; byte++)
    for (let i = 0; i < count; i++) bytes[i * size + byte] = planes[byte * count + i];
  return bytes;
}

/**
 * Sum the differences along the first axis.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {Block} block
 */
function addSteps(bytes, { dtype, shape }) {
  const values = new BLOCK_ARRAYS[dtype](bytes.buffer),
    row = values.length / shape[0];
  for (let i = row; i < values.length; i++) values[i] += values[i - row]; // typed arrays wrap around
  return bytes;
}

/**
 * Write rows of an array whose columns come one after the other.
 * @param {Uint8Array<ArrayBuffer>} columns
 * @param {Block} block of bytes
 */
function turnColumns(columns, { shape: [rows, count] }) {
  const bytes = new Uint8Array(columns.length);
  for (let column = 0, i = 0; column < count; column++)
    for (let row = 0; row < rows; row++, i++) bytes[row * count + column] = columns[i];
  return bytes;
}
