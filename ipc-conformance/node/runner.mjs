// Stock node-ipc as a runner for `ipc check --command`: RUNNER.md has the protocol. Events are seen at `publish`, the one
// place that all of them pass; peers are bare sockets.
import { mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
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
  if (!server && type === 'destroy' && rest.length === 0) return { event: 'destroy' };
  if (server ? rest.length < 2 && !(rest[0] instanceof Error) : type === 'connect' && rest.length === 0) return null;
  if (type === 'error' && (rest[0] instanceof Error || rest[0]?.err instanceof Error)) {
    return { event: 'error', code: rest[0].code };
  }
  return { event: 'message', type, data: rest[0] };
}

function options(question) {
  const { delimiter, profile, identifyPeer, allowReservedEvents, messageTimeout } = question.config;
  const config = { silent: true, delimiter, maxRetries: 0, stopRetrying: true, retry: 1e6 };
  if (args.version === '14') Object.assign(config, { parser: profile, identifyPeer, allowReservedEvents });
  if (args.version === '14' && messageTimeout) Object.assign(config, { messageTimeout });
  return config;
}

async function run(question) {
  if (!recorded.test(question.name.split(' ').at(-2)) || question.name.split(' ').at(-3) === 'message_parser') {
    return { done: true, skip: 'It was recorded with another version or parser.' };
  }
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
      } finally {
        const socket = published.at(-1);
        if (!end && socket instanceof net.Socket && socket.id !== undefined) peerId = socket.id;
      }
    };
  };
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
  return { done: true, closed: gone, peerId: peerId === undefined ? undefined : JSON.stringify(peerId) };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  write(await run(JSON.parse(line)));
}
process.exit(0);
