// Sends COUNT datagrams, each from a port of its own, and prints one line with the answers as JSON: text and
// the address it came from, or the error (ECONNREFUSED: port unreachable came back). Each waits a second.
// Usage: node udp-client.mjs ADDRESS PORT COUNT TEXT
import { createSocket } from 'node:dgram';

const [address = '', port = '', count = '1', text = 'hello'] = process.argv.slice(2);

function ask(number) {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const finish = (answer) => {
      clearTimeout(waiting);
      socket.close();
      resolve(answer);
    };
    const waiting = setTimeout(() => finish('no answer'), 1000);
    socket.on('message', (data) => finish(String(data)));
    socket.on('error', (error) => finish(error.code));
    // A connected socket takes answers from nobody else, and hears of ICMP errors.
    socket.connect(Number(port), address, () => socket.send(`${text} ${number}`));
  });
}

const answers = [];
for (let number = 0; number < Number(count); number++) answers.push(await ask(number));
console.log(JSON.stringify(answers));
