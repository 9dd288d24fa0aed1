/** Who listens on this host, as /proc/net/tcp and its likes tell it: proc(5). */
import { LITTLE_ENDIAN } from '../host/rtnetlink-format.ts';
import { renderIp } from '../wire/address.ts';

export interface Listener {
  readonly protocol: 'tcp' | 'udp';
  /** 0.0.0.0 or ::, which IPv4 reaches too: all. */
  readonly address: string;
  readonly port: number;
}

/** TCP_LISTEN and, of a UDP socket that is bound and not connected, TCP_CLOSE: net/tcp_states.h. */
const LISTENING = { tcp: '0A', udp: '07' } as const;

/** Lines like `  0: 701A14AC:0050 00000000:0000 0A …`: words of the address in the order of this machine. */
export function parseListeners(file: 'tcp' | 'tcp6' | 'udp' | 'udp6', text: string): Listener[] {
  const protocol = file.startsWith('tcp') ? 'tcp' : 'udp';
  return [...text.matchAll(/^ *\d+: ([0-9A-F]{8,32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /gm)]
    .filter(([, , , state]) => state === LISTENING[protocol])
    .map(([, address, port]) => ({
      protocol,
      address: addressOf(address!),
      port: Number.parseInt(port!, 16),
    }));
}

function addressOf(hex: string): string {
  const words = (hex.match(/.{8}/g) ?? []).map((word) => {
    const bytes = Buffer.from(word, 'hex');
    return LITTLE_ENDIAN ? bytes.readInt32LE(0) : bytes.readInt32BE(0);
  });
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = words;
  return renderIp({ version: words.length === 1 ? 4 : 6, words: [w0, w1, w2, w3] });
}
