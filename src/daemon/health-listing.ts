/** What is known of the health of servers, as the control socket tells it. */
import type { HealthReply, ServerHealthListing, ServiceHealthListing } from '../control/protocol.ts';
import { DEFAULT_TIMING, type ServiceCheck } from '../health/service-check.ts';
import type { Configuration, ConfiguredServer, ConfiguredService } from '../service/configuration.ts';
import type { ServiceAddress } from '../service/model.ts';
import type { ServerHealth } from './server-health.ts';

const MS = 1000;

export function listHealth({ services }: Configuration, health: ServerHealth): HealthReply {
  return { services: [...services.values()].map((service) => listServiceHealth(service, health)) };
}

export function listServiceHealth(
  { service, servers }: ConfiguredService,
  health: ServerHealth,
): ServiceHealthListing {
  const { check } = health.policyOf(service);
  return {
    service,
    check: check === null ? null : describeCheck(check),
    servers: servers.map((server) => listServer(service, server, health)),
  };
}

function listServer(
  service: ServiceAddress,
  { server, options }: ConfiguredServer,
  health: ServerHealth,
): ServerHealthListing {
  const { state, isDrained, cause, report } = health.stateOf(service, server);
  const now = Date.now();
  const last = report?.last;
  return {
    server,
    state,
    drained: isDrained,
    weight: options.weight,
    weightInForce: options.failed === true ? 0 : (options.weightInForce ?? options.weight),
    cause,
    sinceSec: report?.since === undefined ? null : Math.floor((now - report.since) / MS),
    last:
      last === undefined
        ? null
        : {
            ok: last.ok,
            cause: last.cause,
            durationMs: Math.round(last.durationMs * 10) / 10,
            agoSec: Math.floor((now - report!.answeredAt!) / MS),
          },
    missed: report?.missed ?? 0,
  };
}

/**
 * `http GET /health, through the virtual address, every 1 s`, and what else is not as by default. Different words for
 * different checks.
 */
export function describeCheck(check: ServiceCheck): string {
  const { options, via, port, intervalMs } = check;
  const way = options.kind === 'ping' || options.kind === 'exec' ? '' : WAYS[via];
  const at = port === undefined ? '' : `, port ${port}`;
  return [`${describeQuestion(options)}${at}${way}, every ${intervalMs / MS} s`, ...details(check)].join(
    ', ',
  );
}

const WAYS = { vip: ', through the virtual address', server: ", at the server's own address" } as const;

function describeQuestion(options: ServiceCheck['options']): string {
  switch (options.kind) {
    case 'http':
    case 'https':
      return `${options.kind} ${options.method ?? 'GET'} ${quoted(options.path ?? '/')}`;
    case 'dns':
      return `dns ${options.type} ${quoted(options.name)}`;
    case 'exec':
      return `exec ${[options.program, ...options.args].map(quoted).join(' ')}`;
    default:
      return options.kind;
  }
}

const IN_THE_QUESTION = new Set(['kind', 'method', 'path', 'type', 'name', 'program', 'args']);

function details({ options, timeoutMs, rise, fall }: ServiceCheck): string[] {
  const times = [
    timeoutMs === DEFAULT_TIMING.timeoutMs ? [] : `timeout ${timeoutMs / MS} s`,
    rise === DEFAULT_TIMING.rise ? [] : `rise ${rise}`,
    fall === DEFAULT_TIMING.fall ? [] : `fall ${fall}`,
  ];
  const asked = Object.entries(options)
    .filter(([name, value]) => !IN_THE_QUESTION.has(name) && value !== true)
    .map(([name, value]) => `${name} ${quoted(value)}`);
  return [...times.flat(), ...asked];
}

/** As it is when it is a plain word. */
const quoted = (value: unknown): string =>
  typeof value === 'string' && /^[\w./:@%+?&=-]+$/.test(value) ? value : JSON.stringify(value);
