// Boxes of many recipes, read from a page's blocks (Python: box_blocks.py). Those of a recipe are put together when they
// are first asked for.

import { namedBlock } from "./blocks.js";

/** @import { Blocks, BoxesJson } from "./page_types" */
/** @import { BoxRows } from "./detection_types" */

const BOX_FIELDS = 6,
  BOX_CORNERS = 4;
/** @type {("u8" | "u16" | "u32")[]} */
const WHOLE_NUMBERS = ["u8", "u16", "u32"];

/**
 * Open the boxes of recipes.
 * @param {BoxesJson} json
 * @param {Blocks} blocks
 * @param {number} recipes
 * @param {number} images
 * @returns {Promise<(row: number) => BoxRows>} the boxes of a recipe's row
 */
export async function openBoxes(json, blocks, recipes, images) {
  const [outcome, found, places, kinds, scores, corners] = await Promise.all([
    namedBlock(blocks, json.outcome, "i32", recipes),
    namedBlock(blocks, json.found, WHOLE_NUMBERS),
    namedBlock(blocks, json.places, WHOLE_NUMBERS),
    namedBlock(blocks, json.kinds, WHOLE_NUMBERS),
    namedBlock(blocks, json.scores, "u32"),
    namedBlock(blocks, json.corners, "u32"),
  ]);
  const starts = startsOf({ found, places }, images);
  /** @type {Map<number, BoxRows>} */
  const known = new Map();
  return (row) => {
    const which = outcome[row],
      boxes = known.get(which) ?? joined({ found, places, kinds, scores, corners }, images, starts, which);
    known.set(which, boxes);
    return boxes;
  };
}

/**
 * Where the boxes and the corners of each outcome begin, and where the last ones end.
 * @param {{ found: ArrayLike<number>, places: ArrayLike<number> }} arrays
 * @param {number} images
 * @returns {{ boxes: number[], corners: number[] }}
 */
function startsOf({ found, places }, images) {
  const starts = { boxes: [0], corners: [0] };
  let box = 0,
    corner = 0;
  for (let i = 0; i < found.length; i++) {
    for (const end = box + found[i]; box < end; box++) if (!places[box]) corner++;
    if ((i + 1) % images) continue;
    starts.boxes.push(box);
    starts.corners.push(corner);
  }
  return starts;
}

/**
 * Put the boxes of an outcome together.
 * @param {{ found: ArrayLike<number>, places: ArrayLike<number>, kinds: ArrayLike<number>, scores: Uint32Array,
 *   corners: Uint32Array }} arrays
 * @param {number} images
 * @param {{ boxes: number[], corners: number[] }} starts
 * @param {number} which
 * @returns {BoxRows}
 */
function joined({ found, places, kinds, scores, corners }, images, starts, which) {
  let box = starts.boxes[which],
    corner = starts.corners[which];
  const rows = new Float32Array((starts.boxes[which + 1] - box) * BOX_FIELDS),
    words = new Uint32Array(rows.buffer),
    offsets = new Int32Array(images + 1),
    count = corners.length / BOX_CORNERS;
  for (let image = 0, at = 0; image < images; image++) {
    const boxes = found[which * images + image];
    for (let i = 0; i < boxes; i++, box++, at += BOX_FIELDS) {
      if (!places[box]) corner++;
      const own = places[box] ? corner - places[box] : corner - 1;
      for (let side = 0; side < BOX_CORNERS; side++) words[at + side] = corners[side * count + own];
      words[at + 4] = i ? words[at - 2] - scores[box] : scores[box]; // of 32 bits: it wraps around
      rows[at + 5] = kinds[box];
    }
    offsets[image + 1] = offsets[image] + boxes;
  }
  return { offsets, rows };
}
