// Answers every datagram with its own name, from the address that it was sent to: it binds that address.
// Usage: node udp-server.mjs NAME ADDRESS PORT
import { createSocket } from 'node:dgram';

const [name = '', address = '', port = ''] = process.argv.slice(2);

const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
socket.on('message', (data, client) => socket.send(`${name} got ${data}`, client.port, client.address));
socket.bind(Number(port), address, () => console.log('ready'));
process.stdin.resume().on('end', () => socket.close());
