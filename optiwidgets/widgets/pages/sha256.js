// SHA-256 of a text, also where a page is no secure context and `crypto.subtle` is missing (FIPS 180-4).

const WORD = 2 ** 32;

/** @param {number} count @returns {number[]} the first prime numbers */
function firstPrimes(count) {
  /** @type {number[]} */
  const found = [];
  for (let each = 2; found.length < count; each++)
    if (found.every((prime) => each % prime !== 0)) found.push(each);
  return found;
}

/** First 32 bits of the fraction of a number. @param {number} root */
const fractionBits = (root) => Math.floor((root % 1) * WORD);

const PRIMES = firstPrimes(64);
const ROUND_CONSTANTS = PRIMES.map((prime) => fractionBits(Math.cbrt(prime)));
const FIRST_STATE = PRIMES.slice(0, 8).map((prime) => fractionBits(Math.sqrt(prime)));

/** @param {number} value @param {number} bits */
const rotated = (value, bits) => (value >>> bits) | (value << (32 - bits));

/**
 * Pad a message to whole blocks: a bit, zeros, and its length in bits.
 * @param {Uint8Array} bytes
 */
function paddedWords(bytes) {
  const length = Math.ceil((bytes.length + 9) / 64) * 64;
  const padded = new Uint8Array(length);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(length - 8, Math.floor((8 * bytes.length) / WORD));
  view.setUint32(length - 4, (8 * bytes.length) % WORD);
  return view;
}

/**
 * Expand one block of 16 words to the 64 of its rounds.
 * @param {DataView} view
 * @param {number} start
 */
function scheduleOf(view, start) {
  const words = new Int32Array(64);
  for (let i = 0; i < 16; i++) words[i] = view.getInt32(start + 4 * i);
  for (let i = 16; i < 64; i++) {
    const a = words[i - 15],
      b = words[i - 2];
    const low = rotated(a, 7) ^ rotated(a, 18) ^ (a >>> 3);
    const high = rotated(b, 17) ^ rotated(b, 19) ^ (b >>> 10);
    words[i] = words[i - 16] + low + words[i - 7] + high;
  }
  return words;
}

/**
 * Compute the SHA-256 of a text in UTF-8, as 64 hexadecimal digits.
 * @param {string} message
 */
export function sha256(message) {
  const view = paddedWords(new TextEncoder().encode(message));
  const state = Int32Array.from(FIRST_STATE, (each) => each | 0);
  for (let start = 0; start < view.byteLength; start += 64) {
    const words = scheduleOf(view, start);
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const chosen = (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g));
      const first = (h + chosen + (ROUND_CONSTANTS[i] | 0) + words[i]) | 0;
      const major = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + major) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((each, i) => (state[i] += each));
  }
  return [...state].map((each) => (each >>> 0).toString(16).padStart(8, "0")).join("");
}
