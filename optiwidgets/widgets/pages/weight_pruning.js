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
  const count = keys.length,
    together = new Float64Array(count),
    ranks = new Uint32Array(count);
  for (let i = 0; i < count; i++) together[i] = keys[i] * count + i; // exact below 2^53
  together.sort();
  for (let rank = 0; rank < count; rank++) ranks[together[rank] % count] = rank;
  return ranks;
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
