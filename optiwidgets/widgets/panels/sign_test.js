// Exact test of paired changes.

const LEVEL = 0.05;
const LARGEST_POWER = 500;
const LARGEST = 2 ** LARGEST_POWER;

/**
 * Compute the two-sided p of the sign test: changes up and down are as likely as heads and tails.
 * @param {number} up
 * @param {number} down
 */
export function signP(up, down) {
  const n = up + down,
    least = Math.min(up, down);
  let term = 1, // binomial coefficient of i of n, over 2 ** power
    sum = 0,
    power = 0;
  for (let i = 0; i <= least; i++) {
    sum += term;
    term = (term * (n - i)) / (i + 1);
    if (term < LARGEST) continue; // else it would overflow
    term /= LARGEST;
    sum /= LARGEST;
    power += LARGEST_POWER;
  }
  return Math.min(1, scaled(sum, power + 1 - n));
}

/**
 * Multiply by a power of two; one step of -1,000 or less would be 0.
 * @param {number} number
 * @param {number} power
 */
const scaled = (number, power) => number * 2 ** Math.max(power, -1000) * 2 ** Math.min(power + 1000, 0);

/** @param {number} up @param {number} down */
export const isClearChange = (up, down) => signP(up, down) < LEVEL;
