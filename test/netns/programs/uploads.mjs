// Uploads over many connections at once to upload-server.mjs, at a steady pace, until its input ends; then prints as
// JSON how many there were, how many of the server's checksums are right, and the errors. The first line says that
// all connections are open.
// Usage: node uploads.mjs ADDRESS PORT CONNECTIONS
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';

const [address = '', port = '', count = '1'] = process.argv.slice(2);
const CHUNK_BYTES = 2000;
const INTERVAL_MS = 50;

let isEnding = false;
const errors = [];

async function upload(socket) {
  const hash = createHash('sha256');
  while (!isEnding) {
    // An error between two chunks: nobody drains then.
    if (socket.errored) throw socket.errored;
    const chunk = randomBytes(CHUNK_BYTES);
    hash.update(chunk);
    if (!socket.write(chunk)) await once(socket, 'drain');
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
  socket.end();
  let answer = '';
  for await (const text of socket) answer += text;
  return answer === hash.digest('hex');
}

/** upload() sees it at the next chunk. */
const ignore = () => {};
const sockets = Array.from({ length: Number(count) }, () => connect({ host: address, port: Number(port) }));
await Promise.all(sockets.map((socket) => once(socket.setEncoding('latin1'), 'connect')));
for (const socket of sockets) socket.on('error', ignore);
console.log('begun');
process.stdin.resume().on('end', () => {
  isEnding = true;
});
const outcomes = await Promise.all(
  sockets.map((socket) =>
    upload(socket).catch((error) => {
      errors.push(error.code ?? error.message);
      return false;
    }),
  ),
);
console.log(JSON.stringify({ uploads: outcomes.length, right: outcomes.filter(Boolean).length, errors }));
process.exit(0);
