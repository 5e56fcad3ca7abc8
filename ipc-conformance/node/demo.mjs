// node-ipc's side of `ipc demo`: a server and a client over every transport that is asked for, all in one process, because
// starting Node is what takes long.
//   node demo.mjs VERSION '{"certificate":FILE,"key":FILE,"scenes":[{"name":"unix"|"tcp"|"tls"|"udp4","server":PATH,"client":PATH|PORT}]}'
// Prints {"server":NAME,"port":N} for each server that listens, and {"client":NAME} for each client whose hello was answered.
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , version, spec] = process.argv;
const { certificate, key, scenes } = JSON.parse(spec);
const file = path.resolve(process.env.IPC_NODE_DIR, `node_modules/node-ipc-${version}/node-ipc.js`);
const { IPC } =
  version === '9' ? createRequire(import.meta.url)(file) : (await import(pathToFileURL(file))).default;
const HOST = '127.0.0.1';

const report = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

function instance(name, tls) {
  const ipc = new IPC();
  Object.assign(ipc.config, { silent: true, id: name, retry: 50 }, name === 'tls' && { tls });
  return ipc;
}

/** Listens on TCP or UDP; node-ipc takes port 0 as "not given", but asks the system for a port by the string '0'. */
function listen(ipc, name, ready) {
  if (name === 'udp4') ipc.serveNet(HOST, 1, name, ready);
  else ipc.serveNet(HOST, 1, ready);
  ipc.server.port = '0';
}

function serve({ name, server: at }) {
  const ipc = instance(name, { private: key, public: certificate });
  const listening = () => report({ server: name, port: ipc.server.server.address().port });
  // Classic announces UDP before the socket is bound.
  const ready = () => (name === 'udp4' ? setImmediate(listening) : listening());
  if (name === 'unix') ipc.serve(at, ready);
  else listen(ipc, name, ready);
  ipc.server.on('message', (data, socket) => data === 'hello' && ipc.server.emit(socket, 'message', 'world'));
  ipc.server.on('ping', (data, socket) => ipc.server.emit(socket, 'ping', data));
  ipc.server.start();
}

function connect({ name, client: at }) {
  const ipc = instance(name, { trustedConnections: [certificate] });
  const world = { port: at, address: HOST };
  const converse = (end, emit) => {
    end.on('message', (data) => data === 'world' && report({ client: name }));
    end.on('beat', (data) => emit('beat', data));
    return () => emit('message', 'hello');
  };
  if (name === 'udp4') {
    listen(ipc, name, () => hello());
    const hello = converse(ipc.server, (type, data) => ipc.server.emit(world, type, data));
    ipc.server.start();
    return;
  }
  if (name === 'unix') ipc.connectTo('world', at);
  else ipc.connectToNet('world', HOST, at);
  const end = ipc.of.world;
  end.on('connect', converse(end, (type, data) => end.emit(type, data)));
}

scenes.forEach(serve);
scenes.forEach(connect);
// The demo is over when it closes our input.
process.stdin.on('close', () => process.exit(0)).resume();
