// Welcomes each of three clients, and then tells all of them the same.
import { ipc, serve } from './stock.mjs';

ipc.config.id = 'world';
let here = 0;
serve((server) => {
  server.on('hello', (name, socket) => {
    // Over UDP node-ipc 9 broadcasts only to those whom the application enters.
    if (!server.sockets.includes(socket)) server.sockets.push(socket);
    server.emit(socket, 'news', `welcome, ${name}`);
    here += 1;
    if (here === 3) server.broadcast('news', 'to everybody');
  });
});
