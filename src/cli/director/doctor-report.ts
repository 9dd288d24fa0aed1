/** What doctor found, for people. */
import pc from 'picocolors';
import type { CheckReport, Report } from '../../doctor/doctor.ts';
import type { Finding, Severity } from '../../doctor/finding.ts';

const COLORS = { problem: pc.red, warning: pc.yellow, note: pc.cyan } as const;
const INDENT = '  ';

/** Pure but for colours. `all`: also what is fine, and what was not checked. */
export function renderReport(report: Report, all: boolean): string {
  const findings = report.checks.flatMap((check) => check.findings);
  const sections = (['problem', 'warning', 'note'] as const).flatMap((severity) =>
    findings.filter((finding) => finding.severity === severity).map(renderFinding),
  );
  const lines = all ? report.checks.filter(({ state }) => state !== 'found').map(renderCheck) : [];
  return [
    ...lines,
    ...(lines.length > 0 && sections.length > 0 ? [''] : []),
    ...sections,
    summary(report),
  ].join('\n');
}

function renderFinding({ id, severity, what, shown, fix }: Finding): string {
  return [
    `${COLORS[severity](`${severity}:`)} ${what} ${pc.dim(`[${id}]`)}`,
    `${INDENT}showed by: ${shown}`,
    ...(fix === null
      ? []
      : [
          `${INDENT}mended by${fix.on === null ? '' : `, on ${fix.on}`}:`,
          `${INDENT}${INDENT}${fix.command}`,
        ]),
    '',
  ].join('\n');
}

const renderCheck = ({ name, state, said }: CheckReport): string =>
  state === 'fine' ? `${pc.green('fine')} ${name}: ${said}` : `${pc.yellow('not checked')} ${name}: ${said}`;

function summary({ role, interface: name, virtual, problems, checks }: Report): string {
  const count = (severity: Severity) =>
    checks.flatMap(({ findings }) => findings).filter((each) => each.severity === severity).length;
  const unchecked = checks.filter(({ state }) => state === 'not checked');
  const counts = [
    problems === 0 ? pc.green('no problems') : pc.red(plural(problems, 'problem')),
    ...(count('warning') > 0 ? [plural(count('warning'), 'warning')] : []),
    ...(count('note') > 0 ? [plural(count('note'), 'note')] : []),
    `${checks.filter(({ state }) => state === 'fine').length} of ${checks.length} checks fine`,
    ...(unchecked.length > 0
      ? [`not checked: ${unchecked.map((each) => each.name).join(', ')} (--verbose says why)`]
      : []),
  ];
  const where = `${role === 'director' ? 'director' : 'real server'}, ${name}, virtual ${virtual.join(', ') || 'none'}`;
  const advice =
    role === 'director' && problems === 0
      ? '\nTry it from a client, not from this host or a real server: they have the virtual address themselves.'
      : '';
  return `${where}: ${counts.join('; ')}${advice}`;
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
