/** Vote as the server describes it to pages; a ballot is a position. */
export interface Vote {
  id: number;
  kind: "choice" | "number";
  title: string;
  round: number;
  state: "open" | "closed";
  options?: string[];
  low?: number;
  high?: number;
  step?: number;
  unit?: string;
  truth?: number;
}

/** Counts of each round's positions, and the number of students whose page is open. */
export interface Tally {
  vote?: number;
  here: number;
  rounds: number[][];
  points?: CloudPoint[];
}

/** A settled recipe of the class: size in bytes and points lost of a case's model. */
export interface CloudPoint {
  bytes: number;
  drop: number;
  model: string;
}

/** Recipe that an explorer's page shows: its notebook and the query of its share link. */
export interface PageRecipe {
  lesson: string;
  query: string;
  line: string;
  bytes: number;
  drop: number | null;
}

/** Recipes that the class shares, as a page sees them. */
export interface Shared {
  teacher: boolean;
  asked: boolean;
  collecting: boolean;
  pointed: PageRecipe | null;
  pushed?: PageRecipe | null;
}

/** A learner's own state, told to their page when it connects. */
export interface StudentMessage {
  type: "student";
  number: number;
  name: string;
  /** True if the class goes by names, and this learner was not asked yet. */
  due: boolean;
  /** Lesson last seen; empty if none. */
  last: string;
  works: Record<string, object>;
}

export type Message =
  | StudentMessage
  | { type: "named"; name: string; due: boolean }
  | { type: "names"; on: boolean }
  | { type: "noted"; turn: number; refused?: string }
  | { type: "vote"; vote: Vote | null; own?: number | null }
  | { type: "kept"; vote: number; round: number; own: number }
  | ({ type: "tally" } & Tally)
  | ({ type: "recipes" } & Shared)
  | { type: "refused"; reason: string };

/** The parts of a WebSocket that a channel uses. */
export interface Socket {
  send(text: string): void;
  close(): void;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
}

export interface Channel {
  send(message: object): boolean;
  close(): void;
}
