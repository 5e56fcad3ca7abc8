// Says hello and waits for an answer.
import { connect, ipc, leave } from './stock.mjs';

ipc.config.id = 'hello';
connect('world', (world) => {
  world.on('connect', () => world.emit('message', 'hello'));
  world.on('message', (text) => {
    console.log(`message: ${text}`);
    leave('world');
  });
});
