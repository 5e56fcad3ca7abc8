// node test.mjs MODULE.wasm: the module imports nothing, and answers what it is sent byte by byte.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

const module = await WebAssembly.compile(await readFile(process.argv[2]));
assert.deepEqual(WebAssembly.Module.imports(module), [], 'the core reaches for something outside');
const { exports } = await WebAssembly.instantiate(module, {});

const frames = [
  { type: 'message', data: 'hällo 😀' },
  { type: 'n', data: [1, -0.5, 1e21, null, { deep: [[['\f']]] }] },
  { type: 'empty', data: {} },
];
const wire = frames.map((frame) => `${JSON.stringify(frame)}\f`).join('');
let messages = 0;
for (const byte of new TextEncoder().encode(wire)) messages += exports.ipc_receive(byte);
assert.equal(messages, frames.length);

const sent = [];
for (let byte = exports.ipc_send(); byte !== -1; byte = exports.ipc_send()) sent.push(byte);
assert.equal(new TextDecoder().decode(Uint8Array.from(sent)), wire);
console.log(`WebAssembly: no imports; ${messages} messages received byte by byte and answered`);
