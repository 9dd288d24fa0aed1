/**
 * /etc/director/director.yaml: services with their servers, settings, timeouts and firewall marks in one file. Read
 * whole or not at all; what is wrong is named with line and column. docs/OPERATIONS.md has an example.
 */
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, type YAMLError } from 'yaml';
import { DirectorError, type ErrorCode } from '../errors.ts';
import type { HealthPolicy } from '../health/policy.ts';
import { defaultCheck, needsPort } from '../health/service-check.ts';
import { applyEdit, draftOf, EMPTY_CONFIGURATION, serviceKey } from '../service/configuration.ts';
import { checkedMarkRule } from '../service/mark-rule.ts';
import type { Edit, MarkRule, ServerOptions, ServiceAddress } from '../service/model.ts';
import { parseIp, renderIp } from '../wire/address.ts';
import { describeIssue, expectation } from './config-issue.ts';
import { type ConfigFile, configFile, MAX_MARK, SERVICE_FORM } from './config-schema.ts';
import type { Desired } from './desired.ts';

const ALL_ADDRESS_BITS4 = 0xffffffff;
const ALL_ADDRESS_BITS6 = 128;
const DIRECT_ROUTE = {
  forwarding: 'direct-route',
  tunnel: { type: 'ipip', port: 0, checksum: 'none' },
} as const;

type Path = readonly PropertyKey[];

/** CONFIG_FILE names file, line, column, what is wrong and what is right. `apply` may refuse more than applyEdit(). */
export function parseConfig(text: string, path: string, apply = applyEdit): Desired {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const refuseAt = (offset: number, reason: string, cause?: unknown): never => {
    const { line, col: column } = lines.linePos(offset);
    const fields = { path, line, column };
    throw new DirectorError('CONFIG_FILE', `${path}:${line}:${column}: ${reason}`, fields, cause);
  };
  const refuse: Refuse = (at, reason, cause) => refuseAt(offsetOf(document, at), reason, cause);
  const [error] = document.errors;
  if (error !== undefined) return refuseAt(error.pos[0], describeYamlError(error), error);

  const contents = contentsOf(document, refuse);
  const checked = configFile.safeParse(contents, { error: expectation, reportInput: true });
  if (!checked.success) {
    const issue = checked.error.issues[0]!;
    if (issue.code !== 'unrecognized_keys') return refuse(issue.path, describeIssue(issue));
    return refuseAt(offsetOfKey(document, issue.path, issue.keys[0]!), describeIssue(issue));
  }
  let draft = draftOf(EMPTY_CONFIGURATION);
  for (const { edit, at } of editsOf(checked.data, refuse)) {
    try {
      draft = apply(draft, edit);
    } catch (cause) {
      if (!(cause instanceof DirectorError)) throw cause;
      refuse([...at, BLAMED[cause.code] ?? ''], describeRefusal(cause), cause);
    }
  }
  const policies = checked.data.services.map((service, index): [string, HealthPolicy] => {
    const address = serviceAddressOf(service)!;
    return [serviceKey(address), policyOf(address, service, ['services', index], refuse)];
  });
  return {
    configuration: { ...draft, services: new Map(draft.services) },
    policies: new Map(policies),
  };
}

/** The key that is at fault when an edit is refused. */
const BLAMED: Partial<Record<ErrorCode, string>> = {
  SERVICE_EXISTS: 'service',
  SCHEDULER_NOT_FOUND: 'scheduler',
  SERVER_EXISTS: 'address',
  SERVER_ADDRESS_INVALID: 'address',
};

const describeRefusal = ({ message }: DirectorError): string =>
  message.replace(/ exists already$/, ' is in this file already; put the two together');

function describeYamlError({ code, message }: YAMLError): string {
  if (code === 'TAB_AS_INDENT') return 'a tab; YAML is indented with blanks';
  if (code === 'DUPLICATE_KEY') return 'this key is here already; put the two together';
  if (code === 'MULTIPLE_DOCS') return 'a second document begins here; expected one';
  return `not YAML: ${message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')}`;
}

type Refuse = (at: Path, reason: string, cause?: unknown) => never;

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
    serviceAddressOf(configured) ??
    refuse([...at, 'service'], `service is ${JSON.stringify(configured.service)}; expected ${SERVICE_FORM}`);
  const isIpv6 = versionOf(service) === 6;
  const { netmask: bits } = configured;
  if (bits !== undefined && bits > 32 && !isIpv6) {
    refuse([...at, 'netmask'], `netmask is ${bits}; expected 32 or less, the bits of an IPv4 address`);
  }
  if ('port' in service && service.port === 0 && configured.persistent === undefined) {
    refuse(
      [...at, 'service'],
      'port 0 stands for all ports, which only a persistent service takes; name a port, or add persistent: 600',
    );
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
    const address = addressFor(configured.service, service, each.address, [...place, 'address'], refuse);
    const server = { address, port: portOf(service) };
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
  const port = portOf(service);
  const chosen =
    check === undefined ? defaultCheck('fwmark' in service ? undefined : service.protocol, port) : check;
  if (chosen !== null && needsPort(chosen) && port === 0 && chosen.port === undefined)
    refuse([...at, 'check'], `${name} has no port of its own: add one to the check, such as port: 80`);
  if (sorry === undefined) return { check: chosen, sorry: null, slowStartSec };
  const address = addressFor(name, service, sorry, [...at, 'sorry'], refuse);
  return { check: chosen, sorry: { address, port }, slowStartSec };
}

const portOf = (service: ServiceAddress): number => ('fwmark' in service ? 0 : service.port);

const versionOf = (service: ServiceAddress): 4 | 6 =>
  'fwmark' in service ? service.family : parseIp(service.address)!.version;

const ADDRESS_FORM = 'names are not looked up, and the port is that of the service';

/** Canonical, and of the IP version of its service, which the file calls `name`. */
function addressFor(name: string, service: ServiceAddress, text: string, at: Path, refuse: Refuse): string {
  const ip = parseIp(text) ?? refuse(at, `${text} is not an IP address; ${ADDRESS_FORM}`);
  const version = versionOf(service);
  if (ip.version === version) return renderIp(ip);
  const remedy =
    'fwmark' in service
      ? `family: ${ip.version} makes it IPv${ip.version}`
      : `expected an IPv${version} address`;
  return refuse(at, `${text} is an IPv${ip.version} address, and ${name} is IPv${version}; ${remedy}`);
}

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
