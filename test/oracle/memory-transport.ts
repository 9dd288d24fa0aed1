/** Runs recorded command lines through diradm's code against a director in memory. */
import { createSystemResolver } from '../../src/cli/diradm/resolver.ts';
import { runCommandLine } from '../../src/cli/diradm/run.ts';
import type { Transport } from './cli-runner.ts';
import { MemoryDirector } from './memory-director.ts';

/** The interfaces of the recorded machine. */
const RECORDED_INTERFACES = ['lo', 'd0'];

export function createMemoryTransport(director = recordedMachine()): Transport {
  return async ({ args, stdin = '' }) => {
    const outcome = { stdout: '', stderr: '', exit: 0 };
    outcome.exit = await runCommandLine(args, {
      program: 'ipvsadm',
      stdin: (async function* () {
        yield stdin;
      })(),
      writeOut: (text) => {
        outcome.stdout += text;
      },
      writeError: (text) => {
        outcome.stderr += text;
      },
      client: director.client,
      resolver: createSystemResolver(),
    });
    return outcome;
  };
}

const recordedMachine = (): MemoryDirector =>
  new MemoryDirector({
    mac: '02:00:00:00:01:00',
    addresses: [],
    nextHops: [],
    interfaces: RECORDED_INTERFACES,
  });
