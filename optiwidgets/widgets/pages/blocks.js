// Blocks: the binary data of a page without a kernel, which blocks.py wrote.

import { text } from "../base/texts.js";
import { decodePixels, decodePredictions } from "./adaptive_coding.js";

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
  paeth: (bytes, block) => addPaeth(bytes, block),
};

/** Codings of bytes without zlib. @type {Record<string, BlockDecoder>} */
const ADAPTIVE_CODINGS = {
  classes: (bytes, { shape }) => decodePredictions(bytes, shape),
  grey: (bytes, { shape }) => decodePixels(bytes, shape),
};

/** @typedef {(bytes: Uint8Array<ArrayBuffer>, block: Block) => Uint8Array<ArrayBuffer> | null} BlockDecoder */

/**
 * Decode a block by its name.
 * @template {BlockType} Type
 * @param {Blocks} blocks
 * @param {string} name
 * @param {Type | Type[]} dtypes one of which it must have
 * @param {number} [length] number of values that it must have
 * @returns {Promise<BlockArrays[Type]>}
 */
export async function namedBlock(blocks, name, dtypes, length) {
  const block = checkedBlock(blocks, name, dtypes, length);
  return /** @type {BlockArrays[Type]} */ (await readBlock(block, name));
}

/**
 * Return a function that decodes a block of bytes when it is first called, if its coding needs no stream.
 * @param {Blocks} blocks
 * @param {string} name
 * @param {number} length number of values that it must have
 * @returns {Promise<() => Uint8Array>}
 */
export async function laterBlock(blocks, name, length) {
  const block = checkedBlock(blocks, name, "u8", length);
  /** @type {Uint8Array | undefined} */
  let found;
  if (!(block.coding in ADAPTIVE_CODINGS)) found = /** @type {Uint8Array} */ (await readBlock(block, name));
  return () => (found ??= /** @type {Uint8Array} */ (unpackBlock(block, name, fromBase64(block.data))));
}

/**
 * Decode a block to a typed array of its own.
 * @param {Block} block
 * @param {string} [name] named in the error
 * @returns {Promise<BlockArray>}
 */
export async function readBlock(block, name = "") {
  if (!isWhole(block)) throw new Error(damaged(name));
  const data = fromBase64(block.data);
  return unpackBlock(block, name, block.coding in ADAPTIVE_CODINGS ? data : await inflate(data));
}

/**
 * Find a block that is whole and has a dtype and a length.
 * @param {Blocks} blocks
 * @param {string} name
 * @param {BlockType | BlockType[]} dtypes
 * @param {number} [length]
 */
function checkedBlock(blocks, name, dtypes, length) {
  const block = blocks[name];
  if (!block) throw new Error(text("This page lacks the data “{name}”. Make the page again.", { name }));
  const fits = [dtypes].flat().some((dtype) => dtype === block.dtype);
  if (!fits || !isWhole(block) || (length !== undefined && length !== lengthOf(block)))
    throw new Error(damaged(name));
  return block;
}

/**
 * @param {Block} block
 * @param {string} name
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
function unpackBlock(block, name, bytes) {
  const decode = BLOCK_CODINGS[block.coding] ?? ADAPTIVE_CODINGS[block.coding],
    values = decode(bytes, block);
  if (values?.length !== lengthOf(block) * bytesOf(block)) throw new Error(damaged(name));
  return new BLOCK_ARRAYS[block.dtype](values.buffer, 0, lengthOf(block));
}

/** @param {Block} block */
const lengthOf = ({ shape }) => shape.reduce((all, one) => all * one, 1);

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
  const known = dtype in BLOCK_ARRAYS && (coding in BLOCK_CODINGS || coding in ADAPTIVE_CODINGS);
  return (
    known &&
    Array.isArray(shape) &&
    checksum === textChecksum(`${dtype} ${shape.join(",")} ${coding} ${data}`)
  );
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

/**
 * CRC-32 of the bytes of several arrays, one after the other.
 * @param {ArrayBufferView[]} parts
 */
export function valuesChecksum(parts) {
  let sum = -1;
  for (const { buffer, byteOffset, byteLength } of parts)
    for (const byte of new Uint8Array(buffer, byteOffset, byteLength))
      sum = CHECKSUMS[(sum ^ byte) & 255] ^ (sum >>> 8);
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
  if (typeof DecompressionStream === "undefined")
    throw new Error(
      text("This browser cannot unpack the data of this page: it has no DecompressionStream. Update it."),
    );
  const { body } = new Response(bytes), // a Blob's stream would go through the browser's process
    stream = body?.pipeThrough(new DecompressionStream("deflate"));
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
 * Add to each pixel the one that PNG's filter Paeth predicts.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {Block} block of pixels: images, rows, columns, colours
 */
function addPaeth(bytes, { shape: [images, rows, columns, colours] }) {
  const stride = columns * colours;
  for (let i = 0, image = 0; image < images; image++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < stride; column++, i++) {
        const left = column < colours ? 0 : bytes[i - colours],
          above = row ? bytes[i - stride] : 0,
          corner = row && column >= colours ? bytes[i - stride - colours] : 0,
          sloped = left + above - corner,
          toLeft = Math.abs(sloped - left),
          toAbove = Math.abs(sloped - above),
          toCorner = Math.abs(sloped - corner);
        if (toLeft <= toAbove && toLeft <= toCorner) bytes[i] += left;
        else bytes[i] += toAbove <= toCorner ? above : corner;
      }
  return bytes;
}
