/** What the timestamps of a pcapng interface count, and from when: if_tsresol, if_tsoffset. */
import { NANOSECONDS_PER_MICROSECOND, NANOSECONDS_PER_SECOND } from './captured-frame.ts';
import { OptionCode } from './pcapng-format.ts';

/** From the two halves of a timestamp to seconds since 1970 and nanoseconds. */
export type PcapngClock = (high: number, low: number) => [seconds: number, nanoseconds: number];

const POWER_OF_TWO_BIT = 0x80;
const DEFAULT_RESOLUTION = 6;
const WORD = 2 ** 32;
const MICROSECONDS_PER_SECOND = 1_000_000;

/** `options` of the interface, by code. */
export function readClock(options: ReadonlyMap<number, Buffer>, isLittleEndian: boolean): PcapngClock {
  const resolution = options.get(OptionCode.InterfaceTimeResolution)?.[0] ?? DEFAULT_RESOLUTION;
  const offset = options.get(OptionCode.InterfaceTimeOffset);
  const offsetSec = offset?.length === 8 ? signed64(offset, isLittleEndian) : 0n;
  if (resolution === DEFAULT_RESOLUTION && offsetSec === 0n) return microsecondClock;
  return resolution & POWER_OF_TWO_BIT
    ? anyClock(2n ** BigInt(resolution & ~POWER_OF_TWO_BIT), offsetSec)
    : anyClock(10n ** BigInt(resolution), offsetSec);
}

const signed64 = (bytes: Buffer, isLittleEndian: boolean): bigint =>
  isLittleEndian ? bytes.readBigInt64LE(0) : bytes.readBigInt64BE(0);

/** A double holds microseconds exactly up to here: until the year 2255. */
const EXACT_HIGH = 2 ** 21;

function microsecondClock(high: number, low: number): [number, number] {
  if (high >= EXACT_HIGH) return anyClock(BigInt(MICROSECONDS_PER_SECOND), 0n)(high, low);
  const ticks = high * WORD + low;
  const seconds = Math.floor(ticks / MICROSECONDS_PER_SECOND);
  return [seconds, (ticks - seconds * MICROSECONDS_PER_SECOND) * NANOSECONDS_PER_MICROSECOND];
}

const anyClock =
  (perSecond: bigint, offsetSec: bigint): PcapngClock =>
  (high, low) => {
    const ticks = (BigInt(high) << 32n) | BigInt(low);
    const nanoseconds = ((ticks % perSecond) * BigInt(NANOSECONDS_PER_SECOND)) / perSecond;
    return [Number(ticks / perSecond + offsetSec), Number(nanoseconds)];
  };
