/**
 * The BPF addon inside a network namespace, for bpf-object.test.ts: calls what comes by IPC and sends back what it
 * returned or threw, together with the arguments, since some calls write into them.
 */
import { type BpfError, type BpfLoadOptions, type BpfObject, loadBpfAddon } from '../../src/host/bpf.ts';

export interface Call {
  readonly id: number;
  /** Number of an object that `load` returned; 0: the addon itself. */
  readonly object: number;
  /** A method; `load` makes an object, `read` copies the memory of a map. */
  readonly method: string;
  readonly args: readonly unknown[];
}

export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly args?: readonly unknown[];
  readonly error?: { readonly message: string; readonly code: string; readonly syscall: string };
}

const addon = loadBpfAddon();
const objects: BpfObject[] = [];

function carryOut({ object: number, method, args }: Call): unknown {
  if (method === 'load') {
    return objects.push(new addon.BpfObject(args[0] as string, args[1] as BpfLoadOptions));
  }
  const object = objects[number - 1];
  if (method === 'read') return new Uint8Array(object!.map(args[0] as string)).slice();
  const on = (object ?? addon) as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
  return on[method]!(...args);
}

process.on('message', (call: Call) => {
  try {
    process.send!({ id: call.id, value: carryOut(call), args: call.args } satisfies Answer);
  } catch (thrown) {
    const { message, code, syscall } = thrown as BpfError;
    process.send!({ id: call.id, error: { message, code, syscall } } satisfies Answer);
  }
});
