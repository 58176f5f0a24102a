// Stand-ins for the Python of widgets, by the name that `page_role` gives. A role observes models and sets their traits.

/** @import { StartRole } from "./static_types" */

/** @type {Record<string, StartRole>} */
export const ROLES = {};
