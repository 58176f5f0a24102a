// Adaptive arithmetic coding of predictions and pixels, as adaptive_coding.py writes it.

const SURE = 1 << 15; // a probability of 1
const LEARNED = 254; // decisions after which a context learns no slower
const RATES = Int32Array.from({ length: LEARNED + 1 }, (_, seen) => roundHalfEven(SURE / (seen + 1.5)));
const SEGMENT = 20; // sparsities that are skipped together
const HIGH_BITS = 3,
  LOW_BITS = 5; // of a pixel

/**
 * Round as Python does.
 * @param {number} value
 */
function roundHalfEven(value) {
  const near = Math.round(value);
  return near - value === 0.5 && near % 2 ? near - 1 : near;
}

/** Decoder of decisions, each in one of `size` contexts. */
export class BitDecoder {
  #span = 1 << 30;
  #place = 4;
  #ahead;
  #bytes;
  #zero;
  #seen;

  /**
   * @param {Uint8Array} bytes
   * @param {number} size
   */
  constructor(bytes, size) {
    this.#bytes = bytes;
    this.#ahead = ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0;
    this.#zero = new Uint16Array(size).fill(SURE / 2);
    this.#seen = new Uint8Array(size);
  }

  /**
   * Decode one decision.
   * @param {number} context
   */
  bit(context) {
    const probability = this.#zero[context],
      count = this.#seen[context],
      bound = (this.#span >>> 15) * probability,
      bit = this.#ahead < bound ? 0 : 1;
    if (bit) {
      this.#ahead -= bound;
      this.#span -= bound;
      this.#zero[context] = probability - ((probability * RATES[count]) >>> 15);
    } else {
      this.#span = bound;
      this.#zero[context] = probability + (((SURE - probability) * RATES[count]) >>> 15);
    }
    if (count < LEARNED) this.#seen[context] = count + 1;
    while (this.#span < 1 << 22) {
      this.#ahead = (this.#ahead << 8) | this.#bytes[this.#place++];
      this.#span <<= 8;
    }
    return bit;
  }

  /**
   * Decode a value of some bits, the highest first.
   * @param {number} width
   * @param {number} start first context of its tree
   */
  value(width, start) {
    let node = 1;
    for (let place = 0; place < width; place++) node = 2 * node + this.bit(start + node);
    return node - (1 << width);
  }

  /** Whether more was decoded than there are bytes. */
  get isOver() {
    return this.#place > this.#bytes.length;
  }
}

/**
 * Decode the classes that images get from models of each bit-width and sparsity.
 * @param {Uint8Array} bytes
 * @param {number[]} shape [bit-widths, sparsities, images]
 */
export function decodePredictions(bytes, [widths, sparsities, images]) {
  const width = bytes[0],
    positions = widths * sparsities,
    segments = Math.ceil(sparsities / SEGMENT),
    skips = positions << width,
    flags = skips + 2 * widths * segments,
    norths = flags + 16 * positions,
    decoder = new BitDecoder(bytes.subarray(1), norths + positions),
    found = new Uint8Array(positions * images),
    classes = new Uint8Array(positions); // of one image, from the last bit-width to the first
  let before = 0;
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < widths; row++) {
      const start = row * sparsities;
      let follows = 0;
      for (let segment = 0; segment < segments; segment++) {
        const first = start + segment * SEGMENT,
          end = Math.min(first + SEGMENT, start + sparsities);
        follows = row ? decoder.bit(skips + 2 * (row * segments + segment) + follows) : 1;
        if (follows) decodeSegment(first, end, start);
        else classes.copyWithin(first, first - sparsities, end - sparsities);
      }
    }
    before = classes[0];
    for (let row = 0, place = 0; row < widths; row++) {
      let target = (widths - 1 - row) * sparsities * images + image;
      for (let column = 0; column < sparsities; column++, target += images) found[target] = classes[place++];
    }
  }
  return decoder.isOver ? null : found;

  /**
   * @param {number} first
   * @param {number} end
   * @param {number} start of the row
   */
  function decodeSegment(first, end, start) {
    const last = start + sparsities - 1;
    for (let place = first; place < end; place++) {
      let west = before;
      if (place > start) west = classes[place - 1];
      else if (start) west = classes[place - sparsities];
      let near = 0,
        north = start ? classes[place - sparsities] : west;
      if (start) {
        if (west !== north) near = 1;
        if (place < last && classes[place - sparsities + 1] !== north) near += 2;
        if (place > start && classes[place - sparsities - 1] !== north) near += 4;
      }
      if (place > start + 1 && classes[place - 2] !== west) near += 8;
      let value = west;
      if (decoder.bit(flags + 16 * place + near)) {
        value = north;
        if (west === north || decoder.bit(norths + place)) value = decoder.value(width, place << width);
      }
      classes[place] = value;
    }
  }
}

/**
 * Table of the place of each value 0..255 among levels.
 * @param {...number} levels
 */
const levelTable = (...levels) =>
  Uint8Array.from({ length: 256 }, (_, value) => levels.filter((level) => value >= level).length);

const LEVELS = levelTable(1, 40, 90, 140, 200, 250),
  FEW_LEVELS = levelTable(1, 85, 200),
  DARK = levelTable(1, 64, 128, 200, 250),
  FEW_DARK = levelTable(1, 128),
  EXPECTED = levelTable(1, 32, 64, 96, 128, 160, 192, 224, 250);
const DARK_CONTEXTS = 6 * 6 * 3 * 3 * 2 * 2,
  HIGH_START = Math.ceil(DARK_CONTEXTS / (1 << HIGH_BITS)) << HIGH_BITS,
  HIGH_CONTEXTS = (7 * 7 * 4 * 4) << HIGH_BITS,
  LOW_START = Math.ceil((HIGH_START + HIGH_CONTEXTS) / (1 << LOW_BITS)) << LOW_BITS,
  PIXEL_CONTEXTS = LOW_START + ((8 * 10) << LOW_BITS);

/**
 * Decode grey images.
 * @param {Uint8Array} bytes
 * @param {number[]} shape [images, rows, columns]
 */
export function decodePixels(bytes, [images, rows, columns]) {
  const decoder = new BitDecoder(bytes, PIXEL_CONTEXTS),
    found = new Uint8Array(images * rows * columns),
    stride = columns + 3, // two columns and two rows of 0 before an image, one column after it
    around = new Uint8Array(stride * (rows + 2));
  for (let image = 0, target = 0; image < images; image++)
    for (let row = 0; row < rows; row++) {
      let place = (row + 2) * stride + 2;
      for (let column = 0; column < columns; column++, place++)
        found[target++] = around[place] = pixel(place);
    }
  return decoder.isOver ? null : found;

  /** @param {number} place */
  function pixel(place) {
    const west = around[place - 1],
      north = around[place - stride],
      corner = around[place - stride - 1],
      east = around[place - stride + 1],
      dark = ((DARK[west] * 6 + DARK[north]) * 3 + FEW_DARK[corner]) * 3 + FEW_DARK[east],
      far = around[place - 2] > 0 ? 2 : 0,
      above = around[place - 2 * stride] > 0 ? 1 : 0;
    if (!decoder.bit(dark * 4 + far + above)) return 0;
    const near = ((LEVELS[west] * 7 + LEVELS[north]) * 4 + FEW_LEVELS[east]) * 4 + FEW_LEVELS[corner],
      high = decoder.value(HIGH_BITS, HIGH_START + (near << HIGH_BITS)),
      sloped = Math.min(Math.max(west + north - corner, Math.min(west, north)), Math.max(west, north)),
      low = decoder.value(LOW_BITS, LOW_START + ((high * 10 + EXPECTED[sloped]) << LOW_BITS));
    return (high << LOW_BITS) | low;
  }
}
