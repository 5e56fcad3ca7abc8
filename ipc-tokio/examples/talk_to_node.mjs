// The Node side of talk_to_node.rs: a stock node-ipc server that adds up numbers.
// npm install node-ipc@14.0.0 && node talk_to_node.mjs
import ipc from 'node-ipc';

ipc.config.id = 'adder';
ipc.config.silent = true;
ipc.serve(() => console.log(`listening at ${ipc.server.path}`));
ipc.server.on('add', ({ numbers }, socket) => {
  const sum = numbers.reduce((total, number) => total + number, 0);
  ipc.server.emit(socket, 'sum', { numbers, sum });
});
ipc.server.start();
