/**
 * A check as people write it, in the configuration file and over the control socket: seconds, names and defaults.
 * `off`, a kind alone (`tcp`), or a kind with what it asks.
 */
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { DNS_TYPES } from './check.ts';
import { parsePayload } from './payload.ts';
import { DEFAULT_TIMING, type ServiceCheck } from './service-check.ts';
import { parseStatusRanges } from './status-ranges.ts';

const MAX_SECONDS = 3600;
const seconds = z.number().min(0.01).max(MAX_SECONDS);
const answers = z.int().min(1).max(100);
const MS = 1000;

const timing = {
  port: z.int().min(1).max(65_535).optional(),
  interval: seconds.default(DEFAULT_TIMING.intervalMs / MS),
  timeout: seconds.default(DEFAULT_TIMING.timeoutMs / MS),
  rise: answers.default(DEFAULT_TIMING.rise),
  fall: answers.default(DEFAULT_TIMING.fall),
};

/** Of what connects; an echo and a program cannot be led through the virtual address. */
const way = { via: z.enum(['vip', 'server']).default('vip') };

const http = {
  method: z.enum(['GET', 'HEAD']).exactOptional(),
  path: z.string().startsWith('/').max(2048).exactOptional(),
  host: z.string().min(1).max(255).exactOptional(),
  expectStatus: z
    .string()
    .refine((text) => parseStatusRanges(text) !== undefined, {
      message: 'expected codes and ranges from 100 to 599, such as "200-399" or "200,204"',
    })
    .exactOptional(),
  expectBody: z.string().min(1).max(4096).exactOptional(),
};

const tls = {
  verify: z.boolean().default(true),
  serverName: z.string().min(1).max(255).exactOptional(),
  authority: z.string().exactOptional(),
};

const payload = z
  .union([z.strictObject({ text: z.string() }), z.strictObject({ hex: z.string() })], {
    error: 'expected {text: …} or {hex: …}',
  })
  .refine((given) => parsePayload(given) !== undefined, {
    message: 'expected pairs of hexadecimal digits in hex',
  });

const kinds = [
  z.strictObject({ kind: z.literal('off') }),
  z.strictObject({ kind: z.literal('ping'), ...timing }),
  z.strictObject({ kind: z.literal('tcp'), ...timing, ...way }),
  z.strictObject({ kind: z.literal('http'), ...timing, ...way, ...http }),
  z.strictObject({ kind: z.literal('https'), ...timing, ...way, ...http, ...tls }),
  z.strictObject({ kind: z.literal('tls'), ...timing, ...way, ...tls }),
  z.strictObject({
    kind: z.literal('dns'),
    ...timing,
    ...way,
    name: z.string().min(1).max(255),
    type: z.enum(DNS_TYPES).default('A'),
    expectCode: z
      .string()
      .regex(/^[A-Z]+$/, 'expected a code such as NOERROR or NXDOMAIN')
      .exactOptional(),
    expectAnswer: z.string().exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('udp'),
    ...timing,
    ...way,
    payload: payload.exactOptional(),
    expectAnswer: payload.exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('exec'),
    ...timing,
    program: z.string().refine(isAbsolute, { message: 'expected an absolute path' }),
    args: z.array(z.string()).default([]),
  }),
] as const;

const detailed = z.discriminatedUnion('kind', kinds, {
  error: `expected one of ${kinds.map(({ shape }) => shape.kind.value).join(', ')}`,
});

/** Null: off. */
export const checkSchema = z
  .preprocess((written) => (typeof written === 'string' ? { kind: written } : written), detailed)
  .transform((written): ServiceCheck | null => (written.kind === 'off' ? null : checkOf(written)));

type Detailed = Exclude<z.infer<typeof detailed>, { kind: 'off' }>;

function checkOf(written: Detailed): ServiceCheck {
  const { port, interval, timeout, rise, fall, ...asked } = written;
  const { via, ...options } = { via: 'server' as const, ...asked };
  return {
    options,
    via,
    ...(port === undefined ? {} : { port }),
    intervalMs: interval * MS,
    timeoutMs: timeout * MS,
    rise,
    fall,
  };
}
