// One real node-ipc endpoint, driven by JSON lines: commands on stdin, events on stdout.
// README.md in this folder lists the options, commands and events.
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import readline from 'node:readline';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { evaluate, payloads } from './payloads.mjs';

const PACKAGES = {
  9: 'node-ipc-9/node-ipc.js',
  10: '@achrinza/node-ipc/node-ipc.js',
  12: 'node-ipc-12/node-ipc.js',
  14: 'node-ipc-14/node-ipc.js',
};
const UDP = ['udp4', 'udp6'];

const { values: args } = parseArgs({
  options: {
    version: { type: 'string' },
    role: { type: 'string' },
    transport: { type: 'string', default: 'unix' },
    path: { type: 'string' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    id: { type: 'string', default: 'world' },
    config: { type: 'string', default: '{}' },
    script: { type: 'string', default: '' },
    echo: { type: 'boolean', default: false },
  },
});

const state = {
  /** Server: every socket in accept order (UDP: every peer heard from). Its index is `n` in events and commands. */
  peers: [],
  /** --script count: messages seen, the last number, and whether each number was one more than the last. */
  count: { n: 0, last: -1, ordered: true },
};

const scripts = {
  echo: { message: (message) => message.reply(message.type, message.data) },
  payloads: { connected: (emit) => payloads.filter((p) => !p.throws).forEach((p) => emit('p', evaluate(p.expr))) },
  count: { message: (message) => tally(message.data), quiet: true },
};

/** JSON has no text for these values, but 1e400 and -0 on the wire make them. */
function unprintable(data) {
  if (typeof data !== 'number') return undefined;
  if (Object.is(data, -0)) return '-0';
  return Number.isFinite(data) ? undefined : String(data);
}

function report(event) {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function usage(message) {
  process.stderr.write(`peer.mjs: ${message}\n`);
  process.exit(2);
}

function tally(data) {
  if (data !== state.count.last + 1) state.count.ordered = false;
  state.count.last = data;
  state.count.n += 1;
}

/** Whether a server's third argument is where a message came from, rather than the id of a lost socket. */
function isPeer(value) {
  return value instanceof net.Socket || (UDP.includes(args.transport) && value?.port !== undefined);
}

/** The number of a server's socket, given in the order of first sight. */
function peerNumber(socket) {
  const same = (known) =>
    known === socket ||
    (UDP.includes(args.transport) && known.address === socket.address && known.port === socket.port);
  const known = state.peers.findIndex(same);
  return known === -1 ? state.peers.push(socket) - 1 : known;
}

function reportError(error, n) {
  report({ ev: 'error', code: error?.code, name: error?.name, message: error?.message, n });
}

function reportMessage(type, data, n, reply) {
  // Classic turns a frame it cannot parse into an `error` message that holds the parser's Error.
  if (type === 'error' && data?.err instanceof Error) {
    report({ ev: 'error', code: 'INVALID_JSON', name: data.err.name, message: data.err.message, n });
    return;
  }
  const script = scripts[args.script];
  if (!script?.quiet) {
    report({ ev: 'message', type, data, absent: data === undefined, js: unprintable(data), n });
  }
  script?.message?.({ type, data, reply });
  if (args.echo) reply(type, data);
}

/**
 * What one call of node-ipc's `publish` means. Lifecycle and messages share it, and a peer may send any type,
 * so it is told apart by the number of arguments: a message has data (even undefined) and, at a server, the
 * socket. A server's socket.disconnected has as many, but ends with an id.
 */
function observeClient(client, argv) {
  const [type, data] = argv;
  if (argv.length === 1) return report({ ev: type });
  if (type === 'error' && data instanceof Error) return reportError(data);
  if (type === 'data' && Buffer.isBuffer(data)) return report({ ev: 'data', b64: data.toString('base64') });
  return reportMessage(type, data, undefined, (t, d) => client.emit(t, d));
}

function observeServer(server, argv) {
  const [type, data, socket] = argv;
  if (argv.length < 3) return observeServerEvent(type, data);
  if (type === 'socket.disconnected' && !isPeer(socket)) {
    return report({ ev: 'socket.disconnected', id: socket, n: isPeer(data) ? peerNumber(data) : undefined });
  }
  const n = peerNumber(socket);
  if (type === 'data' && Buffer.isBuffer(data)) return report({ ev: 'data', b64: data.toString('base64'), n });
  return reportMessage(type, data, n, (t, d) => server.emit(socket, t, d));
}

function observeServerEvent(type, subject) {
  if (type === 'error') return reportError(subject);
  if (type === 'connect' && !UDP.includes(args.transport)) {
    return report({ ev: 'connect', n: peerNumber(subject) });
  }
  if (type === 'close') return report({ ev: 'close', n: isPeer(subject) ? peerNumber(subject) : undefined });
  // `start` is reported from the listening socket, which knows its port.
  return undefined;
}

/** Wraps `publish`, the one place every event passes; '*' handlers lose arguments in 9.x. */
function observe(endpoint, see, after) {
  const publish = endpoint.publish.bind(endpoint);
  endpoint.publish = (...argv) => {
    see(endpoint, argv);
    const result = publish(...argv);
    after?.(argv);
    return result;
  };
}

function whenBound(server, done) {
  const socket = server.server;
  if (!UDP.includes(args.transport)) return done(socket.address());
  try {
    return done(socket.address());
  } catch {
    // Classic announces UDP before the socket is bound.
    return socket.once('listening', () => done(socket.address()));
  }
}

function serve(ipc) {
  let listener;
  const started = () => {
    // A peer may send the type `start`; every real start has a listener of its own.
    if (ipc.server.server === listener) return;
    listener = ipc.server.server;
    whenBound(ipc.server, (at) =>
      report(typeof at === 'string' ? { ev: 'start', path: at } : { ev: 'start', host: at.address, port: at.port }),
    );
  };
  if (args.transport === 'unix') {
    if (args.path === undefined) ipc.serve(started);
    else ipc.serve(args.path, started);
  } else {
    // node-ipc takes port 0 as "not given"; the string '0' is truthy and still asks the system for a port.
    if (UDP.includes(args.transport)) ipc.serveNet(args.host, 1, args.transport, started);
    else ipc.serveNet(args.host, 1, started);
    ipc.server.port = args.port === '0' ? '0' : Number(args.port);
  }
  observe(ipc.server, observeServer, (argv) => {
    if (argv[0] === 'connect' && argv.length === 2 && !UDP.includes(args.transport)) {
      scripts[args.script]?.connected?.((type, data) => ipc.server.emit(argv[1], type, data));
    }
  });
  ipc.server.start();
}

function connect(ipc) {
  if (args.transport === 'tcp') ipc.connectToNet(args.id, args.host, Number(args.port));
  else if (args.path === undefined) ipc.connectTo(args.id);
  else ipc.connectTo(args.id, args.path);
  const client = ipc.of[args.id];
  // Kept beside `of`, which forgets the client on disconnect.
  state.client = client;
  observe(client, observeClient, (argv) => {
    if (argv[0] === 'connect' && argv.length === 1) {
      scripts[args.script]?.connected?.((type, data) => client.emit(type, data));
    }
  });
}

function target(command) {
  if (command.port !== undefined) return { address: command.address ?? args.host, port: command.port };
  const socket = state.peers[command.n ?? 0];
  if (socket === undefined) throw new RangeError(`no peer number ${command.n ?? 0}`);
  return socket;
}

function emit(ipc, command, data) {
  if (args.role === 'client') return state.client.emit(command.type, data);
  return ipc.server.emit(target(command), command.type, data);
}

const commands = {
  emit: (ipc, c) => emit(ipc, c, c.data),
  emit_to: (ipc, c) => emit(ipc, c, c.data),
  emit_expr: (ipc, c) => emit(ipc, c, evaluate(c.expr)),
  broadcast: (ipc, c) => ipc.server.broadcast(c.type, 'expr' in c ? evaluate(c.expr) : c.data),
  burst: (ipc, c) => {
    for (let i = 0; i < c.n; i += 1) emit(ipc, { type: c.type, n: c.to, port: c.port, address: c.address }, i);
  },
  raw: (ipc, c) => (args.role === 'client' ? state.client.socket : target(c)).write(Buffer.from(c.b64, 'base64')),
  end: (ipc, c) => void (args.role === 'client' ? state.client.socket : target(c)).end(),
  destroy: (ipc, c) => void (args.role === 'client' ? state.client.socket : target(c)).destroy(),
  count: () => report({ ev: 'count', ...state.count }),
  config: (ipc, c) => void Object.assign(ipc.config, c.set),
  start: (ipc) => ipc.server.start(),
  stop: (ipc) => ipc.server.stop(),
  disconnect: (ipc) => ipc.disconnect(args.id),
  exit: (ipc, c) => process.exit(c.code ?? 0),
};

function run(ipc, line) {
  let command = {};
  try {
    command = JSON.parse(line);
    if (!Object.hasOwn(commands, command.cmd)) throw new TypeError(`unknown command ${command.cmd}`);
    const result = commands[command.cmd](ipc, command);
    if (command.seq !== undefined) report({ ev: 'done', seq: command.seq, ret: typeof result === 'boolean' ? result : undefined });
  } catch (error) {
    report({ ev: 'threw', seq: command.seq, name: error?.name, code: error?.code, message: error?.message });
  }
}

async function load() {
  const folder = process.env.IPC_NODE_DIR;
  if (!folder) usage('IPC_NODE_DIR is not set; install.sh fills the folder it names');
  if (!Object.hasOwn(PACKAGES, args.version ?? '')) usage('--version is 9, 10, 12 or 14');
  const file = path.resolve(folder, 'node_modules', PACKAGES[args.version]);
  // 9.x is CommonJS; the others are ES modules whose default export is the instance.
  return args.version === '9' ? createRequire(import.meta.url)(file) : (await import(pathToFileURL(file))).default;
}

function checkArguments() {
  if (!['server', 'client'].includes(args.role)) usage('--role is server or client');
  if (!['unix', 'tcp', ...UDP].includes(args.transport)) usage('--transport is unix, tcp, udp4 or udp6');
  if (args.script && !Object.hasOwn(scripts, args.script)) usage(`--script is one of ${Object.keys(scripts)}`);
  if (args.role === 'client' && UDP.includes(args.transport)) usage('over UDP both ends are servers');
}

checkArguments();
const ipc = await load();
Object.assign(ipc.config, { silent: true, id: args.id }, JSON.parse(args.config));

// node-ipc 10–14 throws out of its socket listener for some frames; the recordings were made with a process that survives it.
process.on('uncaughtException', (error) => report({ ev: 'uncaught', name: error?.name, message: error?.message }));

// Nobody is left to report to.
process.stdout.on('error', () => process.exit(0));

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => line.trim() && run(ipc, line))
  // A test that dies closes the pipe; its peers go with it.
  .on('close', () => process.exit(0));

try {
  if (args.role === 'server') serve(ipc);
  else connect(ipc);
} catch (error) {
  report({ ev: 'threw', name: error?.name, code: error?.code, message: error?.message });
}
