// Raw bytes: whatever comes goes back. Bytes are shown in the encoding.
import { ipc, serve } from './stock.mjs';

const { encoding } = ipc.config;
serve((server) => {
  server.on('data', (bytes, socket) => {
    console.log(Buffer.from(bytes).toString(encoding));
    server.emit(socket, Buffer.from(bytes).toString(encoding));
  });
});
