/** What may stand in a configuration file, key by key. docs/OPERATIONS.md has an example. */
import { z } from 'zod';
import { checkSchema } from '../health/schema.ts';

export const MAX_MARK = 0xffffffff;

const port = z.int().min(0).max(65535);
const count = z.int().min(0).max(0x7fffffff);
const seconds = z.int().min(1).max(2_678_400);
const address = z.string().describe('an IP address');

export const SERVICE_FORM =
  '"tcp ADDRESS:PORT", "udp …", "sctp …" (an IPv6 address in brackets) or "mark NUMBER"';

const server = z
  .strictObject({
    address,
    weight: count.default(1),
    upperThreshold: count.default(0),
    lowerThreshold: count.default(0),
  })
  .describe('keys with values, such as address: 10.0.0.11');

const service = z
  .strictObject({
    service: z.string().describe(SERVICE_FORM),
    family: z.literal([4, 6]).default(4),
    scheduler: z.string().describe('the name of a scheduler').default('wlc'),
    flags: z.array(z.enum(['fallback', 'port'])).default([]),
    persistent: seconds.optional(),
    netmask: z.int().min(1).max(128).optional(),
    onePacket: z.boolean().default(false),
    servers: z.array(server).default([]),
    check: checkSchema.optional(),
    sorry: address.optional(),
    slowStart: z.int().min(0).max(86_400).default(0),
  })
  .describe('keys with values, such as service: tcp 10.0.0.100:80');

const markRule = z.strictObject({
  mark: z.int().min(1).max(MAX_MARK),
  protocol: z.enum(['tcp', 'udp', 'sctp']).optional(),
  destination: z.string().describe('an IP address, or a network such as 10.0.0.0/8'),
  ports: z
    .union([port, z.tuple([port, port])], {
      error: 'expected a port from 0 to 65535, or the first and the last of a range: [8000, 8099]',
    })
    .optional(),
  sources: z.array(z.string().describe('a network such as 10.0.0.0/8')).min(1).optional(),
});

export const configFile = z
  .strictObject({
    services: z.array(service).default([]),
    marks: z.array(markRule).default([]),
    settings: z.record(z.string(), z.int()).default({}),
    timeouts: z
      .strictObject({ tcp: seconds.optional(), tcpFin: seconds.optional(), udp: seconds.optional() })
      .default({}),
  })
  .describe('keys with values: services, marks, settings, timeouts');

export type ConfigFile = z.infer<typeof configFile>;
