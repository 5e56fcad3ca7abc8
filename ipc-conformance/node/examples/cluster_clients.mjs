// Nine clients, one after the other; each asks who has answered it.
import { connect, ipc } from './stock.mjs';

function client(n) {
  if (n === 9) return;
  const id = `client ${n}`;
  connect(id, (world) => {
    world.on('connect', () => world.emit('who', { req: n, body: n }));
    world.on('reply', ({ req, body }) => {
      console.log(`client ${req} was answered by process ${body}`);
      ipc.disconnect(id);
      client(n + 1);
    });
  });
}

client(0);
