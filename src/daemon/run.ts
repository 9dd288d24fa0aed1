/** `director run`: puts the parts together, serves until a signal, takes everything away again. */
import { join } from 'node:path';
import { readToken } from '../control/token.ts';
import { openWebListener, type WebAddress } from '../control/web-listener.ts';
import type { RunCheck } from '../health/monitor.ts';
import { lockInterface } from '../host/instance-lock.ts';
import { loadHostAddon } from '../host/native.ts';
import { RouteSocket } from '../host/netlink.ts';
import { createLog, type Log } from '../log.ts';
import { recordEvents } from '../observe/event-log.ts';
import { History } from '../observe/history.ts';
import { packageRoot } from '../package-root.ts';
import type { DatapathOptions } from './datapath.ts';
import { Director, type End } from './director.ts';
import { HostInterface } from './host-interface.ts';

const WEB_FOLDER = join(packageRoot(), 'dist/web');

export interface RunOptions extends Omit<DatapathOptions, 'log' | 'host'> {
  readonly interface: string;
  readonly socketPath: string;
  readonly rulesPath: string | undefined;
  readonly configPath: string | undefined;
  readonly defaultCheck: 'tcp' | 'off';
  /** So many servers have metrics of their own; if there are more, none has. */
  readonly metricsServers: number;
  /** Where the page and the calls that it needs are served, too; undefined: nowhere. */
  readonly web: WebOptions | undefined;
}

export interface WebOptions extends WebAddress {
  /** Undefined: nothing can be changed there. */
  readonly tokenFile: string | undefined;
}

/** Resolves after a clean end, to whether it is to begin anew. Rejects when it cannot start, with nothing left behind. */
export async function run(options: RunOptions): Promise<boolean> {
  const ownLog = createLog();
  const history = new History();
  const log = recordEvents(ownLog, history);
  const undo: (() => unknown)[] = [];
  let keepForwarding = false;
  let beginsAnew = false;
  try {
    let end: (end: End) => void = () => {};
    const ended = new Promise<End>((resolve) => {
      end = resolve;
    });
    for (const why of ['SIGTERM', 'SIGINT'] as const)
      process.on(why, () => end({ why, keepForwarding: false }));

    const token = options.web?.tokenFile === undefined ? undefined : readToken(options.web.tokenFile);
    const web = options.web && (await openWebListener(options.web));
    if (web !== undefined) undo.push(() => web.close());
    undo.push(await lockInterface(options.interface));
    const routes = new RouteSocket();
    undo.push(() => routes.close());
    await routes.follow();
    let director: Director | undefined;
    const host = new HostInterface({
      name: options.interface,
      routes,
      log,
      socketPath: options.socketPath,
      onChange: () => void director?.followHost(),
    });
    undo.push(() => host.close(keepForwarding));
    director = new Director({ ...options, log, history, routes, host, runCheck, onEnd: (how) => end(how) });
    undo.push(() => director.close(keepForwarding));
    // What forwarded before us goes on when we cannot start.
    const starting = director.start().finally(() => {
      keepForwarding = director.hasAdopted;
    });
    const [control] = await Promise.all([loadControl(), starting]);
    const app = control.createControlApp(director);
    undo.push(await control.serveControl(app, options.socketPath));
    if (web !== undefined) {
      web.serve(control.webAnswers({ ...web, control: app, token, folder: WEB_FOLDER }));
      log.info(
        { web: web.url },
        `the page is at ${web.url}${token === undefined ? ', for reading only' : ''}`,
      );
    }
    if (web !== undefined) undo.push(() => web.close());
    undo.push(() => director.endStreams());
    undo.push(() => director.finishCaptures());

    process.on('SIGHUP', () => reload(director));
    const { name, state } = host;
    log.info(
      { interface: name, mac: state?.mac, socket: options.socketPath, pid: process.pid },
      `director runs on ${name}`,
    );
    notifySystemd('READY=1');
    const how = await ended;
    ({ keepForwarding, beginsAnew = false } = how);
    log.info({ why: how.why }, `stopping on ${how.why}`);
    notifySystemd(beginsAnew ? 'RELOADING=1' : 'STOPPING=1');
  } finally {
    for (const step of undo.reverse()) await tryTo(step, log);
  }
  const left = keepForwarding ? 'forwarding goes on' : 'nothing of the director is left on this host';
  log.info({}, `stopped; ${left}`);
  await ownLog.written();
  return beginsAnew;
}

/** Loaded when something is checked. */
const runCheck: RunCheck = async (...check) => {
  const health = await import('../health/run-check.ts');
  return health.runCheck(...check);
};

/** Half of the time of a start is the loading of these; the datapath begins meanwhile. */
async function loadControl() {
  const [app, server, web] = await Promise.all([
    import('../control/app.ts'),
    import('../control/server.ts'),
    import('../control/web-app.ts'),
  ]);
  return { ...app, ...server, ...web };
}

/** One thing that cannot be taken away does not keep us from taking away the rest. */
async function tryTo(step: () => unknown, log: Log): Promise<void> {
  try {
    await step();
  } catch (error) {
    log.error({ err: error }, `could not clean up: ${(error as Error).message}`);
  }
}

/** Whether it was taken is in the log. */
function reload(director: Director): void {
  director.reload().catch(() => {});
}

function notifySystemd(text: string): void {
  const path = process.env.NOTIFY_SOCKET;
  if (path !== undefined) loadHostAddon().notify(path, text);
}
