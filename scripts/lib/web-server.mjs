// The web server of a real server in the lab: a page that the eye can tell apart from the other servers'.
// GET answers the page; PUT and POST answer what arrived, so that an upload can be compared with what was
// sent. Usage: node web-server.mjs NAME ADDRESS [PORT]. It listens on all addresses, the virtual IP too.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const [name = 'real server', address = '', port = '80'] = process.argv.slice(2);

/** Addresses of IPv4 clients come as ::ffff:172.26.20.100 on a socket that serves both families. */
const plain = (ip = '') => ip.replace(/^::ffff:/, '');

function answerPage(request, response) {
  const { remoteAddress, remotePort, localAddress } = request.socket;
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'x-real-server': address });
  response.end(
    `<!doctype html><title>${name}</title>\n<h1>This is ${name} ${address}</h1>\n` +
      `<p>You are ${plain(remoteAddress)} port ${remotePort} and asked ${plain(localAddress)}.</p>\n`,
  );
}

function answerUpload(request, response) {
  const hash = createHash('sha256');
  let bytes = 0;
  request.on('data', (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', 'x-real-server': address });
    response.end(`${JSON.stringify({ server: address, bytes, sha256: hash.digest('hex') })}\n`);
  });
}

const server = createServer((request, response) => {
  if (request.method === 'PUT' || request.method === 'POST') answerUpload(request, response);
  else answerPage(request, response);
});
// Connections held open for a test stay open.
server.keepAliveTimeout = 0;
server.headersTimeout = 0;
server.requestTimeout = 0;
server.listen({ host: '::', port: Number(port) });
