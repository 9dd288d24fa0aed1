// Opens COUNT connections to ADDRESS:PORT at once, asks each for a page, and holds them open until its input
// ends. First line: how many answers came from which server, or the first error.
// Usage: node hold-connections.mjs ADDRESS PORT COUNT
import { connect } from 'node:net';

const [address = '', port = '80', count = '1'] = process.argv.slice(2);

function open() {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port: Number(port) });
    socket.setEncoding('latin1');
    socket.on('connect', () => socket.write('GET / HTTP/1.1\r\nHost: vip\r\n\r\n'));
    socket.once('data', (text) => resolve({ socket, server: /x-real-server: (\S+)/.exec(text)?.[1] }));
    socket.on('error', reject);
  });
}

try {
  const held = await Promise.all(Array.from({ length: Number(count) }, open));
  const answers = {};
  for (const { server } of held) answers[server] = (answers[server] ?? 0) + 1;
  console.log(JSON.stringify(answers));
  process.stdin.resume().on('end', () => {
    for (const { socket } of held) socket.end();
  });
} catch (error) {
  console.log(JSON.stringify({ error: String(error) }));
  process.exitCode = 1;
}
