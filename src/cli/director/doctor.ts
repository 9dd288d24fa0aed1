/** `director doctor`: its options and its exit code. What it does is loaded when it is called for. */
import { type Command, InvalidArgumentError } from 'commander';
import { canonicalIp } from '../../wire/address.ts';
import { asking } from './asking.ts';
import { type Endpoint, endpoint } from './service-option.ts';

/** Below are codes with other meanings: 1 failed, 2 usage, and some to spare. */
const EXIT_BASE = 10;
const MAX_COUNTED = 100;

interface DoctorOptions {
  readonly realServer?: boolean;
  readonly interface?: string;
  readonly vip?: readonly string[];
  readonly tcpService?: readonly Endpoint[];
  readonly udpService?: readonly Endpoint[];
  readonly only?: readonly string[];
  readonly json?: boolean;
  readonly verbose?: boolean;
}

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description(
      'test this director, or with --real-server this real server, for the mistakes that direct routing fails of in silence; ' +
        `for each: what is wrong, how it showed, the command that mends it. Exits 0 without a problem, else ${EXIT_BASE} and their number, ${EXIT_BASE + MAX_COUNTED} at most`,
    )
    .option('--real-server', 'this host is a real server; needs no running daemon')
    .option(
      '--interface <name>',
      'interface of the segment; by default that of the daemon, or of the default route',
    )
    .option(
      '--vip <address...>',
      'virtual addresses; by default those of the services, or on a real server those on lo',
      address,
    )
    .option(
      '-t, --tcp-service <address...>',
      'on a real server: TCP services that it is for, ADDRESS:PORT',
      endpoints,
    )
    .option('-u, --udp-service <address...>', 'likewise of UDP', endpoints)
    .option('--only <check...>', 'make these checks only, by their names (--verbose shows them)')
    .option('--verbose', 'also what is fine, and what could not be checked')
    .option('--json', 'for programs')
    .action((options: DoctorOptions, command: Command) =>
      asking(command, async (client) => {
        const { examine } = await import('../../doctor/doctor.ts');
        const report = await examine(client, {
          role: options.realServer === true ? 'real-server' : 'director',
          interfaceName: options.interface,
          virtual: options.vip ?? [],
          services: [
            ...(options.tcpService ?? []).map((at) => ({ protocol: 'tcp' as const, ...at })),
            ...(options.udpService ?? []).map((at) => ({ protocol: 'udp' as const, ...at })),
          ],
          only: options.only,
        });
        const { renderReport } = await import('./doctor-report.ts');
        console.log(
          options.json === true
            ? JSON.stringify(report, null, 2)
            : renderReport(report, options.verbose === true),
        );
        process.exitCode = exitCodeOf(report.problems);
      }),
    );
}

export const exitCodeOf = (problems: number): number =>
  problems === 0 ? 0 : EXIT_BASE + Math.min(problems, MAX_COUNTED);

function address(text: string, before: readonly string[] = []): string[] {
  const canonical = canonicalIp(text);
  if (canonical === undefined) throw new InvalidArgumentError('expected an IP address.');
  return [...before, canonical];
}

const endpoints = (text: string, before: readonly Endpoint[] = []): Endpoint[] => [...before, endpoint(text)];
