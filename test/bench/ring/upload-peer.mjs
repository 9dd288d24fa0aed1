// Sends a file over TCP, or receives it and compares every byte with the file, which costs less than a hash: the time
// is to be the network's.
// Usage: node upload-peer.mjs receive FILE ADDRESS PORT   says that it listens; answers `same` or where it differs
//        node upload-peer.mjs send FILE ADDRESS PORT      prints the seconds it took, or fails
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';

const [role, file = '', address = '', port = ''] = process.argv.slice(2);
const content = readFileSync(file);
const CHUNK_BYTES = 2 ** 20;

function receive() {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let at = 0;
    let differsAt = -1;
    socket.on('data', (data) => {
      const isSame = data.equals(content.subarray(at, at + data.length));
      if (!isSame && differsAt < 0) differsAt = at;
      at += data.length;
    });
    socket.on('end', () => {
      if (differsAt < 0 && at !== content.length) differsAt = at;
      socket.end(differsAt < 0 ? 'same' : `differs at byte ${differsAt}`);
    });
    socket.on('error', () => {});
  });
  server.listen(Number(port), address, () => console.log('ready'));
}

function send() {
  const startMs = performance.now();
  const socket = connect({ host: address, port: Number(port) });
  let at = 0;
  const write = () => {
    while (at < content.length) {
      const chunk = content.subarray(at, at + CHUNK_BYTES);
      at += chunk.length;
      if (!socket.write(chunk)) return;
    }
    socket.end();
  };
  let answer = '';
  socket.on('connect', write);
  socket.on('drain', write);
  socket.setEncoding('latin1').on('data', (text) => {
    answer += text;
  });
  socket.on('close', () => {
    if (answer === 'same') console.log((performance.now() - startMs) / 1000);
    else {
      console.error(`the server says: ${answer || 'nothing'}`);
      process.exitCode = 1;
    }
  });
}

if (role === 'receive') receive();
else send();
