/** What every check may start from: the host, what is balanced, and what is asked on the wire, each once. */
import type { StatusReply } from '../control/protocol.ts';
import type { TransportProtocol } from '../service/model.ts';
import type { Role } from './check.ts';
import { NotChecked } from './check.ts';
import { type HostLink, type HostView, ownAddress, versionOf } from './host-view.ts';
import { readOwner } from './probe-answers.ts';
import { whoHas } from './probe-frames.ts';
import type { Wire } from './wire.ts';

export interface ServiceView {
  readonly protocol: TransportProtocol;
  readonly address: string;
  /** 0: all. */
  readonly port: number;
}

/** A real server of the director's, with all services that it is in. */
export interface ServerView {
  readonly address: string;
  readonly kind: 'neighbor' | 'local' | 'unreachable';
  /** As the datapath has it. */
  readonly mac: string | null;
  readonly state: string;
  readonly interfaceName: string;
  readonly services: readonly ServerService[];
}

export interface ServerService extends ServiceView {
  /** As diradm names the service: `-t 172.26.20.110:80`. */
  readonly option: string;
  /** As diradm names the server there. */
  readonly serverText: string;
  /** Weight and thresholds, as diradm takes them. */
  readonly kept: string;
  readonly forwarding: 'direct-route' | 'tunnel' | 'masquerade';
}

export interface SituationParts {
  readonly role: Role;
  readonly host: HostView;
  /** That of the segment. */
  readonly link: HostLink;
  readonly virtual: readonly string[];
  readonly services: readonly ServiceView[];
  /** None on a real server. */
  readonly servers: readonly ServerView[];
  /** Undefined: none answers, or nobody asked. */
  readonly status: StatusReply | undefined;
}

export class Situation {
  readonly parts: SituationParts;
  private readonly wires = new Map<string, Wire | Error>();
  private readonly remembered = new Map<string, Promise<unknown>>();

  private readonly open: (link: HostLink) => Wire;

  /** `open` throws what stands in the way. */
  constructor(parts: SituationParts, open: (link: HostLink) => Wire) {
    this.parts = parts;
    this.open = open;
  }

  linkOf(interfaceName: string): HostLink | undefined {
    return this.parts.host.links.find(({ name }) => name === interfaceName);
  }

  /** Throws NotChecked. */
  wire(interfaceName = this.parts.link.name): Wire {
    let wire = this.wires.get(interfaceName);
    if (wire === undefined) {
      wire = this.openWire(this.linkOf(interfaceName));
      this.wires.set(interfaceName, wire);
    }
    if (!(wire instanceof Error)) return wire;
    throw new NotChecked(`cannot ask on ${interfaceName}: ${wire.message}`);
  }

  /** Which MACs answer for an address when this host asks; this host's own stack does not hear it. */
  owners(address: string, interfaceName = this.parts.link.name): Promise<string[]> {
    return this.once(`owners ${interfaceName} ${address}`, async () => {
      const wire = this.wire(interfaceName);
      const { virtual } = this.parts;
      const own = ownAddress(wire.link, address, virtual);
      // Of a virtual address nobody learns anything by it, and this host's other interfaces answer, too.
      const isSecret = versionOf(address) === 4 && virtual.includes(address);
      const question = whoHas(address, wire.link.mac!, isSecret ? undefined : own);
      if (question === undefined)
        throw new NotChecked(`${interfaceName} has no address to ask for ${address} from`);
      const answers = await wire.askAll(question, readOwner);
      return [...new Set(answers.filter((owner) => owner.address === address).map(({ mac }) => mac))];
    });
  }

  /** What several checks look at is asked for once. */
  once<T>(what: string, ask: () => Promise<T>): Promise<T> {
    let answer = this.remembered.get(what) as Promise<T> | undefined;
    if (answer === undefined) {
      answer = ask();
      this.remembered.set(what, answer);
    }
    return answer;
  }

  close(): void {
    for (const wire of this.wires.values()) if (!(wire instanceof Error)) wire.close();
  }

  private openWire(link: HostLink | undefined): Wire | Error {
    if (link === undefined) return new Error('it is not there');
    if (link.mac === null) return new Error('it is no Ethernet interface');
    if (!link.up) return new Error('it is down');
    try {
      return this.open(link);
    } catch (error) {
      return error as Error;
    }
  }
}
