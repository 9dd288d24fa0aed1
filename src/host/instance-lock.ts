/**
 * One director for each interface of a network namespace: an abstract unix socket, which the kernel keeps apart by
 * namespace and takes away with its process (unix(7)). Whoever connects is told who holds it.
 */
import { connect, createServer } from 'node:net';
import { DirectorError } from '../errors.ts';

const lockName = (interfaceName: string): string => `\0director/${interfaceName}`;
const ANSWER_WITHIN_MS = 1000;

/** Holds the interface until the result is called or the process ends. INTERFACE_IN_USE names the holder. */
export function lockInterface(interfaceName: string): Promise<() => void> {
  const owner = `pid ${process.pid} (${process.argv.slice(1).join(' ')})`;
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end(owner);
    });
    server.once('error', async (cause) => {
      const holder = await whoHolds(interfaceName);
      const message = `another director runs on ${interfaceName}: ${holder}`;
      reject(new DirectorError('INTERFACE_IN_USE', message, { interface: interfaceName }, cause));
    });
    server.listen(lockName(interfaceName), () => {
      server.unref();
      resolve(() => server.close());
    });
  });
}

/** Its pid and command line, in its own words. */
export function whoHolds(interfaceName: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(lockName(interfaceName));
    socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy());
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text || 'a process that does not say which'));
  });
}
