/** `director health`: which servers take part, what their checks said last; `director check`: how they are checked. */
import { type Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { renderEndpoint } from '../../control/endpoint.ts';
import type { HealthReply, ServerHealthListing } from '../../control/protocol.ts';
import type { ServiceAddress } from '../../service/model.ts';
import { asking } from './asking.ts';
import { addServiceOptions, requiredServiceOf, type ServiceOption } from './service-option.ts';
import { plainTable } from './table.ts';

export function addHealthCommands(program: Command): void {
  program
    .command('health')
    .description('show which real servers take part, and what their checks said last')
    .option('--json', 'as the control socket tells it')
    .action(({ json = false }: { json?: boolean }, command: Command) =>
      asking(command, async (client) => {
        const reply = await client.readHealth();
        console.log(json ? JSON.stringify(reply, null, 2) : renderHealth(reply));
      }),
    );
  const check = program
    .command('check')
    .description(
      'check the real servers of a service from now on, for example: director check -t 10.0.0.100:80 http --path /health',
    )
    .argument('<kind>', 'off, ping, tcp, http, https, tls, dns, udp or exec')
    .argument('[program...]', 'exec: absolute path of the program, and its arguments (after --)');
  addServiceOptions(check)
    .option('--via <way>', 'vip: the virtual address, through each server; server: its own address')
    .option('--port <n>', 'instead of that of the service', number)
    .option('--interval <seconds>', 'from one check to the next (1)', number)
    .option('--timeout <seconds>', 'no answer by then is a bad one (1)', number)
    .option('--rise <n>', 'good checks in a row that bring a server back (2)', number)
    .option('--fall <n>', 'bad checks in a row that make it a failed one (2)', number)
    .option('--method <name>', 'http: GET or HEAD')
    .option('--path <path>', 'http: what is asked for (/)')
    .option('--host <name>', 'http: the Host header')
    .option('--expect-status <ranges>', 'http: such as 200-399 (the default) or 200,204')
    .option('--expect-body <text>', 'http: text that must be in the answer')
    .option('--no-verify', 'https, tls: take any certificate')
    .option('--server-name <name>', 'https, tls: name in the handshake and in the certificate')
    .option('--name <name>', 'dns: what is asked for')
    .option('--type <type>', 'dns: A, AAAA, MX … (A)')
    .option('--expect-code <code>', 'dns: NOERROR (the default), NXDOMAIN …')
    .option('--payload <text>', 'udp: what is sent')
    .option('--expect-answer <text>', 'dns, udp: what must be in the answer')
    .action(setCheck);
}

type CheckOptions = ServiceOption & Record<string, unknown>;

/** What is missing or too much for the kind the daemon says: it knows what a check may have. */
function setCheck(kind: string, program: string[], options: CheckOptions, command: Command): Promise<void> {
  const { tcpService: _t, udpService: _u, sctpService: _s, fwmarkService: _f, ipv6: _6, ...given } = options;
  const service = requiredServiceOf(options);
  return asking(command, (client) => client.setCheck({ service, check: checkOf(kind, program, given) }));
}

function checkOf(kind: string, [program, ...args]: string[], given: Record<string, unknown>): unknown {
  if (kind === 'off') return 'off';
  const { verify, payload, expectAnswer, ...others } = given;
  return {
    kind,
    ...others,
    ...(verify === false ? { verify } : {}),
    ...(payload === undefined ? {} : { payload: { text: payload } }),
    ...(expectAnswer === undefined
      ? {}
      : { expectAnswer: kind === 'udp' ? { text: expectAnswer } : expectAnswer }),
    ...(program === undefined ? {} : { program, args }),
  };
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('expected a number.');
}

export function renderHealth({ services }: HealthReply): string {
  if (services.length === 0) return 'there are no services';
  const parts = services.map(({ service, check, servers }) => {
    const head = `${pc.bold(serviceName(service))}  ${check ?? 'not checked'}`;
    const rows = servers.map((server) => [
      `  ${renderEndpoint(server.server)}`,
      stateOf(server, check !== null),
      weightOf(server),
      lastOf(server),
    ]);
    return rows.length === 0 ? `${head}\n  no real servers` : `${head}\n${plainTable(rows)}`;
  });
  return parts.join('\n\n');
}

export const serviceName = (service: ServiceAddress): string =>
  'fwmark' in service
    ? `mark ${service.fwmark}${service.family === 6 ? ' IPv6' : ''}`
    : `${service.protocol} ${renderEndpoint(service)}`;

export function stateOf(
  { state, drained, sinceSec }: Pick<ServerHealthListing, 'state' | 'drained' | 'sinceSec'>,
  isChecked: boolean,
): string {
  const since = sinceSec === null ? '' : ` for ${sinceSec} s`;
  if (state === 'down') return pc.red(`down${since}`);
  if (drained) return pc.yellow('drained');
  if (state === 'up') return pc.green(`up${since}`);
  return isChecked ? 'not checked yet' : 'takes part';
}

const weightOf = ({ weight, weightInForce }: ServerHealthListing): string =>
  weight === weightInForce ? `weight ${weight}` : `weight ${weightInForce} of ${weight}`;

export function lastOf({
  state,
  cause,
  last,
}: Pick<ServerHealthListing, 'state' | 'cause' | 'last'>): string {
  const took = last === null ? '' : `${last.durationMs} ms, ${last.agoSec} s ago`;
  if (state === 'down') return [cause, took].filter((part) => part !== '').join('; ');
  if (last === null) return '';
  return last.ok ? took : `${last.cause}; ${took}`;
}
