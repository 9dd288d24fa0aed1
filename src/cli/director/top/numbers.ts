/** Numbers and times in few characters. */

const STEPS = ['', 'k', 'M', 'G', 'T', 'P'];

/** At most five characters, three digits that count: `9999`, `12.3k`, `4.56M`. By thousands, bytes too. */
export function short(value: number): string {
  if (value < 9_999.5) return value < 10 && !Number.isInteger(value) ? value.toFixed(1) : value.toFixed(0);
  let [step, rest] = [0, value];
  while (rest >= 999.5 && step + 1 < STEPS.length) [step, rest] = [step + 1, rest / 1000];
  const digits = rest < 9.995 ? 2 : rest < 99.95 ? 1 : 0;
  return `${rest.toFixed(digits)}${STEPS[step]}`;
}

/** `1,234,567`. */
export const grouped = (value: number): string => value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ',');

/** `12 s`, `3 m`, `4 h`, `5 d`. */
export function since(seconds: number): string {
  if (seconds < 100) return `${Math.floor(seconds)} s`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)} m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** `03:04:05`, of this machine's time zone. */
export function clock(timeMs: number): string {
  const date = new Date(timeMs);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}
