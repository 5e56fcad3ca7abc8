// What every script here begins with. `package.mjs` has the command line.
import { host, ipc, isUdp, name, place, port, scheme } from './package.mjs';
import * as udp from './udp.mjs';

export { ipc };

/** Serves at the endpoint; says where, port 0 being whatever the system picked. */
export function serve(handlers) {
  const started = () => {
    handlers(ipc.server);
    udp.whenBound(ipc.server.server, (address) => {
      console.log(`listening at ${scheme}:${scheme === 'unix' ? address : `${name}:${address.port}`}`);
    });
  };
  if (scheme !== 'unix') return udp.start(ipc, port, started);
  ipc.serve(place, started);
  return ipc.server.start();
}

/** Connects to the endpoint; the server is called `id` here. */
export function connect(id, handlers) {
  const ready = () => handlers(ipc.of[id]);
  if (isUdp) udp.connect(id, { address: host, port }, handlers);
  else if (scheme === 'unix') ipc.connectTo(id, place, ready);
  else ipc.connectToNet(id, host, port, ready);
}

/** Ends what `connect` began. */
export function leave(id) {
  if (isUdp) udp.leave(id);
  else ipc.disconnect(id);
}
