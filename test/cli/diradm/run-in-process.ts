/** Runs diradm command lines within the test's process against a fake daemon, with a small world of names. */
import type { Resolver } from '../../../src/cli/diradm/resolver.ts';
import { runCommandLine } from '../../../src/cli/diradm/run.ts';
import type { Transport } from '../../oracle/cli-runner.ts';
import { FakeDaemon } from './fake-daemon.ts';

const HOSTS: Readonly<Record<string, string>> = { localhost: '127.0.0.1' };
const NAMES: Readonly<Record<string, string>> = {
  '127.0.0.1': 'localhost',
  '10.9.0.1': 'a-very-long-name-of-a-real-server.example.com',
  'fd00::5': 'five.example.com',
};
const SERVICES: readonly (readonly [string, number, string])[] = [
  ['tcpmux', 1, 'tcp'],
  ['echo', 7, 'tcp'],
  ['systat', 11, 'tcp'],
  ['chargen', 19, 'tcp'],
  ['ftp-data', 20, 'tcp'],
  ['ssh', 22, 'tcp'],
  ['telnet', 23, 'tcp'],
  ['domain', 53, 'tcp'],
  ['domain', 53, 'udp'],
  ['http', 80, 'tcp'],
  ['www', 80, 'tcp'],
  ['sip', 5060, 'tcp'],
  ['sip', 5060, 'udp'],
  ['sip-tls', 5061, 'tcp'],
  ['sip-tls', 5061, 'udp'],
];

export const fakeResolver: Resolver = {
  hostAddress: async (name) => HOSTS[name],
  hostName: async (address) => NAMES[address],
  servicePort: (name, protocol) => SERVICES.find(([n, , p]) => n === name && p === protocol)?.[1],
  serviceName: (port, protocol) => SERVICES.find(([, n, p]) => n === port && p === protocol)?.[0],
};

export function createInProcessTransport(daemon = new FakeDaemon(), program = 'ipvsadm'): Transport {
  return async ({ args, stdin = '' }) => {
    const result = { stdout: '', stderr: '', exit: 0 };
    result.exit = await runCommandLine(args, {
      program,
      stdin: (async function* () {
        yield stdin;
      })(),
      writeOut: (text) => {
        result.stdout += text;
      },
      writeError: (text) => {
        result.stderr += text;
      },
      client: daemon.client,
      resolver: fakeResolver,
    });
    return result;
  };
}
