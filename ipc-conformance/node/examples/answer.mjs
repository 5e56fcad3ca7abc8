// Answers requests: with a body, or with an error.
import { ipc, serve } from './stock.mjs';

serve(() => {
  // README: answer
  ipc.server.on('add', ({ req, body: [a, b] }, socket) => {
    ipc.server.emit(socket, 'reply', { req, body: a + b });
  });
  // README: end
  ipc.server.on('divide', ({ req, body: [a, b] }, socket) => {
    ipc.server.emit(socket, 'reply', b === 0 ? { req, error: 'division by zero' } : { req, body: a / b });
  });
});
