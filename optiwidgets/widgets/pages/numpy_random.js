// The numbers that numpy's `default_rng(0)` draws: PCG64 by M. E. O'Neill, "PCG: A Family of Simple Fast Space-Efficient
// Statistically Good Algorithms for Random Number Generation", 2014. Numbers of 128 bits are eight limbs of 16 bits, the
// lowest first: many times as fast as BigInt.

const LIMBS = 8,
  LIMB = 0x10000,
  WORD = 0x100000000; // 2 ** 32
const MULTIPLIER = limbsOf("2360ed051fc65da44385df649fccf645");
/** State and increment that numpy's seed sequence makes of the seed 0. */
const STATE = limbsOf("1aa1b5345996452d09585eb7a69561e3"),
  INCREMENT = limbsOf("418ddadb3af71a82588133bc447873a9");

/** @param {string} hex 32 digits */
function limbsOf(hex) {
  const digits = hex.match(/.{4}/g) ?? [];
  return digits.map((each) => parseInt(each, 16)).reverse();
}

/** The generator `default_rng(0)`, from its first number on. */
export class SeedZero {
  #state = [...STATE];
  #low = 0; // words of the newest number of 64 bits
  #high = 0;
  #hasHigh = false; // `below` uses the high word after the low one

  /** Advance, and set both words. */
  #step() {
    const old = this.#state,
      state = new Array(LIMBS);
    for (let place = 0, carry = 0; place < LIMBS; place++) {
      let sum = INCREMENT[place] + carry;
      for (let i = 0; i <= place; i++) sum += old[i] * MULTIPLIER[place - i];
      carry = Math.floor(sum / LIMB);
      state[place] = sum - carry * LIMB;
    }
    this.#state = state;
    const low = ((state[0] ^ state[4]) | ((state[1] ^ state[5]) << 16)) >>> 0,
      high = ((state[2] ^ state[6]) | ((state[3] ^ state[7]) << 16)) >>> 0,
      turn = state[7] >>> 10; // the two words are rotated by the six highest bits
    const [one, other] = turn < 32 ? [low, high] : [high, low],
      by = turn % 32;
    this.#low = by ? ((one >>> by) | (other << (32 - by))) >>> 0 : one;
    this.#high = by ? ((other >>> by) | (one << (32 - by))) >>> 0 : other;
  }

  /** Draw a number 0..1, as `random()` does. */
  double() {
    this.#step();
    return (this.#high * 0x200000 + (this.#low >>> 11)) / 2 ** 53;
  }

  /** Draw a word: the low half of a number, then its high half. */
  #word() {
    this.#hasHigh = !this.#hasHigh;
    if (!this.#hasHigh) return this.#high;
    this.#step();
    return this.#low;
  }

  /**
   * Draw a whole number from 0 to `limit` - 1, as `integers(limit)` does: D. Lemire, "Fast Random Integer Generation in
   * an Interval", 2019. Draw no `double` in between: numpy keeps the high word, this class does not.
   * @param {number} limit 2 ** 21 at most, for exact products
   */
  below(limit) {
    if (limit === 1) return 0; // drawn without a word
    const least = WORD % limit;
    for (;;) {
      const product = this.#word() * limit,
        whole = Math.floor(product / WORD);
      if (product - whole * WORD >= least) return whole;
    }
  }
}
