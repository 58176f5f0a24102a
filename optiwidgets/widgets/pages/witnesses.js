// Witnesses of a page: runs of Python that its runtime must repeat before it answers recipes of their kind.

import { text } from "../base/texts.js";
import { recipeInWords } from "./recipe_in_words.js";
import { BASELINE, isUntouched, recipeKey, withoutIdle } from "./recipe_rules.js";

/** @import { Recipe } from "../base/types" */
/** @import { Proof, WitnessesJson } from "./runtime_types" */

const UNTOUCHED = 0; // place of the untouched model among the witnesses

/**
 * Kind of a recipe: its fields with an effect but sparsity and bit-width (Python: kind_of in page_witnesses.py).
 * @param {Recipe} recipe
 */
const kindOf = (recipe) =>
  recipeKey({ ...withoutIdle(recipe), sparsity: BASELINE.sparsity, bits: BASELINE.bits });

/** Witnesses that were compared: each once, when a recipe of its kind is first asked for. */
export class Proofs {
  /** Output of the untouched model, once it was compared. @type {Float32Array | null} */
  untouched = null;
  /** Whether a witness is the same, by its place. @type {Map<number, boolean>} */
  #known = new Map();
  /** @type {Map<number, Promise<void>>} */
  #asked = new Map();

  /**
   * @param {WitnessesJson | null} witnesses null: nothing is compared
   * @param {(place: number) => Promise<Proof>} prove
   */
  constructor(witnesses, prove) {
    this.runs = witnesses && witnesses.runs.map(({ recipe }) => ({ ...BASELINE, ...recipe }));
    this.prove = prove;
    /** @type {Map<string, number>} */
    this.places = new Map();
    this.runs?.forEach((recipe, place) => {
      if (place !== UNTOUCHED) this.places.set(kindOf(recipe), place);
    });
  }

  /**
   * Places of the witnesses that a recipe depends on; null if its kind has none.
   * @param {Recipe} recipe
   */
  #placesOf(recipe) {
    if (!this.runs) return [];
    if (isUntouched(recipe)) return [UNTOUCHED];
    const place = this.places.get(kindOf(recipe));
    return place === undefined ? null : [UNTOUCHED, place];
  }

  /**
   * Why a recipe needs Python, as far as it is known; empty if nothing speaks against it.
   * @param {Recipe} recipe
   */
  refusal(recipe) {
    const places = this.#placesOf(recipe);
    if (!places) return unproven(recipe);
    const differs = places.find((place) => this.#known.get(place) === false);
    if (differs === undefined || !this.runs) return "";
    return differs === UNTOUCHED ? allDiffers() : kindDiffers(this.runs[differs]);
  }

  /**
   * Compare the witnesses that a recipe depends on; `refusal` knows the result.
   * @param {Recipe} recipe
   */
  async compare(recipe) {
    for (const place of this.#placesOf(recipe) ?? []) {
      if (this.#known.get(place) === undefined) await this.#compared(place);
      if (!this.#known.get(place)) return;
    }
  }

  /**
   * Compare the witnesses that a recipe depends on; an error with the reason if one differs.
   * @param {Recipe} recipe
   */
  async check(recipe) {
    await this.compare(recipe);
    const reason = this.refusal(recipe);
    if (reason) throw new Error(reason);
  }

  /** Compare a witness once; after a failure the next recipe tries again. @param {number} place */
  #compared(place) {
    const known = this.#asked.get(place);
    if (known) return known;
    const asked = this.prove(place).then(
      ({ isSame, output }) => {
        if (place === UNTOUCHED) this.untouched = output;
        this.#known.set(place, isSame);
      },
      (error) => {
        this.#asked.delete(place);
        throw error;
      },
    );
    this.#asked.set(place, asked);
    return asked;
  }
}

const allDiffers = () =>
  text(
    "The page's own computation differs from Python for the untouched model: recipes without stored numbers need Python.",
  );

/** @param {Recipe} recipe */
const kindDiffers = (recipe) =>
  text("The page's own computation differs from Python for {recipe}: recipes of this kind need Python.", {
    recipe: recipeInWords(recipe),
  });

/** @param {Recipe} recipe */
const unproven = (recipe) =>
  text("The page's own computation of {recipe} was not compared with Python: it needs Python.", {
    recipe: recipeInWords(recipe),
  });
