/** `director run`: its options. The daemon itself is loaded when it is called for. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_CONNECTION_TABLE_SIZE, MAX_CONNECTIONS } from '../../connection/connection-table.ts';
import { parseEndpoint } from '../../control/endpoint.ts';
import type { EndpointFilter } from '../../control/protocol.ts';
import { DirectorError } from '../../errors.ts';
import { MAX_WORKERS } from '../../wire/slice.ts';
import { upTo } from './up-to.ts';

const DEFAULT_MAX_SERVICES = 1024;
const DEFAULT_MAX_SERVERS = 32_768;
/** Eight series each. */
const DEFAULT_METRICS_SERVERS = 2000;
const MAX_SERVICES = 65_536;
const MAX_SERVERS = 2 ** 20;

type WebAddress = Required<EndpointFilter>;

interface Options {
  readonly interface: string;
  readonly rules?: string;
  readonly config?: string;
  readonly connTableSize: number;
  readonly workers: number;
  readonly datapath: 'auto' | 'xdp' | 'ring' | 'pcap';
  readonly xdpMode: 'auto' | 'native' | 'generic';
  readonly maxServices: number;
  readonly maxServers: number;
  readonly defaultCheck: 'tcp' | 'off';
  readonly metricsServers: number;
  readonly web?: WebAddress;
  readonly webTokenFile?: string;
}

const WITHOUT_WORKERS = {
  auto: 'add --datapath ring, or leave --workers out',
  xdp: 'its program runs on all processors already; leave --workers out',
  pcap: 'it has one process; take --datapath ring, or leave --workers out',
} as const;

export function addRunCommand(program: Command): void {
  program
    .command('run')
    .description('run the daemon in the foreground; SIGTERM or SIGINT end it and leave nothing behind')
    .requiredOption(
      '--interface <name>',
      'interface that has the virtual addresses and the real servers on its segment',
    )
    .option('--rules <file>', 'load a file as ipvsadm-save writes it; SIGHUP reads it again')
    .addOption(
      new Option(
        '--config <file>',
        'load a YAML file of services, servers, settings and marks; SIGHUP reads it again',
      ).conflicts('rules'),
    )
    .addOption(
      new Option(
        '--datapath <name>',
        'xdp: a program in the kernel; ring: user space, frames through memory shared with the kernel; pcap: user space, frames through libpcap; auto: the first of them that can be had',
      )
        .choices(['auto', 'xdp', 'ring', 'pcap'])
        .default('auto'),
    )
    .addOption(
      new Option(
        '--xdp-mode <mode>',
        "native: in the interface's driver; generic: with any driver, slower; auto: native where it works",
      )
        .choices(['auto', 'native', 'generic'])
        .default('auto'),
    )
    .option(
      '--workers <n>',
      'ring: so many processes share the clients, each on a processor of its own',
      upTo(MAX_WORKERS),
      1,
    )
    .option(
      '--conn-table-size <n>',
      'connections remembered at most',
      upTo(MAX_CONNECTIONS),
      DEFAULT_CONNECTION_TABLE_SIZE,
    )
    .option('--max-services <n>', 'xdp: virtual services at most', upTo(MAX_SERVICES), DEFAULT_MAX_SERVICES)
    .option(
      '--max-servers <n>',
      'xdp: real servers of all services at most',
      upTo(MAX_SERVERS),
      DEFAULT_MAX_SERVERS,
    )
    .addOption(
      new Option(
        '--default-check <kind>',
        'how services that no configuration file names are checked: tcp (ping where there is no port), or off',
      )
        .choices(['tcp', 'off'])
        .default('off'),
    )
    .option(
      '--metrics-servers <n>',
      'so many real servers have metrics of their own; if there are more, only services have',
      upTo(MAX_SERVERS),
      DEFAULT_METRICS_SERVERS,
    )
    .option(
      '--web <address:port>',
      'serve the page, the metrics and the calls that read there, too, such as 127.0.0.1:8080 or [::1]:8080',
      webAddress,
    )
    .option(
      '--web-token-file <file>',
      'a word by which, as Authorization: Bearer, things can be changed there; without it nothing can',
    )
    .action(runDaemon);
}

async function runDaemon(options: Options, command: Command): Promise<void> {
  const { rules, config, connTableSize, web, webTokenFile, ...others } = options;
  if (web === undefined && webTokenFile !== undefined)
    throw new DirectorError(
      'TOKEN_FILE',
      `--web-token-file ${webTokenFile} is for --web, which is not given`,
    );
  const { workers, datapath } = others;
  if (workers > 1 && datapath !== 'ring')
    throw new DirectorError(
      'WORKERS',
      `--workers ${workers} is for --datapath ring, and the datapath is ${datapath}: ${WITHOUT_WORKERS[datapath]}`,
    );
  if (connTableSize < workers)
    throw new DirectorError(
      'WORKERS',
      `--conn-table-size ${connTableSize} is too few for --workers ${workers}: each process needs room for one connection at least`,
    );
  const { start } = await import('../../daemon/start.ts');
  await start({
    ...others,
    rulesPath: rules,
    configPath: config,
    connectionTableSize: connTableSize,
    web: web && { ...web, tokenFile: webTokenFile },
    socketPath: command.optsWithGlobals().socket,
  });
}

function webAddress(text: string): WebAddress {
  const { address, port } = parseEndpoint(text) ?? {};
  if (address !== undefined && port !== undefined) return { address, port };
  throw new InvalidArgumentError(
    'expected ADDRESS:PORT with an address of this host, such as 127.0.0.1:8080 or [::1]:8080.',
  );
}
