/** An explanation for people: numbered steps, the servers as a table, the verdict, notes. */
import { renderEndpoint } from '../../control/endpoint.ts';
import type { ExplainedServer, ExplainReply } from '../../control/protocol.ts';
import { plainTable } from './table.ts';

const NAME_WIDTH = 'schedule'.length;
/** Servers that a person reads; the one that was chosen besides. */
const MAX_ROWS = 20;
const INDENT = ' '.repeat('1. '.length + NAME_WIDTH + 2);

/** `width`: of the terminal, by which long lines are broken; undefined: none is. */
export function renderExplanation(reply: ExplainReply, width?: number): string {
  const steps = reply.steps.flatMap(({ step, text, details }, index) => {
    const head = `${index + 1}. ${step.padEnd(NAME_WIDTH)}  `;
    const lines = [text, ...details].flatMap((line) => broken(line, INDENT, width));
    const table = step === 'schedule' && reply.candidates.length > 0 ? serverTable(reply.candidates) : [];
    return [`${head}${lines[0]!.slice(INDENT.length)}`, ...lines.slice(1), ...table];
  });
  const server = reply.server === null ? '' : ` (${renderEndpoint(reply.server)})`;
  const verdict = broken(`${reply.verdict}${server}: ${reply.meaning}`, '', width);
  const notes = reply.notes.flatMap((note) => broken(`note: ${note}`, '', width));
  return [reply.packet, '', ...steps, '', ...verdict, ...notes].join('\n');
}

function serverTable(candidates: readonly ExplainedServer[]): string[] {
  const hasValues = candidates.some(({ value }) => value !== null);
  const hasNotes = candidates.some(({ note }) => note !== '');
  const head = [
    '',
    'SERVER',
    'WEIGHT',
    'ACTIVE',
    'INACTIVE',
    ...(hasValues ? ['COMPARED'] : []),
    ...(hasNotes ? ['NOTE'] : []),
  ];
  const shown = candidates.filter(({ chosen }, index) => chosen || index < MAX_ROWS);
  const rows = shown.map((each) => [
    each.chosen ? '>' : '',
    renderEndpoint(each.server),
    each.weightInForce === each.weight ? `${each.weight}` : `${each.weightInForce} of ${each.weight}`,
    `${each.activeConnections}`,
    `${each.inactiveConnections}`,
    ...(hasValues ? [each.value ?? ''] : []),
    ...(hasNotes ? [each.note] : []),
  ]);
  const left = candidates.length - shown.length;
  const more = left === 0 ? [] : [`and ${left} more: --json has them`];
  return [...plainTable([head, ...rows]).split('\n'), ...more].map((line) => `${INDENT}${line}`);
}

/** At blanks, each line behind `indent`. */
function broken(text: string, indent: string, width = Number.POSITIVE_INFINITY): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}
