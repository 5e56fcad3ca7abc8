// The kinds of data a node-ipc application can emit, and the JSON text each dialect puts after `"data":`.
// The table itself is payloads.json, so that a reader in another language needs no JavaScript.
import { readFileSync } from 'node:fs';

/**
 * Rows of `{name, expr, classic, modern}`: a JavaScript expression and the wire text of its data in node-ipc
 * 9–12 (`classic`) and 14 (`modern`); a null text means the frame has no `data` key. Rows with `throws`
 * instead name the error `emit` raises before anything is written.
 */
export const payloads = JSON.parse(readFileSync(new URL('./payloads.json', import.meta.url), 'utf8'));

/** The value of a payload's expression, fresh at every call. */
export function evaluate(expr) {
  // Indirect eval in parentheses: global scope, and `{…}` is an object rather than a block.
  return (0, eval)(`(${expr})`);
}
