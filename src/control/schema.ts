/** What the control socket takes in, checked: nothing that is not one of these shapes gets further. */
import { z } from 'zod';
import { checkSchema } from '../health/schema.ts';
import { canonicalIp, parseIp } from '../wire/address.ts';
import { parseEndpoint } from './endpoint.ts';
import { DEFAULT_SNAPLEN, type ExplainRequest } from './protocol.ts';

/** Edits in one request; diradm sends large files in several. */
export const MAX_EDITS = 20_000;
export const MAX_MARK_RULES = 1000;
export const MAX_CONNECTIONS_LISTED = 100_000;

const ipAddress = z
  .string()
  .refine((text) => parseIp(text) !== undefined, { message: 'expected an IPv4 or IPv6 address' })
  .transform((text) => canonicalIp(text)!);
const port = z.int().min(0).max(65535);
const uint31 = z.int().min(0).max(0x7fffffff);
const seconds = z.int().min(0).max(2_678_400);

const serviceAddress = z.union([
  z.strictObject({ protocol: z.enum(['tcp', 'udp', 'sctp']), address: ipAddress, port }),
  z.strictObject({ fwmark: z.int().min(1).max(0xffffffff), family: z.union([z.literal(4), z.literal(6)]) }),
]);
const serverAddress = z.strictObject({ address: ipAddress, port });

const serviceOptions = z.strictObject({
  scheduler: z.string().min(1).max(15),
  schedulerFlags: z.int().min(0).max(0xff),
  persistentSec: seconds,
  netmask: z.int().min(0).max(0xffffffff),
  onePacket: z.boolean(),
  persistenceEngine: z.string().max(15),
});

const serverOptions = z.strictObject({
  forwarding: z.enum(['direct-route', 'tunnel', 'masquerade']),
  weight: uint31,
  upperThreshold: uint31,
  lowerThreshold: uint31,
  tunnel: z.strictObject({
    type: z.enum(['ipip', 'gue', 'gre']),
    port,
    checksum: z.enum(['none', 'csum', 'remcsum']),
  }),
});

const syncRole = z.enum(['master', 'backup']);
const syncDaemon = z.strictObject({
  role: syncRole,
  interface: z.string().min(1).max(15),
  syncId: z.int().min(0).max(255),
  maxLengthBytes: z.int().min(0).max(65507),
  group: z.string(),
  port,
  ttl: z.int().min(0).max(255),
});

export const markRule = z.strictObject({
  mark: z.int().min(1).max(0xffffffff),
  protocol: z.enum(['tcp', 'udp', 'sctp']).exactOptional(),
  destination: z.string(),
  ports: z.tuple([port, port]).exactOptional(),
  sources: z.array(z.string()).min(1).max(1000).exactOptional(),
});

const edit = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('add-service'), service: serviceAddress, options: serviceOptions }),
  z.strictObject({ op: z.literal('edit-service'), service: serviceAddress, options: serviceOptions }),
  z.strictObject({ op: z.literal('delete-service'), service: serviceAddress }),
  z.strictObject({ op: z.literal('flush') }),
  z.strictObject({
    op: z.literal('add-server'),
    service: serviceAddress,
    server: serverAddress,
    options: serverOptions,
  }),
  z.strictObject({
    op: z.literal('edit-server'),
    service: serviceAddress,
    server: serverAddress,
    options: serverOptions,
  }),
  z.strictObject({ op: z.literal('delete-server'), service: serviceAddress, server: serverAddress }),
  z.strictObject({ op: z.literal('zero'), service: serviceAddress.exactOptional() }),
  z.strictObject({
    op: z.literal('set-timeouts'),
    timeouts: z.strictObject({ tcpSec: seconds, tcpFinSec: seconds, udpSec: seconds }),
  }),
  z.strictObject({ op: z.literal('start-sync-daemon'), daemon: syncDaemon }),
  z.strictObject({ op: z.literal('stop-sync-daemon'), role: syncRole }),
  z.strictObject({ op: z.literal('set'), name: z.string().max(64), value: z.int() }),
  z.strictObject({ op: z.literal('set-marks'), rules: z.array(markRule).max(MAX_MARK_RULES) }),
]);

export const editsRequest = z.strictObject({ edits: z.array(edit).max(MAX_EDITS) });

/** `10.0.0.1`, `10.0.0.1:80`, `fd00::1` or `[fd00::1]:80`. */
const endpoint = z.string().transform((text, context) => {
  const parsed = parseEndpoint(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: 'expected ADDRESS, ADDRESS:PORT or [IPV6]:PORT' });
  return z.NEVER;
});

const connectionFilter = {
  client: endpoint.exactOptional(),
  virtual: endpoint.exactOptional(),
  server: endpoint.exactOptional(),
};

export const endQuery = z.strictObject(connectionFilter).refine((filter) => Object.keys(filter).length > 0, {
  message:
    'name at least one of client, virtual and server: to end all connections is not asked for by accident',
});

export const checkRequest = z.strictObject({ service: serviceAddress, check: checkSchema });

export const drainRequest = z.strictObject({
  server: z.strictObject({ address: ipAddress, port: port.exactOptional() }),
  service: serviceAddress.exactOptional(),
  drained: z.boolean(),
});

export const planRequest = z.strictObject({
  name: z.string().min(1).max(4096),
  format: z.enum(['yaml', 'rules']),
  text: z.string(),
});

export const applyRequest = z.strictObject({ token: z.string().max(64) });

/** A frame is an Ethernet header at least, and no larger than the largest packet. */
const MIN_FRAME_BYTES = 14;
const MAX_FRAME_BYTES = 65_535 + 22;

const packetEnds = { from: serverAddress, to: serverAddress };
export const explainRequest: z.ZodType<ExplainRequest> = z.union([
  z.strictObject({
    frame: z
      .string()
      .regex(/^(?:[0-9a-fA-F]{2})+$/, 'expected hexadecimal digits, two for each byte')
      .min(2 * MIN_FRAME_BYTES, `expected ${MIN_FRAME_BYTES} bytes at least, an Ethernet header`)
      .max(2 * MAX_FRAME_BYTES, `expected ${MAX_FRAME_BYTES} bytes at most`),
  }),
  z
    .discriminatedUnion('protocol', [
      z.strictObject({
        protocol: z.literal('tcp'),
        ...packetEnds,
        flags: z.array(z.enum(['fin', 'syn', 'rst', 'psh', 'ack', 'urg'])),
      }),
      z.strictObject({ protocol: z.literal('udp'), ...packetEnds }),
      z.strictObject({
        protocol: z.literal('sctp'),
        ...packetEnds,
        chunk: z.enum([
          'data',
          'init',
          'sack',
          'heartbeat',
          'abort',
          'shutdown',
          'shutdown-ack',
          'cookie-echo',
          'shutdown-complete',
        ]),
      }),
    ])
    .refine(({ from, to }) => parseIp(from.address)?.version === parseIp(to.address)?.version, {
      message: 'from and to must be of one IP version',
    }),
]);

export const stopRequest = z.strictObject({ keepForwarding: z.boolean().exactOptional() });

export const MAX_HISTORY_LISTED = 10_000;

const sequence = z.coerce.number().int().min(0);

export const overviewQuery = z.strictObject({ service: z.string().exactOptional() });

export const historyQuery = z.strictObject({
  after: sequence.exactOptional(),
  limit: z.coerce.number().int().min(1).max(MAX_HISTORY_LISTED).default(1000),
});

export const streamQuery = z.strictObject({
  service: z.string().exactOptional(),
  after: sequence.exactOptional(),
  backlog: z.coerce.number().int().min(0).max(MAX_HISTORY_LISTED).default(MAX_HISTORY_LISTED),
});

export const connectionsQuery = z.strictObject({
  ...connectionFilter,
  cursor: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(MAX_CONNECTIONS_LISTED).default(10_000),
});

const positive = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const MIN_SNAPLEN = 14;
const MAX_SNAPLEN = 4096;

export const captureQuery = z.strictObject({
  ...connectionFilter,
  verdict: z
    .string()
    .transform((text) => text.split(','))
    .exactOptional(),
  count: positive.exactOptional(),
  seconds: z.coerce.number().int().min(1).max(2_000_000).exactOptional(),
  snaplen: z.coerce.number().int().min(MIN_SNAPLEN).max(MAX_SNAPLEN).default(DEFAULT_SNAPLEN),
});

export const captureId = z.strictObject({ id: positive });
