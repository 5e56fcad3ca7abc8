// Sends raw bytes, as a string in the encoding, and waits until as many have come back.
import { connect, ipc, leave } from './stock.mjs';

const { encoding } = ipc.config;
const sent = Buffer.from('héllo');
let back = Buffer.alloc(0);
connect('server', (server) => {
  server.on('connect', () => server.emit(sent.toString(encoding)));
  server.on('data', (bytes) => {
    back = Buffer.concat([back, Buffer.from(bytes)]);
    if (back.length < sent.length) return;
    console.log(back.toString(encoding));
    leave('server');
  });
});
