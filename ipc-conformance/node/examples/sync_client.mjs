// Emits three messages at once in sync mode: each leaves after the answer to the one before.
import { connect, ipc, leave } from './stock.mjs';

ipc.config.sync = true;
let answers = 0;
connect('world', (world) => {
  world.on('connect', () => ['first', 'second', 'third'].forEach((text) => world.emit('ask', text)));
  world.on('ask', (text) => {
    console.log(`answer: ${text}`);
    answers += 1;
    if (answers === 3) leave('world');
  });
});
