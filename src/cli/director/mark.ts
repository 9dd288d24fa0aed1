/** `director mark`: which frames belong to which firewall mark, for services made with `diradm -A -f MARK`. */
import { type Command, InvalidArgumentError } from 'commander';
import { DirectorError } from '../../errors.ts';
import type { MarkRule, TransportProtocol } from '../../service/model.ts';
import { applyEdit, asking } from './asking.ts';
import { plainTable } from './table.ts';

const MAX_MARK = 0xffffffff;

interface AddOptions {
  readonly mark: number;
  readonly protocol: TransportProtocol | 'any';
  readonly ports?: readonly [number, number];
  readonly source?: readonly string[];
}

export function addMarkCommands(program: Command): void {
  const mark = program
    .command('mark')
    .description('firewall marks: the first rule that matches a frame sets its mark');
  mark
    .command('list', { isDefault: true })
    .description('list the rules in the order in which they are tried')
    .action(list);
  mark
    .command('add')
    .description(
      'add a rule at the end, for example: director mark add 10.0.0.100 --mark 7 --protocol tcp --ports 80-443',
    )
    .argument('<destination>', 'virtual address, or a network such as 10.0.0.96/28')
    .requiredOption('--mark <n>', `1 to ${MAX_MARK}`, markNumber)
    .option('--protocol <name>', 'tcp, udp, sctp or any', protocolName, 'any')
    .option('--ports <first-last>', 'one port or a range; default: all', portRange)
    .option('--source <network...>', 'clients of these networks only')
    .action(add);
  mark
    .command('delete')
    .description('delete a rule by its number in the list')
    .argument('<number>')
    .action(remove);
}

function list(_options: object, command: Command): Promise<void> {
  return asking(command, async (client) => {
    const { rules } = await client.readMarks();
    console.log(rules.length === 0 ? 'no rules: no frame has a mark' : renderRules(rules));
  });
}

export function renderRules(rules: readonly MarkRule[]): string {
  const rows = rules.map(({ mark, protocol, destination, ports, sources }, index) => [
    String(index + 1),
    String(mark),
    protocol ?? 'any',
    destination,
    ports === undefined ? 'all' : ports[0] === ports[1] ? String(ports[0]) : ports.join('-'),
    sources?.join(', ') ?? 'all',
  ]);
  return plainTable([['NUMBER', 'MARK', 'PROTOCOL', 'DESTINATION', 'PORTS', 'SOURCES'], ...rows]);
}

function add(destination: string, options: AddOptions, command: Command): Promise<void> {
  const rule: MarkRule = {
    mark: options.mark,
    destination,
    ...(options.protocol === 'any' ? {} : { protocol: options.protocol }),
    ...(options.ports === undefined ? {} : { ports: options.ports }),
    ...(options.source === undefined ? {} : { sources: options.source }),
  };
  return asking(command, async (client) => {
    const { rules } = await client.readMarks();
    await applyEdit(client, { op: 'set-marks', rules: [...rules, rule] });
  });
}

function remove(text: string, _options: object, command: Command): Promise<void> {
  return asking(command, async (client) => {
    const { rules } = await client.readMarks();
    const index = Number(text) - 1;
    if (rules[index] === undefined) {
      throw new DirectorError(
        'OUT_OF_RANGE',
        `there is no rule ${text}; director mark lists ${rules.length}`,
      );
    }
    await applyEdit(client, { op: 'set-marks', rules: rules.toSpliced(index, 1) });
  });
}

function markNumber(text: string): number {
  const mark = Number(text);
  if (Number.isInteger(mark) && mark >= 1 && mark <= MAX_MARK) return mark;
  throw new InvalidArgumentError(`expected a whole number from 1 to ${MAX_MARK}.`);
}

function protocolName(text: string): string {
  if (['tcp', 'udp', 'sctp', 'any'].includes(text)) return text;
  throw new InvalidArgumentError('expected tcp, udp, sctp or any.');
}

function portRange(text: string): [number, number] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match !== null && first <= last && last <= 65535) return [first, last];
  throw new InvalidArgumentError('expected a port or a range such as 8000-8099.');
}
