// Boxes of the package's detector: cells whose logit none of the 8 around it exceeds (Python: center_detector.py).

const STRIDE = 8; // pixels of a cell's edge
const UNIT = 16; // pixels of a distance of 1
const LOWEST = 0.05; // score of a detection
const MOST = 100; // detections of an image
const LEAST = Math.fround(Math.log(LOWEST / (1 - LOWEST)));
const float = Math.fround;

/**
 * Find the boxes of each image.
 * @param {Float32Array} output N x (classes + 4) x rows x columns
 * @param {[number, number, number]} shape of an image's output
 * @returns {Float32Array[]} six numbers a box: x0, y0, x1, y1 in pixels, score, class; scores fall
 */
export function centerBoxes(output, [channels, rows, columns]) {
  const size = channels * rows * columns;
  return Array.from({ length: output.length / size }, (_, image) => {
    const own = output.subarray(image * size, (image + 1) * size),
      found = peaks(own, channels - 4, rows, columns).slice(0, MOST);
    return Float32Array.from(found.flatMap((peak) => boxOf(own, peak, channels - 4, rows, columns)));
  });
}

/**
 * Find the boxes of an image that rounding may add or take away: of cells whose logit is as high as the lowest, as the
 * highest around or as the last of many, to within a difference.
 * @param {Float32Array} own output of the image
 * @param {[number, number, number]} shape
 * @param {number} near difference of logits
 * @returns {Float32Array} as of `centerBoxes`
 */
export function doubtfulBoxes(own, [channels, rows, columns], near) {
  const classes = channels - 4,
    name = (/** @type {Peak} */ { kind, row, column }) => `${kind} ${row} ${column}`,
    certain = new Set(peaks(own, classes, rows, columns, -near).map(name)),
    possible = peaks(own, classes, rows, columns, near),
    last =
      possible.length > MOST ? peaks(own, classes, rows, columns).slice(0, MOST).at(-1)?.logit : undefined;
  const doubtful = possible.filter(
    (peak) => !certain.has(name(peak)) || (last !== undefined && Math.abs(peak.logit - last) <= near),
  );
  return Float32Array.from(doubtful.flatMap((peak) => boxOf(own, peak, classes, rows, columns)));
}

/** @typedef {{ logit: number, score: number, kind: number, row: number, column: number }} Peak */

/**
 * Cells that are the highest of the 9 around them, the highest score first.
 * @param {Float32Array} own
 * @param {number} classes
 * @param {number} rows
 * @param {number} columns
 * @param {number} [slack] logits may be lower by this, or must be higher if it is negative
 * @returns {Peak[]}
 */
function peaks(own, classes, rows, columns, slack = 0) {
  /** @type {Peak[]} */
  const found = [];
  for (let kind = 0, at = 0; kind < classes; kind++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++, at++) {
        const logit = own[at];
        if (!(logit + slack > LEAST)) continue;
        if (!isHighest(own, kind * rows * columns, row, column, rows, columns, slack)) continue;
        found.push({ logit, score: float(1 / (1 + Math.exp(-logit))), kind, row, column });
      }
  return found.sort((one, other) => other.score - one.score); // stable, as in Python
}

/**
 * @param {Float32Array} own
 * @param {number} from first cell of the class
 * @param {number} row
 * @param {number} column
 * @param {number} rows
 * @param {number} columns
 * @param {number} slack
 */
function isHighest(own, from, row, column, rows, columns, slack) {
  const cell = from + row * columns + column,
    logit = own[cell] + slack;
  for (let y = Math.max(row - 1, 0); y <= Math.min(row + 1, rows - 1); y++)
    for (let x = Math.max(column - 1, 0); x <= Math.min(column + 1, columns - 1); x++)
      if (from + y * columns + x !== cell && !(logit >= own[from + y * columns + x])) return false;
  return true;
}

/**
 * @param {Float32Array} own
 * @param {Peak} peak
 * @param {number} classes
 * @param {number} rows
 * @param {number} columns
 */
function boxOf(own, { score, kind, row, column }, classes, rows, columns) {
  const away = [0, 1, 2, 3].map((side) => {
    const distance = own[((classes + side) * rows + row) * columns + column];
    return float(Math.max(distance, 0) * UNIT); // few bits can make a distance negative
  });
  const x = (column + 0.5) * STRIDE,
    y = (row + 0.5) * STRIDE;
  return [x - away[0], y - away[1], x + away[2], y + away[3], score, kind];
}
