// Answers hello.
import { ipc, serve } from './stock.mjs';

ipc.config.id = 'world';
serve((server) => {
  server.on('message', (text, socket) => {
    console.log(`message: ${text}`);
    server.emit(socket, 'message', `${text} world!`);
  });
});
