/** Questions and answers of DNS as bytes, RFC 1035 §4.1, and what an answer says about its server. */
import { type Answer, type DecodedPacket, decode, encode, RECURSION_DESIRED, type SoaData } from 'dns-packet';
import { canonicalIp } from '../wire/address.ts';
import { printable } from './cause.ts';
import type { DnsCheck } from './check.ts';

/** RFC 1035 §4.1.1 and RFC 2136 §2.2, by number. */
export const DNS_CODES = [
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'YXDOMAIN',
  'YXRRSET',
  'NXRRSET',
  'NOTAUTH',
  'NOTZONE',
] as const;

/** RFC 1035 §4.1.1: the second word of the header. */
const RESPONSE_BIT = 0x8000;
const TRUNCATED_BIT = 0x0200;
const CODE_BITS = 0x000f;
const HEADER_BYTES = 12;

/** RFC 1035 §2.3.4, of a name as text without the final dot. */
const MAX_LABEL_BYTES = 63;
const MAX_NAME_BYTES = 253;

/** `id`: 0 … 0xffff. Throws for what is no name: dns-packet 5.6.1 would write something else. */
export function encodeQuestion({ name, type }: DnsCheck, id: number): Buffer {
  if (!isName(name)) throw new Error(`"${name}" is no name in DNS`);
  return encode({ type: 'query', id, flags: RECURSION_DESIRED, questions: [{ name, type }] });
}

/** '.' is the root. */
export function isName(text: string): boolean {
  const name = withoutFinalDot(text);
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return false;
  const isLabel = (label: string) => label !== '' && Buffer.byteLength(label) <= MAX_LABEL_BYTES;
  return text === '.' || name.split('.').every(isLabel);
}

const withoutFinalDot = (name: string): string => name.replace(/\.$/, '');

export type DnsVerdict =
  /** The answer to another question, such as one that came late. */
  | { readonly what: 'stray' }
  /** To be asked again over TCP. */
  | { readonly what: 'truncated' }
  /** As Settle has it: null is good. */
  | { readonly what: 'answer'; readonly failure: string | null };

const failed = (failure: string): DnsVerdict => ({ what: 'answer', failure });
const GOOD: DnsVerdict = { what: 'answer', failure: null };

export function judgeAnswer(message: Buffer, id: number, check: DnsCheck): DnsVerdict {
  if (message.length < HEADER_BYTES) return failed('answer is not DNS');
  const flags = message.readUInt16BE(2);
  if (message.readUInt16BE(0) !== id || (flags & RESPONSE_BIT) === 0) return { what: 'stray' };
  if ((flags & TRUNCATED_BIT) !== 0) return { what: 'truncated' }; // before decoding: it may end within a record
  const packet = tryDecode(message);
  if (packet === undefined) return failed('answer is not DNS');
  if (!answers(packet, check)) return { what: 'stray' };
  const { expectCode = 'NOERROR' } = check;
  const code = codeName(flags & CODE_BITS);
  if (code !== expectCode) return failed(`${code}, expected ${expectCode}`);
  return judgeRecords(packet.answers ?? [], check);
}

function tryDecode(message: Buffer): DecodedPacket | undefined {
  try {
    return decode(message);
  } catch {
    return undefined;
  }
}

/** Servers may leave the question out of an error. */
function answers({ questions = [] }: DecodedPacket, { name, type }: DnsCheck): boolean {
  const [question] = questions;
  if (question === undefined) return true;
  const asked = withoutFinalDot(name).toLowerCase();
  return question.type === type && withoutFinalDot(question.name).toLowerCase() === asked;
}

const codeName = (code: number): string => DNS_CODES[code] ?? `code ${code}`;

function judgeRecords(records: readonly Answer[], { type, expectAnswer }: DnsCheck): DnsVerdict {
  if (expectAnswer === undefined) return GOOD;
  const found = records.filter((record) => record.type === type).map(renderRecord);
  const expected = comparable(expectAnswer);
  if (found.some((text) => comparable(text) === expected)) return GOOD;
  const instead = found.length === 0 ? `no record of type ${type}` : printable(found.join(', '));
  return failed(`answer is ${instead}, expected ${expectAnswer}`);
}

/** Names have no case (RFC 1035 §2.3.3), and addresses of IPv6 several forms. */
const comparable = (text: string): string => canonicalIp(text) ?? withoutFinalDot(text).toLowerCase();

/** As in a zone file, without final dots; TXT without quotes, its strings joined. */
export function renderRecord(record: Answer): string {
  switch (record.type) {
    case 'MX':
      return `${record.data.preference ?? 0} ${record.data.exchange}`;
    case 'SRV': {
      const { priority = 0, weight = 0, port, target } = record.data;
      return `${priority} ${weight} ${port} ${target}`;
    }
    case 'SOA':
      return renderSoa(record.data);
    case 'TXT':
      return [record.data].flat().map(String).join('');
    default:
      return 'data' in record ? String(record.data) : '';
  }
}

function renderSoa({ mname, rname, serial, refresh, retry, expire, minimum }: SoaData): string {
  return [mname, rname, serial, refresh, retry, expire, minimum].join(' ');
}
