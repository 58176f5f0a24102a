// Types of the second producer of the explorer's feed. Only the type checker reads this file; it is not served.

import type { Position } from "../base/types";

/** Everything beside two runs that the feed's data depends on. */
export interface FeedOpen {
  /** truth * K + prediction of the open cell, and index of the open image; -1 for none. */
  cell: number;
  image: number;
  /** Whether the tab "What changed" is open. */
  changes: boolean;
  /** Positions of the controls that gave these numbers. */
  settings: Position[];
  /** Softmax scores N x K of the baseline and of the run, or null where the page has none. */
  scores: { baseline: Float32Array | null; run: Float32Array | null };
  /** Indices of the run's images, where it has the first ones only; baseline and labels have all. */
  indices?: Int32Array;
  /** Why there is no speed; by default the words of a live page, where it is measured later. */
  untimed?: string;
  /** Further keys of the share link. */
  linked?: Record<string, string | number>;
}
