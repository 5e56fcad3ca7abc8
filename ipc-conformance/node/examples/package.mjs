// The command line of every script here: `node SCRIPT.mjs VERSION ENDPOINT [ENCODING] [CONFIG.json]`, where VERSION is 9 or
// 14, ENDPOINT is `unix:PATH` or one of `tcp`, `tls`, `udp4`, `udp6` with `:HOST:PORT`, and the file has node-ipc's
// options. The package comes from the folder that IPC_NODE_DIR names.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , version, endpoint, ...more] = process.argv;
const file = path.resolve(process.env.IPC_NODE_DIR, `node_modules/node-ipc-${version}/node-ipc.js`);
const encoding = more.find((word) => !word.endsWith('.json'));
const config = more.find((word) => word.endsWith('.json'));

/** node-ipc as an application has it: 9 is CommonJS, the others are ES modules. */
export const ipc =
  version === '9' ? createRequire(import.meta.url)(file) : (await import(pathToFileURL(file))).default;
export const options = { silent: true, retry: 50, ...(encoding && { rawBuffer: true, encoding }) };
if (config) Object.assign(options, JSON.parse(readFileSync(config, 'utf8')));
Object.assign(ipc.config, options);

export const [, scheme, place] = /^(unix|tcp|tls|udp4|udp6):(.*)$/.exec(endpoint);
export const [, name, digits] = /^(.*):(\d+)$/.exec(place) ?? [];
export const host = name?.replace(/^\[|\]$/g, '');
export const port = Number(digits);
export const isUdp = scheme.startsWith('udp');
