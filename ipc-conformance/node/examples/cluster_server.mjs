// Three processes at one endpoint: each client is answered by one of them, which says which. node-ipc's cluster example.
import cluster from 'node:cluster';
import { ipc, serve } from './stock.mjs';

// A worker must not remove the socket that the others share.
ipc.config.unlink = false;

if (cluster.isPrimary) {
  for (let n = 0; n < 3; n += 1) cluster.fork();
} else {
  serve(() => {
    ipc.server.on('who', ({ req }, socket) => ipc.server.emit(socket, 'reply', { req, body: process.pid }));
  });
}
