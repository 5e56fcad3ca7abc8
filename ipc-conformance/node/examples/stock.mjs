// What every script here begins with: `node SCRIPT.mjs VERSION ENDPOINT [ENCODING] [CONFIG.json]`, where VERSION is 9 or
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
const options = { silent: true, retry: 50, ...(encoding && { rawBuffer: true, encoding }) };
if (config) Object.assign(options, JSON.parse(readFileSync(config, 'utf8')));
Object.assign(ipc.config, options);

const [, scheme, place] = /^(unix|tcp|tls|udp4|udp6):(.*)$/.exec(endpoint);
const [, name, digits] = /^(.*):(\d+)$/.exec(place) ?? [];
const host = name?.replace(/^\[|\]$/g, '');
const port = Number(digits);
const isUdp = scheme.startsWith('udp');

/** Calls `done` with the socket's address. node-ipc 9 announces UDP before the socket is bound. */
function whenBound(socket, done) {
  try {
    done(socket.address());
  } catch {
    socket.once('listening', () => done(socket.address()));
  }
}

/** Starts a server on `port`. node-ipc takes the number 0 as "not given"; the text asks the system to pick one. */
function start(on, port, started) {
  if (isUdp) on.serveNet(host, 1, scheme, started);
  else on.serveNet(host, 1, started);
  on.server.port = port || '0';
  on.server.start();
}

/** Serves at the endpoint; says where, port 0 being whatever the system picked. */
export function serve(handlers) {
  const started = () => {
    handlers(ipc.server);
    whenBound(ipc.server.server, (address) => {
      console.log(`listening at ${scheme}:${scheme === 'unix' ? address : `${name}:${address.port}`}`);
    });
  };
  if (scheme !== 'unix') return start(ipc, port, started);
  ipc.serve(place, started);
  return ipc.server.start();
}

/** UDP has no clients, but a second server, which says where its messages go. This gives it a client's shape. */
const ends = new Map();
function peer(id, handlers) {
  const own = new ipc.IPC();
  Object.assign(own.config, options);
  ends.set(id, own);
  start(own, 0, () => {
    whenBound(own.server.server, () => {
      const emit = (type, data) => own.server.emit({ address: host, port }, type, data);
      const on = (type, handler) => (type === 'connect' ? handler() : own.server.on(type, handler));
      handlers({ emit, on });
    });
  });
}

/** Connects to the endpoint; the server is called `id` here. */
export function connect(id, handlers) {
  const ready = () => handlers(ipc.of[id]);
  if (isUdp) peer(id, handlers);
  else if (scheme === 'unix') ipc.connectTo(id, place, ready);
  else ipc.connectToNet(id, host, port, ready);
}

/** Ends what `connect` began. */
export function leave(id) {
  if (isUdp) ends.get(id).server.stop();
  else ipc.disconnect(id);
}
