// Asks, two questions at once.
import { connect, ipc } from './stock.mjs';

connect('world', async () => {
  // README: ask
  const waiting = new Map();
  let last = 0;
  const ask = (name, body) => new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject });
    ipc.of.world.emit(name, { req: last, body });
  });
  ipc.of.world.on('reply', ({ req, body, error }) => {
    const { resolve, reject } = waiting.get(req);
    waiting.delete(req);
    if (error === undefined) resolve(body);
    else reject(error);
  });
  // README: end
  await new Promise((connected) => ipc.of.world.on('connect', connected));
  const [sum, quotient] = await Promise.allSettled([ask('add', [1, 2]), ask('divide', [1, 0])]);
  console.log(`1 + 2 = ${sum.value}`);
  console.log(`1 / 0: ${quotient.reason}`);
  ipc.disconnect('world');
});
