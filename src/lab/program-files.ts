/**
 * Files of ctlab that run as threads or processes of their own. Their places are told from here: one folder below the
 * root, as deep as the chunks into which the command line is bundled.
 */
export const WORKER = new URL("../lab/worker.js", import.meta.url);
export const LOAD_GENERATOR = new URL("../lab/live/testbed/load-generator.js", import.meta.url);
export const BULK_WRITER = new URL("../report/bulk-writer.js", import.meta.url);
