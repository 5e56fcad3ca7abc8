// Stock node-ipc as a runner for `ipc check --command`: RUNNER.md has the protocol. Events are seen at `publish`, the one
// place that all of them pass; peers are bare sockets.
import dgram from 'node:dgram';
import { mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const PACKAGES = {
  9: 'node-ipc-9/node-ipc.js',
  10: '@achrinza/node-ipc/node-ipc.js',
  12: 'node-ipc-12/node-ipc.js',
  14: 'node-ipc-14/node-ipc.js',
};
// How long nothing may happen until a case is over, and between chunks, so that each is read by itself.
const QUIET = 60;
const BETWEEN = 15;

const { values: args } = parseArgs({ options: { version: { type: 'string', default: '14' } } });
const file = path.resolve(process.env.IPC_NODE_DIR ?? '.', 'node_modules', PACKAGES[args.version] ?? '');
const loaded = args.version === '9' ? createRequire(import.meta.url)(file) : (await import(pathToFileURL(file))).default;
const folder = mkdtempSync(path.join(os.tmpdir(), 'ipc-runner-'));
const recorded = { 9: /^9\./, 10: /^a?10\./, 12: /^12\./, 14: /^14\./ }[args.version];

let last = Date.now();
let count = 0;
const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
process.on('uncaughtException', () => (last = Date.now()));

async function quiet(most) {
  const end = Date.now() + most;
  while (Date.now() - last < QUIET && Date.now() < end) await pause(5);
}

/** What was published, as events of the protocol. */
function event(published, role) {
  const [type, ...rest] = published;
  const ends = { server: 'socket.disconnected', client: 'disconnect' }[role];
  const server = role === 'server';
  if (type === ends && (server ? rest.length === 2 && rest[0] instanceof net.Socket : rest.length === 0)) {
    return { event: 'disconnect' };
  }
  // What 9 to 12 make of a datagram of the type close.
  if (type === ends && rest[0] instanceof dgram.Socket) return null;
  if (!server && type === 'destroy' && rest.length === 0) return { event: 'destroy' };
  if (server ? rest.length < 2 && !(rest[0] instanceof Error) : type === 'connect' && rest.length === 0) return null;
  if (type === 'error' && (rest[0] instanceof Error || rest[0]?.err instanceof Error)) {
    return { event: 'error', code: rest[0].code };
  }
  if (type === 'data' && Buffer.isBuffer(rest[0])) return { event: 'data', b64: rest[0].toString('base64') };
  return { event: 'message', type, data: rest[0] };
}

function options(question) {
  const { delimiter, profile, encoding, identifyPeer, allowReservedEvents, allowedEvents, messageTimeout } = question.config;
  const config = { silent: true, delimiter, encoding, maxRetries: 0, stopRetrying: true, retry: 1e6 };
  if (profile === 'raw') config.rawBuffer = true;
  else if (args.version === '14') config.parser = profile;
  if (args.version === '14') Object.assign(config, { identifyPeer, allowReservedEvents });
  if (allowedEvents.length > 0) config.allowedEvents = allowedEvents;
  if (args.version === '14' && messageTimeout) Object.assign(config, { messageTimeout });
  return config;
}

/** Why this version cannot do a case, if it cannot. */
function missing({ version, options, config, role }) {
  if (!recorded.test(version) || options === 'message_parser') return 'It was recorded with another version or parser.';
  if (config.profile === 'assured' && role === 'server') return 'An assured server has its socket in a folder of its own.';
}

/** A port that nobody uses. */
async function freePort(type, host) {
  const socket = dgram.createSocket(type);
  await new Promise((done) => socket.bind(0, host, done));
  const { port } = socket.address();
  await new Promise((done) => socket.close(done));
  return port;
}

/** Datagrams, which come to a server of whichever role. */
async function datagrams(question, ipc, observe) {
  const host = question.transport === 'udp6' ? '::1' : '127.0.0.1';
  const port = await freePort(question.transport, host);
  await new Promise((done) => {
    ipc.serveNet(host, port, question.transport, done);
    observe(ipc.server);
    ipc.server.start();
  });
  const peer = dgram.createSocket(question.transport);
  for (const chunk of question.chunks) {
    last = Date.now();
    await new Promise((done) => peer.send(Buffer.from(chunk, 'base64'), port, host, done));
    await pause(BETWEEN);
  }
  await quiet(5000);
  return () => {
    peer.close();
    ipc.server.stop();
  };
}

async function run(question) {
  const reason = missing(question);
  if (reason) return { done: true, protocol: 2, skip: reason };
  const ipc = new loaded.IPC();
  Object.assign(ipc.config, options(question), { id: 'world' });
  const at = path.join(folder, `${(count += 1)}.sock`);
  const seen = [];
  let peerId;
  let end = false;
  const observe = (endpoint) => {
    const publish = endpoint.publish.bind(endpoint);
    endpoint.publish = (...published) => {
      last = Date.now();
      const line = end ? null : event(published, question.role);
      if (line) seen.push(line);
      try {
        return publish(...published);
      } catch (error) {
        // No handler has seen it.
        if (line) seen[seen.lastIndexOf(line)] = { event: 'threw' };
        throw error;
      } finally {
        const socket = published.at(-1);
        if (!end && socket instanceof net.Socket && socket.id !== undefined) peerId = socket.id;
      }
    };
  };
  if (question.transport.startsWith('udp')) {
    const stop = await datagrams(question, ipc, observe);
    seen.forEach(write);
    end = true;
    stop();
    return { done: true, protocol: 2, closed: false };
  }
  let peer;
  let listener;
  if (question.role === 'server') {
    await new Promise((done) => {
      ipc.serve(at, done);
      observe(ipc.server);
      ipc.server.start();
    });
    peer = net.connect(at);
    await new Promise((done) => peer.once('connect', done));
  } else {
    listener = net.createServer();
    await new Promise((done) => listener.listen(at, done));
    const accepted = new Promise((done) => listener.once('connection', done));
    ipc.connectTo('world', at);
    observe(ipc.of.world);
    peer = await accepted;
  }
  let closed = false;
  peer.on('error', () => {}).on('end', () => (closed = true)).on('close', () => (closed = true)).resume();
  await pause(BETWEEN);
  for (const chunk of question.chunks) {
    last = Date.now();
    await new Promise((done) => (peer.destroyed ? done() : peer.write(Buffer.from(chunk, 'base64'), done)));
    await pause(BETWEEN);
  }
  if (question.eof) peer.end();
  if (question.wait) await pause(question.config.messageTimeout + 200);
  last = Date.now();
  await quiet(5000);
  seen.forEach(write);
  end = true;
  const gone = closed || (question.role === 'client' && seen.some((line) => line.event === 'disconnect'));
  peer.destroy();
  listener?.close();
  if (question.role === 'server') ipc.server.stop();
  else ipc.disconnect('world');
  return { done: true, protocol: 2, closed: gone, peerId: peerId === undefined ? undefined : JSON.stringify(peerId) };
}

/** Lines of standard input. node:readline would end one at U+2028 as well, which a delimiter may be. */
async function* lines() {
  let pieces = [];
  for await (const text of process.stdin.setEncoding('utf8')) {
    const [first, ...others] = text.split('\n');
    pieces.push(first);
    for (const other of others) {
      yield pieces.join('');
      pieces = [other];
    }
  }
}

async function main() {
  for await (const line of lines()) write(await run(JSON.parse(line)));
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
