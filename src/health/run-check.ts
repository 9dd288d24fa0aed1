/**
 * One check from beginning to end. Whatever a kind of check does, here is what holds for all: the result comes
 * once, in time, never as an exception, and when it comes everything has been let go.
 */
import { onAbort } from './abort.ts';
import { causeOf } from './cause.ts';
import type { CheckOptions, CheckResult, CheckTarget } from './check.ts';
import { startDns } from './checks/dns.ts';
import { startExec } from './checks/exec.ts';
import { startHttp } from './checks/http.ts';
import { startHttps } from './checks/https.ts';
import { startPing } from './checks/ping.ts';
import { startTcp } from './checks/tcp.ts';
import { startTls } from './checks/tls.ts';
import { startUdp } from './checks/udp.ts';
import type { Running, Settle } from './running.ts';

/** Resolves when the check has settled, has timed out, or `signal` is aborted; the last is not `ok`. Never rejects. */
export function runCheck(
  options: CheckOptions,
  target: CheckTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CheckResult> {
  return new Promise((resolve) => {
    const startedAtMs = performance.now();
    let running: Running | undefined;
    let isSettled = false;
    const settle: Settle = (failure) => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      forgetAbort();
      running?.stop();
      resolve({ ok: failure === null, durationMs: performance.now() - startedAtMs, cause: failure ?? '' });
    };
    const timer = setTimeout(() => settle(silence(running, timeoutMs)), timeoutMs);
    const forgetAbort = onAbort(signal, () => settle('cancelled'));
    if (signal.aborted) return settle('cancelled');
    try {
      running = start(options, target, settle, timeoutMs);
      if (isSettled) running.stop();
    } catch (error) {
      settle(causeOf(error));
    }
  });
}

function silence(running: Running | undefined, timeoutMs: number): string | null {
  const within = `within ${timeoutMs / 1000} s`;
  return running?.onTimeout === undefined ? `no answer ${within}` : running.onTimeout(within);
}

function start(options: CheckOptions, target: CheckTarget, settle: Settle, timeoutMs: number): Running {
  switch (options.kind) {
    case 'ping':
      return startPing(options, target, settle, timeoutMs);
    case 'tcp':
      return startTcp(options, target, settle, timeoutMs);
    case 'http':
      return startHttp(options, target, settle, timeoutMs);
    case 'https':
      return startHttps(options, target, settle, timeoutMs);
    case 'tls':
      return startTls(options, target, settle, timeoutMs);
    case 'dns':
      return startDns(options, target, settle, timeoutMs);
    case 'udp':
      return startUdp(options, target, settle, timeoutMs);
    case 'exec':
      return startExec(options, target, settle, timeoutMs);
  }
}
