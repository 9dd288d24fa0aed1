/** What is known of the health of servers, as the control socket tells it. */
import type { HealthReply, ServerHealthListing } from '../control/protocol.ts';
import type { ServiceCheck } from '../health/service-check.ts';
import type { Configuration, ConfiguredServer } from '../service/configuration.ts';
import type { ServiceAddress } from '../service/model.ts';
import type { ServerHealth } from './server-health.ts';

const MS = 1000;

export function listHealth({ services }: Configuration, health: ServerHealth): HealthReply {
  return {
    services: [...services.values()].map(({ service, servers }) => {
      const { check } = health.policyOf(service);
      return {
        service,
        check: check === null ? null : describeCheck(check),
        servers: servers.map((server) => listServer(service, server, health)),
      };
    }),
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

/** `http GET /health, through the virtual address, every 1 s` */
export function describeCheck({ options, via, port, intervalMs }: ServiceCheck): string {
  const way = options.kind === 'ping' || options.kind === 'exec' ? '' : WAYS[via];
  const at = port === undefined ? '' : `, port ${port}`;
  return `${describeQuestion(options)}${at}${way}, every ${intervalMs / MS} s`;
}

const WAYS = { vip: ', through the virtual address', server: ", at the server's own address" } as const;

function describeQuestion(options: ServiceCheck['options']): string {
  switch (options.kind) {
    case 'http':
    case 'https':
      return `${options.kind} ${options.method ?? 'GET'} ${options.path ?? '/'}`;
    case 'dns':
      return `dns ${options.type} ${options.name}`;
    case 'exec':
      return `exec ${[options.program, ...options.args].join(' ')}`;
    default:
      return options.kind;
  }
}
