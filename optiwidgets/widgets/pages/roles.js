// Stand-ins for the Python of widgets, by the name that `page_role` gives: module and function. A role observes models
// and sets their traits. page_modules.py puts the modules of a page's roles into its bundle.

/** @type {Record<string, [string, string]>} */
export const ROLES = {
  explorer: ["pages/page_explorer.js", "startExplorer"],
  quiz: ["pages/page_quiz.js", "startQuiz"],
  live: ["pages/page_outcome.js", "startLive"],
  progress: ["pages/page_progress.js", "startProgress"],
  core_path: ["pages/page_progress.js", "startPath"],
};
