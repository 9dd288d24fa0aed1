/**
 * /etc/director/director.yaml: services with their servers, settings, timeouts and firewall marks in one file. Read
 * whole or not at all; what is wrong is named with line and column. docs/OPERATIONS.md has an example.
 */
import { readFileSync } from 'node:fs';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { DirectorError } from '../errors.ts';
import type { HealthPolicy } from '../health/policy.ts';
import { checkSchema } from '../health/schema.ts';
import { defaultCheck, needsPort } from '../health/service-check.ts';
import { applyEdit, type Configuration, EMPTY_CONFIGURATION, serviceKey } from '../service/configuration.ts';
import { checkedMarkRule } from '../service/mark-rule.ts';
import type { Edit, MarkRule, ServerOptions, ServiceAddress } from '../service/model.ts';
import { parseIp, renderIp } from '../wire/address.ts';

const ALL_ADDRESS_BITS4 = 0xffffffff;
const ALL_ADDRESS_BITS6 = 128;
const DIRECT_ROUTE = {
  forwarding: 'direct-route',
  tunnel: { type: 'ipip', port: 0, checksum: 'none' },
} as const;

const port = z.int().min(0).max(65535);
const count = z.int().min(0).max(0x7fffffff);
const seconds = z.int().min(1).max(2_678_400);
const MAX_MARK = 0xffffffff;
const mark = z.int().min(1).max(MAX_MARK);

const server = z.strictObject({
  address: z.string(),
  weight: count.default(1),
  upperThreshold: count.default(0),
  lowerThreshold: count.default(0),
});

const service = z.strictObject({
  /** `tcp 10.0.0.100:80`, `udp [fd00::1]:53` or `mark 7`. */
  service: z.string(),
  family: z.union([z.literal(4), z.literal(6)]).default(4),
  scheduler: z.string().default('wlc'),
  flags: z.array(z.enum(['fallback', 'port'])).default([]),
  persistent: seconds.optional(),
  netmask: z.int().min(1).max(128).optional(),
  onePacket: z.boolean().default(false),
  servers: z.array(server).default([]),
  check: checkSchema.optional(),
  sorry: z.string().optional(),
  slowStart: z.int().min(0).max(86_400).default(0),
});

const markRule = z.strictObject({
  mark,
  protocol: z.enum(['tcp', 'udp', 'sctp']).optional(),
  destination: z.string(),
  ports: z.union([port, z.tuple([port, port])]).optional(),
  sources: z.array(z.string()).min(1).optional(),
});

const configFile = z.strictObject({
  services: z.array(service).default([]),
  marks: z.array(markRule).default([]),
  settings: z.record(z.string(), z.int()).default({}),
  timeouts: z
    .strictObject({ tcp: seconds.optional(), tcpFin: seconds.optional(), udp: seconds.optional() })
    .default({}),
});

type ConfigFile = z.infer<typeof configFile>;
type Path = readonly PropertyKey[];

export interface ConfigFileContents {
  readonly wanted: Configuration;
  /** By serviceKey(). */
  readonly policies: ReadonlyMap<string, HealthPolicy>;
}

export function readConfigFile(path: string): ConfigFileContents {
  return parseConfig(readText(path), path);
}

/** CONFIG_FILE names file, line, column and what is wrong. */
export function parseConfig(text: string, path: string): ConfigFileContents {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const refuseAt = (offset: number, reason: string, cause?: unknown): never => {
    const { line, col: column } = lines.linePos(offset);
    const fields = { path, line, column };
    throw new DirectorError('CONFIG_FILE', `${path}:${line}:${column}: ${reason}`, fields, cause);
  };
  const refuse: Refuse = (at, reason) => refuseAt(offsetOf(document, at), reason);
  const [error] = document.errors;
  if (error !== undefined) {
    const reason = error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '');
    return refuseAt(error.pos[0], reason, error);
  }
  const checked = configFile.safeParse(contentsOf(document, refuse));
  if (!checked.success) {
    const issue = checked.error.issues[0]!;
    const reason = `${issue.path.join('.') || 'the file'}: ${issue.message}`;
    if (issue.code !== 'unrecognized_keys') return refuse(issue.path, reason);
    return refuseAt(offsetOfKey(document, issue.path, issue.keys[0]!), reason);
  }
  let wanted = EMPTY_CONFIGURATION;
  for (const { edit, at } of editsOf(checked.data, refuse)) {
    try {
      wanted = applyEdit(wanted, edit);
    } catch (cause) {
      refuse(at, (cause as Error).message);
    }
  }
  const policies = checked.data.services.map((service, index): [string, HealthPolicy] => {
    const address = serviceAddressOf(service)!;
    return [serviceKey(address), policyOf(address, service, ['services', index], refuse)];
  });
  return { wanted, policies: new Map(policies) };
}

type Refuse = (at: Path, reason: string) => never;

/** An alias of nothing, or aliases that would grow beyond all bounds, show only here. */
function contentsOf(document: Document, refuse: Refuse): unknown {
  try {
    return document.toJS() ?? {};
  } catch (cause) {
    return refuse([], (cause as Error).message);
  }
}

function* editsOf(file: ConfigFile, refuse: Refuse): Generator<{ edit: Edit; at: Path }> {
  for (const [name, value] of Object.entries(file.settings)) {
    yield { edit: { op: 'set', name, value }, at: ['settings', name] };
  }
  const { tcp = 0, tcpFin = 0, udp = 0 } = file.timeouts;
  yield {
    edit: { op: 'set-timeouts', timeouts: { tcpSec: tcp, tcpFinSec: tcpFin, udpSec: udp } },
    at: ['timeouts'],
  };
  const rules = file.marks.map((rule, index) => checkedRule(rule, ['marks', index], refuse));
  yield { edit: { op: 'set-marks', rules }, at: ['marks'] };
  for (const [index, each] of file.services.entries()) yield* serviceEdits(each, ['services', index], refuse);
}

function checkedRule(rule: ConfigFile['marks'][number], at: Path, refuse: Refuse): MarkRule {
  try {
    return checkedMarkRule(markRuleOf(rule));
  } catch (cause) {
    return refuse(at, (cause as Error).message);
  }
}

function markRuleOf({ mark, protocol, destination, ports, sources }: ConfigFile['marks'][number]): MarkRule {
  return {
    mark,
    destination,
    ...(protocol === undefined ? {} : { protocol }),
    ...(ports === undefined ? {} : { ports: typeof ports === 'number' ? [ports, ports] : ports }),
    ...(sources === undefined ? {} : { sources }),
  };
}

function* serviceEdits(
  configured: ConfigFile['services'][number],
  at: Path,
  refuse: Refuse,
): Generator<{ edit: Edit; at: Path }> {
  const service =
    serviceAddressOf(configured) ?? refuse([...at, 'service'], `${configured.service}: ${SERVICE_FORM}`);
  const isIpv6 = 'fwmark' in service ? service.family === 6 : service.address.includes(':');
  const { netmask: bits } = configured;
  if (bits !== undefined && bits > 32 && !isIpv6) {
    refuse([...at, 'netmask'], `netmask ${bits} is longer than an IPv4 address, 32`);
  }
  if ('port' in service && service.port === 0 && configured.persistent === undefined) {
    refuse([...at, 'service'], 'port 0 stands for all ports, which only a persistent service takes');
  }
  const netmask4 = bits === undefined || bits >= 32 ? ALL_ADDRESS_BITS4 : (-1 << (32 - bits)) >>> 0;
  const options = {
    scheduler: configured.scheduler,
    schedulerFlags:
      (configured.flags.includes('fallback') ? 8 : 0) | (configured.flags.includes('port') ? 16 : 0),
    persistentSec: configured.persistent ?? 0,
    netmask: isIpv6 ? (bits ?? ALL_ADDRESS_BITS6) : netmask4,
    onePacket: configured.onePacket,
    persistenceEngine: '',
  };
  yield { edit: { op: 'add-service', service, options }, at };
  for (const [index, each] of configured.servers.entries()) {
    const place = [...at, 'servers', index];
    const ip = parseIp(each.address) ?? refuse([...place, 'address'], `${each.address} is not an IP address`);
    if ((ip.version === 6) !== isIpv6) {
      refuse([...place, 'address'], `${each.address} is not of the IP version of ${configured.service}`);
    }
    const server = { address: renderIp(ip), port: 'fwmark' in service ? 0 : service.port };
    const { weight, upperThreshold, lowerThreshold } = each;
    const serverOptions: ServerOptions = { ...DIRECT_ROUTE, weight, upperThreshold, lowerThreshold };
    yield { edit: { op: 'add-server', service, server, options: serverOptions }, at: place };
  }
}

function policyOf(
  service: ServiceAddress,
  { service: name, check, sorry, slowStart: slowStartSec }: ConfigFile['services'][number],
  at: Path,
  refuse: Refuse,
): HealthPolicy {
  const isIpv6 = 'fwmark' in service ? service.family === 6 : service.address.includes(':');
  const port = 'fwmark' in service ? 0 : service.port;
  const chosen =
    check === undefined ? defaultCheck('fwmark' in service ? undefined : service.protocol, port) : check;
  if (chosen !== null && needsPort(chosen) && port === 0 && chosen.port === undefined)
    refuse([...at, 'check'], `${name} has no port of its own: the check must name one (port:)`);
  const ip = sorry === undefined ? undefined : parseIp(sorry);
  if (sorry !== undefined && (ip === undefined || (ip.version === 6) !== isIpv6))
    refuse([...at, 'sorry'], `${sorry} is not an address of the IP version of ${name}`);
  return { check: chosen, sorry: ip === undefined ? null : { address: renderIp(ip), port }, slowStartSec };
}

const SERVICE_FORM =
  'expected "tcp ADDRESS:PORT", "udp …", "sctp …" (an IPv6 address in brackets) or "mark N"';

function serviceAddressOf({ service, family }: ConfigFile['services'][number]): ServiceAddress | undefined {
  const marked = /^mark (\d{1,10})$/.exec(service);
  if (marked !== null) {
    const fwmark = Number(marked[1]);
    return fwmark >= 1 && fwmark <= MAX_MARK ? { fwmark, family } : undefined;
  }
  const match = /^(tcp|udp|sctp) (?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(service);
  const [, protocol, address6, address4, portText] = match ?? [];
  const ip = parseIp(address6 ?? address4 ?? '');
  const portNumber = Number(portText);
  if (ip === undefined || portNumber > 65535 || (ip.version === 6) !== (address6 !== undefined))
    return undefined;
  return { protocol: protocol as 'tcp' | 'udp' | 'sctp', address: renderIp(ip), port: portNumber };
}

function offsetOfKey(document: Document, at: Path, key: string): number {
  const map = at.length === 0 ? document.contents : document.getIn(at, true);
  const found = isMap(map)
    ? map.items.find((pair) => isScalar(pair.key) && pair.key.value === key)
    : undefined;
  return isScalar(found?.key) && found.key.range ? found.key.range[0] : offsetOf(document, at);
}

/** Where in the text something is: the innermost part of `at` that is there. */
function offsetOf(document: Document, at: Path): number {
  for (let length = at.length; length > 0; length--) {
    const node = document.getIn(at.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new DirectorError(
      'CONFIG_FILE',
      `cannot read ${path}: ${(cause as Error).message}`,
      { path },
      cause,
    );
  }
}
