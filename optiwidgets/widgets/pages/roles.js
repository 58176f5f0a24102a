// Stand-ins for the Python of widgets, by the name that `page_role` gives. A role observes models and sets their traits.

import { startExplorer } from "./page_explorer.js";
import { startLive } from "./page_outcome.js";
import { startProgress } from "./page_progress.js";
import { startQuiz } from "./page_quiz.js";

/** @import { StartRole } from "./static_types" */

/** The path draws itself from what the browser keeps. */
const startPath = () => {};

/** @type {Record<string, StartRole>} */
export const ROLES = {
  explorer: startExplorer,
  quiz: startQuiz,
  live: startLive,
  progress: startProgress,
  core_path: startPath,
};
