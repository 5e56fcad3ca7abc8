// Starting servers, and UDP, which has no clients but further servers: this gives them a client's shape.
import { host, ipc, isUdp, options, scheme } from './package.mjs';

/** Calls `done` with the socket's address. node-ipc 9 announces UDP before the socket is bound. */
export function whenBound(socket, done) {
  try {
    done(socket.address());
  } catch {
    socket.once('listening', () => done(socket.address()));
  }
}

/** Starts a server on `port`. node-ipc takes the number 0 as "not given"; the text asks the system to pick one. */
export function start(on, port, started) {
  if (isUdp) on.serveNet(host, 1, scheme, started);
  else on.serveNet(host, 1, started);
  on.server.port = port || '0';
  on.server.start();
}

const ends = new Map();

/** Opens a server on a port of its own, which talks to the one at `to`. */
export function connect(id, to, handlers) {
  const own = new ipc.IPC();
  Object.assign(own.config, options);
  ends.set(id, own);
  start(own, 0, () => {
    whenBound(own.server.server, () => {
      const emit = (type, data) => own.server.emit(to, type, data);
      const on = (type, handler) => (type === 'connect' ? handler() : own.server.on(type, handler));
      handlers({ emit, on });
    });
  });
}

/** Closes it. */
export function leave(id) {
  ends.get(id).server.stop();
}
