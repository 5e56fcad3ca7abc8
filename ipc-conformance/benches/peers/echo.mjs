// Echoes with a stock node-ipc: node echo.mjs PACKAGE_FOLDER SOCKET
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, path] = process.argv.slice(2);
const entry = createRequire(pathToFileURL(`${folder}/package.json`)).resolve(folder);
const loaded = await import(pathToFileURL(entry));
const ipc = loaded.default?.default ?? loaded.default;
ipc.config.silent = true;
ipc.config.secureSocketRoot = false;
ipc.serve(path, () => {
  ipc.server.on('message', (data, socket) => ipc.server.emit(socket, 'message', data));
});
ipc.server.start();
