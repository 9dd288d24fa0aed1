/** Which captures a frame is for, in the packet path of this process: is_wanted() of native/bpf/capture.bpf.c. */
import type { EndpointFilter } from '../control/protocol.ts';
import { VERDICT_COUNT, Verdict } from '../datapath/verdict.ts';
import type { RealServer } from '../service/real-server.ts';
import { type IpAddress, parseIp } from '../wire/address.ts';
import type { Packet } from '../wire/packet.ts';
import type { CaptureFilter } from './wish.ts';

interface End {
  readonly ip: IpAddress;
  /** 0: any. */
  readonly port: number;
}

/** Of frames below that nothing is known but the verdict: they are none of ours, or broken. */
export const hasEnds = (verdict: Verdict): boolean =>
  verdict >= Verdict.Forward && verdict !== Verdict.PassArpConflict;

export class FrameFilter {
  private readonly verdicts = new Uint8Array(VERDICT_COUNT);
  private readonly client: End | undefined;
  private readonly virtual: End | undefined;
  private readonly server: EndpointFilter | undefined;

  constructor({ verdicts, client, virtual, server }: CaptureFilter) {
    if (verdicts === undefined) this.verdicts.fill(1);
    else for (const verdict of verdicts) this.verdicts[verdict] = 1;
    this.client = client && endOf(client);
    this.virtual = virtual && endOf(virtual);
    this.server = server;
  }

  wants(verdict: Verdict, packet: Packet, server: RealServer | undefined): boolean {
    if (this.verdicts[verdict] === 0) return false;
    if (this.server !== undefined && !isAt(this.server, server)) return false;
    const { client, virtual } = this;
    if (client === undefined && virtual === undefined) return true;
    if (!hasEnds(verdict)) return false;
    return (
      (client === undefined || isClient(client, packet)) &&
      (virtual === undefined || isVirtual(virtual, packet))
    );
  }
}

export function endOf({ address, port = 0 }: EndpointFilter): End {
  return { ip: parseIp(address)!, port };
}

const isAt = ({ address, port = 0 }: EndpointFilter, server: RealServer | undefined): boolean =>
  server !== undefined && server.address.address === address && (port === 0 || server.address.port === port);

function isClient({ ip, port }: End, packet: Packet): boolean {
  const { words } = ip;
  if (ip.version !== packet.ipVersion || words[0] !== packet.client0) return false;
  if (words[1] !== packet.client1 || words[2] !== packet.client2 || words[3] !== packet.client3) return false;
  return port === 0 || (packet.hasPorts && port === packet.clientPort);
}

function isVirtual({ ip, port }: End, packet: Packet): boolean {
  const { words } = ip;
  if (ip.version !== packet.ipVersion || words[0] !== packet.virtual0) return false;
  if (words[1] !== packet.virtual1 || words[2] !== packet.virtual2 || words[3] !== packet.virtual3)
    return false;
  return port === 0 || (packet.hasPorts && port === packet.virtualPort);
}
