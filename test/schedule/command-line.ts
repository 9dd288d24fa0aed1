/** The few command lines of ipvsadm that recordings of schedulers are made with, as edits. */
import type { Edit, ServerAddress, ServerOptions, ServiceAddress } from '../../src/service/model.ts';

const FLAG_BITS: Readonly<Record<string, number>> = {
  'flag-1': 0x08,
  'flag-2': 0x10,
  'flag-3': 0x20,
  'sh-fallback': 0x08,
  'sh-port': 0x10,
  'mh-fallback': 0x08,
  'mh-port': 0x10,
};

/** Undefined for a command that changes nothing. */
export function editOf(line: string): Edit | undefined {
  const words = line.split(' ');
  const after = (option: string): string | undefined => {
    const at = words.indexOf(option);
    return at < 0 ? undefined : words[at + 1];
  };
  if (/^-[LS]/.test(line)) return undefined;
  const service = serviceOf(after('-t'), after('-f'));
  const port = 'port' in service ? service.port : 0;
  switch (words[0]) {
    case '-A':
    case '-E': {
      const op = words[0] === '-A' ? 'add-service' : 'edit-service';
      return { op, service, options: serviceOptions(after('-s') ?? 'wlc', after('-b') ?? '') };
    }
    case '-a':
      return {
        op: 'add-server',
        service,
        server: endpoint(after('-r')!, port),
        options: serverOptions(after),
      };
    case '-e':
      return {
        op: 'edit-server',
        service,
        server: endpoint(after('-r')!, port),
        options: serverOptions(after),
      };
    case '-d':
      return { op: 'delete-server', service, server: endpoint(after('-r')!, port) };
    default:
      throw new Error(`not a command of a recording: ${line}`);
  }
}

function serviceOf(tcp: string | undefined, mark: string | undefined): ServiceAddress {
  if (tcp === undefined) return { fwmark: Number(mark), family: 4 };
  return { protocol: 'tcp', ...endpoint(tcp, 0) };
}

function endpoint(text: string, port: number): ServerAddress {
  const [, bracketed, plain, ownPort] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(text)!;
  return { address: (bracketed ?? plain)!, port: ownPort === undefined ? port : Number(ownPort) };
}

const serviceOptions = (scheduler: string, flags: string) => ({
  scheduler,
  schedulerFlags: flags.split(',').reduce((bits, name) => bits | (FLAG_BITS[name] ?? 0), 0),
  persistentSec: 0,
  netmask: 0xffffffff,
  onePacket: false,
  persistenceEngine: '',
});

const serverOptions = (after: (option: string) => string | undefined): ServerOptions => ({
  forwarding: 'direct-route',
  weight: Number(after('-w') ?? 1),
  upperThreshold: Number(after('-x') ?? 0),
  lowerThreshold: Number(after('-y') ?? 0),
  tunnel: { type: 'ipip', port: 0, checksum: 'none' },
});
