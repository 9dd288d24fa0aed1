/** What a director would do with a packet that had just begun with a rules or configuration file. Nothing runs. */
import type { ExplainReply, ExplainRequest } from '../control/protocol.ts';
import { createPath } from '../datapath/path.ts';
import { DirectorError } from '../errors.ts';
import { explain } from '../explain/explain.ts';
import { KNOWS_A_FILE } from '../explain/knowledge.ts';
import { frameOf } from '../explain/packet-frame.ts';
import { applyEdit, type Configuration, EMPTY_CONFIGURATION } from '../service/configuration.ts';
import { readTextFile } from '../text-file.ts';
import { type MacAddress, renderMac } from '../wire/address.ts';
import { destinationMacHigh, destinationMacLow } from '../wire/ethernet.ts';
import { messageOf } from '../worker/configuration-message.ts';
import type { NextHop } from '../worker/messages.ts';
import { PathSession } from '../worker/session.ts';
import { parseConfig } from './config-file.ts';
import { parseRules } from './rules-file.ts';

/** Locally administered, and nobody's: the director's, and those of servers, which count from 1. */
const OWN_MAC: MacAddress = { high: 0x02ff, low: 0 };
const SERVER_MAC_HIGH = 0x0200;
/** A multicast or broadcast address is nobody's own. */
const GROUP_BIT = 0x0100;
/** One packet takes no more. */
const TABLE_SIZE = 16;

export interface FileSource {
  readonly rules?: string;
  readonly config?: string;
}

/** A frame that was captured is taken for one to this director. */
export async function explainByFile(source: FileSource, request: ExplainRequest): Promise<ExplainReply> {
  const configuration = await readConfiguration(source);
  const frame =
    'frame' in request ? new Uint8Array(Buffer.from(request.frame, 'hex')) : frameOf(request, OWN_MAC);
  const path = createPath({
    sink: { transmit: () => true, deliver: () => true },
    ownMac: OWN_MAC,
    connectionTableSize: TABLE_SIZE,
    seed: [0, 0],
  });
  const session = new PathSession(path);
  session.setNextHops(nextHopsOf(configuration));
  session.configure(messageOf(configuration));
  const mac = renderMac(ownMacIn(frame));
  session.setHost({ interfaceUp: true, mac, mtu: 1500, addresses: session.virtualAddresses });
  return explain(session.excerptFor(frame), frame, KNOWS_A_FILE);
}

async function readConfiguration({ rules, config }: FileSource): Promise<Configuration> {
  if (config !== undefined) return parseConfig(readTextFile(config, 'CONFIG_FILE'), config).configuration;
  if (rules === undefined)
    throw new DirectorError('OUT_OF_RANGE', 'which services? name --rules or --config');
  return parseRules(readTextFile(rules, 'RULES_FILE'), rules, EMPTY_CONFIGURATION, applyEdit);
}

function ownMacIn(frame: Uint8Array): MacAddress {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const mac = { high: destinationMacHigh(view, 0), low: destinationMacLow(view, 0) };
  return (mac.high & GROUP_BIT) === 0 ? mac : OWN_MAC;
}

/** All servers are neighbours, each with a MAC of its own; but for this host itself. */
function nextHopsOf({ services }: Configuration): NextHop[] {
  const all = [...services.values()];
  const virtual = new Set(all.map(({ service }) => ('address' in service ? service.address : '')));
  const addresses = new Set(
    all.flatMap(({ servers }) => servers.map(({ server }) => server.address).reverse()),
  );
  const isLocal = (address: string) =>
    virtual.has(address) || address.startsWith('127.') || address === '::1';
  return [...addresses].map((address, index) => {
    const local = isLocal(address);
    const mac = local ? null : renderMac({ high: SERVER_MAC_HIGH, low: index + 1 });
    return { address, kind: local ? 'local' : 'neighbor', mac, interface: null };
  });
}
