// Three clients in one process. Each leaves when it has heard what everybody is told.
import { connect, leave } from './stock.mjs';

for (const name of ['one', 'two', 'three']) {
  connect(name, (world) => {
    world.on('connect', () => world.emit('hello', name));
    world.on('news', (text) => {
      console.log(`${name}: ${text}`);
      if (text === 'to everybody') leave(name);
    });
  });
}
