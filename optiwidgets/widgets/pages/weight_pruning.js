// Pruning of weights and channels, as Python's: the same number, and of equal scores the lower index first.

/**
 * Number pruned of `total`, halves rounded up.
 * @param {number} sparsity 0..1
 * @param {number} total
 */
export const prunedCount = (sparsity, total) => Math.floor(sparsity * total + 0.5);

/**
 * Keys that order weights by magnitude: the bits of a positive float ascend with it.
 * @param {Float32Array} weights
 * @returns {Uint32Array}
 */
export function magnitudeKeys(weights) {
  const sizes = Float32Array.from(weights, Math.abs);
  return new Uint32Array(sizes.buffer);
}

/**
 * Rank keys in ascending order; of equal keys the lower index first.
 * @param {Uint32Array | Uint16Array} keys
 * @returns {Uint32Array} the rank of each
 */
export function rankAscending(keys) {
  const ranks = new Uint32Array(keys.length);
  let order = new Uint32Array(keys.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  for (const shift of [0, 11, 22]) order = sortedBy(keys, order, shift);
  for (let rank = 0; rank < order.length; rank++) ranks[order[rank]] = rank;
  return ranks;
}

/**
 * Order indices by 11 bits of their keys; of equal ones the order stays.
 * @param {Uint32Array | Uint16Array} keys
 * @param {Uint32Array} order
 * @param {number} shift
 */
function sortedBy(keys, order, shift) {
  const next = new Uint32Array(order.length),
    places = new Uint32Array(0x801); // first place of each value's indices
  for (let i = 0; i < keys.length; i++) places[((keys[i] >>> shift) & 0x7ff) + 1]++;
  for (let value = 1; value < places.length; value++) places[value] += places[value - 1];
  for (let i = 0; i < order.length; i++) next[places[(keys[order[i]] >>> shift) & 0x7ff]++] = order[i];
  return next;
}

/**
 * Mark the weights that stay when those of the lowest ranks are pruned.
 * @param {Uint32Array} ranks
 * @param {number} pruned
 * @returns {Uint8Array} 1 where a weight stays
 */
export function keepHighest(ranks, pruned) {
  const kept = new Uint8Array(ranks.length);
  for (let i = 0; i < kept.length; i++) kept[i] = Number(ranks[i] >= pruned);
  return kept;
}

/**
 * Channels of a set that are removed; at least one stays.
 * @param {number[]} channels
 * @param {number[]} ranks
 * @param {number} sparsity 0..1
 */
export function removedChannels(channels, ranks, sparsity) {
  const cut = Math.min(prunedCount(sparsity, channels.length), channels.length - 1);
  return channels.filter((_, index) => ranks[index] < cut);
}

/**
 * Take the kept indices of a tensor along every axis.
 * @param {import("./runtime_types").Tensor} tensor
 * @param {number[][]} axes the channel of each index of each axis
 * @param {Set<number>} removed
 * @returns {import("./runtime_types").Tensor}
 */
export function withoutChannels({ shape, data }, axes, removed) {
  /** @type {number[][]} */
  const stay = axes.map((ids) => [...ids.keys()].filter((index) => !removed.has(ids[index])));
  /** @type {number[]} */
  let places = [0];
  stay.forEach((indices, axis) => {
    places = places.flatMap((place) => indices.map((index) => place * shape[axis] + index));
  });
  return { shape: stay.map((indices) => indices.length), data: Float32Array.from(places, (at) => data[at]) };
}
