/** Bytes of a datagram: text <-> bytes. */
import type { Payload } from './check.ts';

/** Undefined: hexadecimal digits are missing or something else is among them. */
export function parsePayload(payload: Payload): Buffer | undefined {
  if ('text' in payload) return Buffer.from(payload.text);
  const digits = payload.hex.replace(/\s/g, '');
  return /^([0-9a-f]{2})*$/i.test(digits) ? Buffer.from(digits, 'hex') : undefined;
}

export const renderPayload = (payload: Payload): string =>
  'text' in payload ? `"${payload.text}"` : `bytes ${payload.hex}`;
