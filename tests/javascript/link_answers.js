// Answers of the reader of share links: the state that each query opens, or the sentence that refuses it.

import { checkLink, readLink } from "../../optiwidgets/widgets/pages/page_link.js";

export async function links(rules, open, queries) {
  const own = { ...open, layersOf: async () => open.layers };
  const told = [];
  for (const query of queries) {
    try {
      const link = readLink(query, rules);
      if (link) await checkLink(link, rules, own);
      told.push(link ?? {});
    } catch (error) {
      told.push({ refused: error.message, kind: error.constructor.name });
    }
  }
  return told;
}
