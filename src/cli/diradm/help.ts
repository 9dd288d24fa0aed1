/** -h and -v: in ipvsadm's layout, in our words. */
import { version } from '../../version.ts';
import { HELP_SECTIONS, type HelpEntry, type HelpSection } from './help-entries.ts';
import { OPTIONS } from './option-table.ts';

const COMPATIBLE_WITH = '1.31';

/** Programs that run `ipvsadm -v` look for `ipvsadm v1.…` and decide by it which options exist. */
export function versionText(program: string): string {
  if (program === 'ipvsadm') return `ipvsadm v${COMPATIBLE_WITH} (director ${version()}, no IPVS module)\n`;
  return `${program} v${version()} (compatible with ipvsadm ${COMPATIBLE_WITH})\n`;
}

export function helpText(program: string): string {
  return `${versionText(program)}Usage:
  ${program} -A|E virtual-service [-s scheduler] [-p [timeout]] [-M netmask]
  ${' '.repeat(program.length)}      [--pe engine] [-o] [-b sched-flags]
  ${program} -D virtual-service
  ${program} -C
  ${program} -R
  ${program} -S [-n]
  ${program} -a|e virtual-service -r server-address [-g|i|m] [-w weight]
  ${' '.repeat(program.length)}      [-x upper] [-y lower] [tunnel options]
  ${program} -d virtual-service -r server-address
  ${program} -L|l [virtual-service] [options]
  ${program} -Z [virtual-service]
  ${program} --set tcp tcpfin udp
  ${program} --start-daemon {master|backup} [daemon options]
  ${program} --stop-daemon {master|backup}
  ${program} -h
  ${program} -v

${HELP_SECTIONS.map(sectionText).join('\n')}`;
}

const sectionText = ({ title, note, entries }: HelpSection): string =>
  [`${title}:`, ...(note === undefined ? [] : [note]), ...entries.map(entryLine), ''].join('\n');

/** `  --scheduler       -s name   rr|wrr|…`; a virtual service stands as `  --tcp-service|-t  address   host…`. */
function entryLine({ long, value, text }: HelpEntry): string {
  const specs = OPTIONS.filter((spec) => spec.long === long);
  const shorts = specs.flatMap(({ short }) => (short === undefined ? [] : [`-${short}`])).join('|');
  const shown = specs[0]?.value === 'optional' ? `[${value}]` : (value ?? '');
  const isService = specs[0]?.name === 'service-address';
  const [names, rest] =
    isService && shorts !== '' ? [`--${long}|${shorts}`, shown] : [`--${long}`, `${shorts} ${shown}`.trim()];
  const columns = `${names.padEnd(17)} ${rest}`;
  return `  ${(columns.length < 28 ? columns : `${names} ${rest}`).padEnd(28)}${text}`;
}
