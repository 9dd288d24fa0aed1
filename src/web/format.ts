/** Numbers, times and spans as the page shows them. SI prefixes: k is 1,000. */

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P'];

/** Three significant digits: `0.25`, `12.3`, `4.57 k`. `unit` follows the prefix: `4.57 kB/s`. */
export function formatSi(value: number, unit = ''): string {
  let scaled = value;
  let prefix = 0;
  // 999.5 would be written as 1000
  while (Math.abs(scaled) >= 999.5 && prefix < PREFIXES.length - 1) {
    scaled /= 1000;
    prefix++;
  }
  const suffix = `${PREFIXES[prefix]}${unit}`;
  return suffix === '' ? digits(scaled) : `${digits(scaled)} ${suffix}`;
}

function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return trimmed(value.toFixed(1));
  return trimmed(value.toFixed(2));
}

/** Of a fraction, the zeros at the end say nothing. */
const trimmed = (text: string): string => text.replace(/\.?0+$/, '');

/** Per second. */
export const formatRate = (value: number): string => formatSi(value);
export const formatByteRate = (bytes: number): string => formatSi(bytes, 'B/s');
export const formatBytes = (bytes: number): string => formatSi(bytes, 'B');

/** Whole numbers with thousands apart: `1,048,576`. */
export const formatCount = (value: number): string =>
  String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');

/** `1 server`, `2 servers`. */
export const countOf = (count: number, noun: string): string =>
  `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;

export const formatPercent = (part: number, whole: number): string =>
  whole === 0 ? '0 %' : `${trimmed(((100 * part) / whole).toFixed(1))} %`;

/** Two units at most: `8 s`, `3 min`, `2 h 5 min`, `4 d 1 h`. */
export function formatSpan(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return joined(hours, 'h', minutes % 60, 'min');
  return joined(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

const joined = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;

/** Minutes and seconds, as ipvsadm -Lnc has what is left of a connection: `14:59`. */
export const formatClock = (seconds: number): string =>
  `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;

export const formatMs = (ms: number): string => (ms < 1000 ? `${digits(ms)} ms` : `${digits(ms / 1000)} s`);

const two = (value: number): string => String(value).padStart(2, '0');

/** Of the browser's time zone: `14:03:07`. */
export function formatTime(timeMs: number): string {
  const date = new Date(timeMs);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** With the date, unless it is that of `nowMs`: `2026-03-01 14:03:07`. */
export function formatMoment(timeMs: number, nowMs: number): string {
  const date = new Date(timeMs);
  if (date.toDateString() === new Date(nowMs).toDateString()) return formatTime(timeMs);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${formatTime(timeMs)}`;
}
