// What every script here begins with: `node SCRIPT.mjs VERSION ENDPOINT [ENCODING]`, where VERSION is 9 or 14 and
// ENDPOINT is `unix:PATH`, `tcp:HOST:PORT` or, for the script's own id at its default path, `id:`. The package comes from
// the folder that IPC_NODE_DIR names.
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , version, endpoint, encoding] = process.argv;
const file = path.resolve(process.env.IPC_NODE_DIR, `node_modules/node-ipc-${version}/node-ipc.js`);

/** node-ipc as an application has it: 9 is CommonJS, the others are ES modules. */
export const ipc =
  version === '9' ? createRequire(import.meta.url)(file) : (await import(pathToFileURL(file))).default;
ipc.config.silent = true;
ipc.config.retry = 50;
if (encoding) Object.assign(ipc.config, { rawBuffer: true, encoding });

const [, scheme, place] = /^(unix|tcp|id):(.*)$/.exec(endpoint);
const [, host, port] = /^(.*):(\d+)$/.exec(place) ?? [];

/** Serves at the endpoint; says where, port 0 being whatever the system picked. */
export function serve(handlers) {
  const started = () => {
    handlers(ipc.server);
    const address = ipc.server.server.address();
    console.log(`listening at ${scheme}:${scheme === 'tcp' ? `${host}:${address.port}` : address}`);
  };
  if (scheme === 'tcp') ipc.serveNet(host, Number(port), started);
  else if (scheme === 'id') ipc.serve(started);
  else ipc.serve(place, started);
  ipc.server.start();
}

/** Connects to the endpoint; the server is called `name` here. */
export function connect(name, handlers) {
  const ready = () => handlers(ipc.of[name]);
  if (scheme === 'tcp') ipc.connectToNet(name, host, Number(port), ready);
  else if (scheme === 'id') ipc.connectTo(name, ready);
  else ipc.connectTo(name, place, ready);
}
