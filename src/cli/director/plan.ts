/**
 * A plan as a diff that people read: a line for each service that changes, and below it what of it does. + comes,
 * - goes, ~ changes. In the words of the configuration file.
 */
import type pc from 'picocolors';
import { renderEndpoint } from '../../control/endpoint.ts';
import type {
  Change,
  PlannedServer,
  PlannedService,
  PlannedServiceOptions,
  PlanReply,
} from '../../control/protocol.ts';
import type { MarkRule, ServerOptions, ServiceAddress, SyncDaemon } from '../../service/model.ts';

export type Colors = ReturnType<typeof pc.createColors>;

const IPV4_BITS = 32;
const FALLBACK = 8;
const PORT = 16;

/** Empty: nothing changes. */
export function renderPlan(plan: PlanReply, colors: Colors): string {
  const lines = [
    ...plan.services.flatMap(serviceLines),
    ...plan.settings.map(({ name, before, after }) => `~ setting ${name} ${before} -> ${after}`),
    ...changedFields(plan.timeouts, timeoutFields).map((text) => `~ timeout ${text}`),
    ...listLines(plan.marks, (rule) => `mark rule ${renderRule(rule)}`),
    ...listLines(plan.syncDaemons, renderSyncDaemon),
  ];
  return lines.map((line) => colored(line, colors)).join('\n');
}

function colored(line: string, colors: Colors): string {
  const sign = line.trimStart()[0];
  if (sign === '+') return colors.green(line);
  return sign === '-' ? colors.red(line) : colors.yellow(line);
}

// Services --------------------------------------------------------------------------------------------------

function serviceLines({ service, options, servers }: PlannedService): string[] {
  const name = `service ${serviceName(service)}`;
  return [
    ...(options === null ? [`~ ${name}`] : changeLines(name, options, serviceFields)),
    ...servers.flatMap((server) => serverLines(server).map((line) => `    ${line}`)),
  ];
}

const serviceName = (service: ServiceAddress): string =>
  'fwmark' in service
    ? `mark ${service.fwmark}${service.family === 6 ? ' IPv6' : ''}`
    : `${service.protocol} ${renderEndpoint(service)}`;

const serverLines = ({ server, ...change }: PlannedServer): string[] =>
  changeLines(`server ${renderEndpoint(server)}`, change, serverFields);

type Field = readonly [name: string, value: string, isDefault: boolean];

function serviceFields(options: PlannedServiceOptions): Field[] {
  const { schedulerFlags, persistentSec, netmask, persistenceEngine, check, sorry, slowStartSec } = options;
  return [
    ['scheduler', options.scheduler, false],
    ['flags', flagNames(schedulerFlags), schedulerFlags === 0],
    ['persistent', seconds(persistentSec), persistentSec === 0],
    ['netmask', String(netmaskBits(netmask)), netmask === 0xffffffff || netmask === 128],
    ['onePacket', String(options.onePacket), !options.onePacket],
    ['persistence engine', persistenceEngine || 'none', persistenceEngine === ''],
    ['check', check ?? 'off', false],
    ['sorry', sorry ?? 'none', sorry === null],
    ['slowStart', seconds(slowStartSec), slowStartSec === 0],
  ];
}

function serverFields(options: ServerOptions): Field[] {
  const { forwarding, weight, upperThreshold, lowerThreshold, tunnel } = options;
  return [
    ['weight', String(weight), false],
    ['forwarding', forwarding, forwarding === 'direct-route'],
    ['upperThreshold', String(upperThreshold), upperThreshold === 0],
    ['lowerThreshold', String(lowerThreshold), lowerThreshold === 0],
    ['tunnel', `${tunnel.type} port ${tunnel.port} ${tunnel.checksum}`, forwarding !== 'tunnel'],
  ];
}

function flagNames(bits: number): string {
  const others = bits & ~(FALLBACK | PORT);
  const names = [bits & FALLBACK ? 'fallback' : '', bits & PORT ? 'port' : '', others ? String(others) : ''];
  return names.filter((name) => name !== '').join(', ') || 'none';
}

/** An IPv4 mask is a number above all prefix lengths, or 0. */
const netmaskBits = (netmask: number): number =>
  netmask > 128 ? IPV4_BITS - Math.log2(2 ** IPV4_BITS - netmask) : netmask;

const seconds = (count: number): string => (count === 0 ? 'no' : `${count} s`);

// The rest --------------------------------------------------------------------------------------------------

const timeoutFields = ({
  tcpSec,
  tcpFinSec,
  udpSec,
}: NonNullable<PlanReply['timeouts']>['after']): Field[] => [
  ['tcp', seconds(tcpSec), false],
  ['tcpFin', seconds(tcpFinSec), false],
  ['udp', seconds(udpSec), false],
];

function renderRule({ mark, protocol, destination, ports, sources }: MarkRule): string {
  const range = ports === undefined ? '' : ` ports ${ports[0] === ports[1] ? ports[0] : ports.join('-')}`;
  const from = sources === undefined ? '' : ` from ${sources.join(', ')}`;
  return `${mark}: ${protocol ?? 'any protocol'} ${destination}${range}${from}`;
}

const renderSyncDaemon = ({ role, syncId, group, port, ttl, maxLengthBytes, ...at }: SyncDaemon): string =>
  `sync daemon ${role} on ${at.interface}: id ${syncId}, group ${group} port ${port}, ttl ${ttl}, ${maxLengthBytes} bytes`;

/** The rules of one list that are not in the other, and that only their order changes. */
function listLines<T>(change: Change<readonly T[]> | null, render: (entry: T) => string): string[] {
  if (change === null) return [];
  const [before, after] = [change.before.map(render), change.after.map(render)];
  const lines = [
    ...before.filter((text) => !after.includes(text)).map((text) => `- ${text}`),
    ...after.filter((text) => !before.includes(text)).map((text) => `+ ${text}`),
  ];
  return lines.length > 0 ? lines : after.map((text) => `~ ${text}, now number ${after.indexOf(text) + 1}`);
}

// Changes ---------------------------------------------------------------------------------------------------

/** What comes has a line with all that is not as by default; what goes has its name; a change a line for each field. */
function changeLines<T>(
  name: string,
  { before, after }: Change<T | null>,
  fieldsOf: (of: T) => Field[],
): string[] {
  if (after === null) return [`- ${name}`];
  if (before === null) {
    const said = fieldsOf(after).filter(([, , isDefault]) => !isDefault);
    return [`+ ${name}  ${said.map(([field, value]) => `${field} ${value}`).join(', ')}`];
  }
  const changed = changedFields({ before, after }, fieldsOf);
  return changed.length === 1
    ? [`~ ${name}  ${changed[0]}`]
    : [`~ ${name}`, ...changed.map((text) => `    ~ ${text}`)];
}

function changedFields<T>(change: Change<T> | null, fieldsOf: (of: T) => Field[]): string[] {
  if (change === null) return [];
  const before = fieldsOf(change.before);
  return fieldsOf(change.after).flatMap(([name, value], index) =>
    before[index]![1] === value ? [] : [`${name} ${before[index]![1]} -> ${value}`],
  );
}
