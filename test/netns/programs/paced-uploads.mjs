// Uploads random bytes over COUNT connections at once, each at a pace that makes it last SECONDS, and compares the
// SHA-256 that the server of the lab answers. The first line says that all have begun, the last how it went.
// Usage: node paced-uploads.mjs ADDRESS PORT COUNT BYTES SECONDS
import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';

const [host = '', port = '80', count = '200', bytes = '200000', seconds = '12'] = process.argv.slice(2);
const CHUNKS = 100;
const chunkBytes = Math.ceil(Number(bytes) / CHUNKS);
const pauseMs = (1000 * Number(seconds)) / CHUNKS;

async function upload() {
  const hash = createHash('sha256');
  const outgoing = request({
    host,
    port,
    method: 'PUT',
    agent: false,
    headers: { 'content-type': 'application/octet-stream' },
  });
  const answer = new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk) => {
        text += chunk;
      });
      incoming.on('end', () => resolve(text));
      incoming.on('error', reject);
    });
  });
  answer.catch(() => {});
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const data = randomBytes(chunkBytes);
    hash.update(data);
    outgoing.write(data);
    await new Promise((done) => setTimeout(done, pauseMs));
  }
  outgoing.end();
  const { sha256 } = JSON.parse(await answer);
  if (sha256 !== hash.digest('hex')) throw new Error('another checksum');
}

const uploads = Array.from({ length: Number(count) }, upload);
console.log('begun');
const outcomes = await Promise.allSettled(uploads);
const failed = outcomes
  .filter(({ status }) => status === 'rejected')
  .map(({ reason }) => String(reason.code ?? reason.message));
console.log(JSON.stringify({ right: outcomes.length - failed.length, failed }));
