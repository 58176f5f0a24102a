// Pixels of images, which come once for each image and are kept here.

import { integers } from "../base/panel_runtime.js";

/** @import { Pixels } from "../base/types" */

/**
 * Pixels by "images/index".
 * @type {Map<string, ImageData>}
 */
const known = new Map();

/**
 * Look up the pixels of an image; undefined if they have not come.
 * @param {string} images
 * @param {number} index
 */
export const pixelsOf = (images, index) => known.get(`${images}/${index}`);

/**
 * Keep the pixels that came, of one or three colours a pixel.
 * @param {Pixels} pixels
 */
export function keepPixels({ images, indices, shape, values }) {
  const [height, width, colours] = shape,
    size = height * width;
  integers(indices).forEach((index, n) => {
    const image = new ImageData(width, height);
    for (let i = 0; i < size; i++) {
      for (let c = 0; c < 3; c++)
        image.data[4 * i + c] = values.getUint8((n * size + i) * colours + (colours < 3 ? 0 : c));
      image.data[4 * i + 3] = 255;
    }
    known.set(`${images}/${index}`, image);
  });
}
