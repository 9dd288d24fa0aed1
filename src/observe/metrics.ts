/**
 * The metrics for Prometheus, a row each: name, unit and type by its conventions, and where the values come from. A
 * service's own series are always there; those of its servers as long as there are not too many. Pure.
 */
import type { StatusReply } from '../control/protocol.ts';
import { DROP_RING_FULL, verdictNames } from '../datapath/verdict.ts';
import type { Prepared, ServerRow, ServiceRow } from './scrape.ts';
import { type Described, labelText, NO_LABELS, type Sample } from './text-format.ts';

const MS = 1000;

export interface Family extends Described {
  readonly labels: readonly string[];
  readonly samples: (of: Prepared) => Iterable<Sample>;
}

function single(
  type: Family['type'],
  name: string,
  help: string,
  value: (of: Prepared) => number | undefined,
): Family {
  return {
    type,
    name,
    help,
    labels: [],
    *samples(of) {
      const found = value(of);
      if (found !== undefined) yield [NO_LABELS, found];
    },
  };
}

function labelled(
  type: Family['type'],
  name: string,
  help: string,
  labels: readonly string[],
  samples: Family['samples'],
): Family {
  return { type, name, help, labels, samples };
}

const ofServices = (
  type: Family['type'],
  name: string,
  help: string,
  value: (row: ServiceRow) => number,
): Family =>
  labelled(type, name, help, ['service'], function* ({ serviceRows }) {
    for (const row of serviceRows) yield [row.labels, value(row)];
  });

const ofServers = (
  type: Family['type'],
  name: string,
  help: string,
  value: (row: ServerRow) => number | undefined,
): Family =>
  labelled(type, name, help, ['service', 'server'], function* ({ serverRows }) {
    for (const row of serverRows) {
      const found = value(row);
      if (found !== undefined) yield [row.labels, found];
    }
  });

/** As `director status` calls them, in the words of a label. */
const ROOM_KINDS: Readonly<Record<string, string>> = {
  halfOpen: 'half_open',
  udp: 'udp',
  template: 'template',
};

export const FAMILIES: readonly Family[] = [
  labelled(
    'gauge',
    'director_build_info',
    'Always 1: version of the director and of Node.js.',
    ['version', 'node'],
    ({ status }) => [[labelText({ version: status.version, node: process.versions.node }), 1]],
  ),
  labelled(
    'gauge',
    'director_interface_up',
    'Whether the interface is set up and has carrier.',
    ['interface'],
    ({ status }) => [[labelText({ interface: status.interface.name }), status.interface.up ? 1 : 0]],
  ),
  labelled('gauge', 'director_interface_mtu_bytes', 'MTU of the interface.', ['interface'], ({ status }) => [
    [labelText({ interface: status.interface.name }), status.interface.mtu],
  ]),
  labelled(
    'gauge',
    'director_datapath_info',
    'Always 1: which datapath forwards, and in which mode.',
    ['datapath', 'mode'],
    ({ status }) => [[labelText({ datapath: status.datapath.name, mode: status.datapath.mode ?? '' }), 1]],
  ),
  single(
    'gauge',
    'director_datapath_up',
    'Whether the datapath process runs and has its link.',
    ({ status }) => (status.datapath.state === 'running' ? 1 : 0),
  ),
  single(
    'counter',
    'director_datapath_restarts_total',
    'Datapath processes that ended and were replaced.',
    ({ status }) => status.datapath.restarts,
  ),
  labelled(
    'counter',
    'director_frames_total',
    'Frames by what became of them; verdicts that begin with Drop are drops.',
    ['verdict'],
    function* ({ status }) {
      for (const verdict of [...verdictNames.values(), DROP_RING_FULL])
        if (verdict !== 'Continue') yield [labelText({ verdict }), status.verdicts[verdict] ?? 0];
    },
  ),
  single(
    'gauge',
    'director_connection_table_entries',
    'Connections and templates that are remembered.',
    ({ status }) => status.connections.live,
  ),
  single(
    'gauge',
    'director_connection_table_limit',
    'Connections and templates that can be remembered at most.',
    ({ status }) => status.connections.capacity,
  ),
  single(
    'gauge',
    'director_connection_table_bytes',
    'Memory of the connection table when it is full; with xdp of all its tables.',
    ({ status }) => status.connectionTableBytes,
  ),
  labelled(
    'counter',
    'director_connections_displaced_total',
    'Connections that made room for new ones in a full table.',
    ['kind'],
    function* ({ status }) {
      for (const [name, kind] of Object.entries(ROOM_KINDS))
        yield [labelText({ kind }), status.madeRoom[name] ?? 0];
    },
  ),
  labelled(
    'gauge',
    'director_neighbors',
    'Addresses of real servers, by whether frames can be sent to them.',
    ['state'],
    ({ status }) => neighborSamples(status),
  ),
  single(
    'gauge',
    'director_warnings',
    'Things that are configured and will not work.',
    ({ status }) => status.warnings.length,
  ),
  single(
    'gauge',
    'director_config_last_reload_successful',
    'Whether the file was taken when it was read last.',
    ({ reload }) => (reload === undefined ? undefined : reload.isSuccess ? 1 : 0),
  ),
  single(
    'gauge',
    'director_config_last_reload_success_timestamp_seconds',
    'When the file was last read and taken.',
    ({ reload }) => (reload === undefined ? undefined : reload.succeededMs / MS),
  ),
  single(
    'gauge',
    'director_metrics_servers_limit',
    'Servers at most that have series of their own (--metrics-servers).',
    ({ maxServers }) => maxServers,
  ),
  single(
    'gauge',
    'director_metrics_servers_aggregated',
    'Whether there are more servers than that, so that only their services have series.',
    ({ isAggregated }) => (isAggregated ? 1 : 0),
  ),

  ofServices(
    'counter',
    'director_service_connections_total',
    'Connections that were scheduled.',
    ({ listing }) => listing.counters.connections,
  ),
  ofServices(
    'counter',
    'director_service_packets_total',
    'Packets from clients.',
    ({ listing }) => listing.counters.inPackets,
  ),
  ofServices(
    'counter',
    'director_service_bytes_total',
    'IP bytes from clients.',
    ({ listing }) => listing.counters.inBytes,
  ),
  ofServices(
    'gauge',
    'director_service_active_connections',
    'Active connections, as IPVS counts them.',
    ({ load }) => load.activeConnections,
  ),
  ofServices(
    'gauge',
    'director_service_inactive_connections',
    'Inactive connections, as IPVS counts them.',
    ({ load }) => load.inactiveConnections,
  ),
  ofServices(
    'gauge',
    'director_service_servers',
    'Real servers, the sorry server not counted.',
    ({ counts }) => counts.servers,
  ),
  ofServices(
    'gauge',
    'director_service_servers_available',
    'Real servers that new connections may go to.',
    ({ counts }) => counts.available,
  ),
  ofServices(
    'gauge',
    'director_service_servers_down',
    'Real servers that are down by their checks or neighbour entries.',
    ({ counts }) => counts.down,
  ),
  ofServices(
    'gauge',
    'director_service_servers_drained',
    'Real servers whose weight in force is 0.',
    ({ counts }) => counts.drained,
  ),
  ofServices(
    'counter',
    'director_service_checks_missed_total',
    'Checks that were due while the one before them still ran.',
    ({ missed }) => missed,
  ),

  ofServers(
    'counter',
    'director_server_connections_total',
    'Connections that were given to the server.',
    ({ listing }) => listing.counters.connections,
  ),
  ofServers(
    'counter',
    'director_server_packets_total',
    'Packets that were sent on to the server.',
    ({ listing }) => listing.counters.inPackets,
  ),
  ofServers(
    'counter',
    'director_server_bytes_total',
    'IP bytes that were sent on to the server.',
    ({ listing }) => listing.counters.inBytes,
  ),
  ofServers(
    'gauge',
    'director_server_active_connections',
    'Active connections, as IPVS counts them.',
    ({ listing }) => listing.activeConnections,
  ),
  ofServers(
    'gauge',
    'director_server_inactive_connections',
    'Inactive connections, as IPVS counts them.',
    ({ listing }) => listing.inactiveConnections,
  ),
  ofServers(
    'gauge',
    'director_server_up',
    'Whether the server takes part: 0 is down, by a check or its neighbour entry.',
    ({ listing }) => (listing.options.failed === true ? 0 : 1),
  ),
  ofServers(
    'gauge',
    'director_server_weight',
    'Weight in force: 0 while it is drained, less than configured in a slow start.',
    ({ listing }) => listing.options.weightInForce ?? listing.options.weight,
  ),
  ofServers(
    'gauge',
    'director_server_check_duration_seconds',
    'How long the last check took.',
    ({ health }) => (health?.last == null ? undefined : health.last.durationMs / MS),
  ),
];

function neighborSamples({ neighbors }: StatusReply): Sample[] {
  const counts = { resolved: 0, unresolved: 0, local: 0, unreachable: 0 };
  for (const { kind, mac } of neighbors)
    counts[kind !== 'neighbor' ? kind : mac === null ? 'unresolved' : 'resolved']++;
  return Object.entries(counts).map(([state, count]) => [labelText({ state }), count]);
}
