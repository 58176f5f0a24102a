// Exact test of paired changes.

const LEVEL = 0.05;

/**
 * Compute the two-sided p of the sign test: changes up and down are as likely as heads and tails.
 * @param {number} up
 * @param {number} down
 */
export function signP(up, down) {
  const n = up + down,
    least = Math.min(up, down);
  let term = 1, // binomial coefficient of i of n
    sum = 0;
  for (let i = 0; i <= least; i++) {
    sum += term * 2 ** -n;
    term = (term * (n - i)) / (i + 1);
  }
  return Math.min(1, 2 * sum);
}

/** @param {number} up @param {number} down */
export const isClearChange = (up, down) => signP(up, down) < LEVEL;
