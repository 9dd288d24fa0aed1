/** Step 4: which server, by template, by scheduler, or by the second chance. */
import type { ExplainedStep } from '../control/protocol.ts';
import { Verdict } from '../datapath/verdict.ts';
import { endpointText } from '../service/configuration.ts';
import type { Attempt } from './attempt.ts';
import { reasonFor } from './candidates.ts';
import { isMoved, weightOf } from './find-step.ts';
import { asksForService } from './match-step.ts';
import { counted, seconds } from './words.ts';

/** Undefined: no server was looked for. */
export function scheduleStep(attempt: Attempt): ExplainedStep | undefined {
  const { service, isOpened, server, verdict, excerpt } = attempt;
  const step = (text: string, ...details: string[]): ExplainedStep => ({ step: 'schedule', text, details });
  if (isMoved(attempt))
    return step(
      `by the second chance to ${nameOf(server)}: of the servers that have shown life the one with the lowest load for its weight, as wlc compares`,
    );
  if (service === undefined || !asksForService(attempt)) return undefined;
  const reason = reasonFor(attempt);
  const templates = templateDetails(attempt);
  if (reason !== undefined)
    return step(reason.why, ...templates, ...(reason.rule === '' ? [] : [reason.rule]));
  if (service.scheduler === undefined && verdict === Verdict.ReplyPortUnreachable)
    return step('the scheduler of the service is "none", which takes no connection', ...templates);
  if (excerpt.template === null || !(isOpened || verdict === Verdict.DropConnectionTableFull))
    return undefined;
  const kept = excerpt.servers.find(({ id }) => id === excerpt.template!.server);
  return step(
    `the client has a template of persistence, which says ${nameOf(kept)}; the scheduler is not asked`,
    `the template lives ${seconds((excerpt.template.expires - excerpt.now) | 0)} yet, and ${seconds(excerpt.template.timeout)} from this packet on; ${counted(excerpt.template.dependents, 'connection')} depend on it`,
  );
}

/** Of a persistent service whose scheduler was asked all the same: persistence.ts, findTemplate(). */
function templateDetails({ service, excerpt }: Attempt): string[] {
  if (service === undefined || service.options.persistentSec === 0) return [];
  const { template, settings } = excerpt;
  const made = `persistent for ${service.options.persistentSec} s: who is chosen now stays this client's`;
  if (template === null) return [`the client has no template of persistence; ${made}`];
  const server = excerpt.servers.find(({ id }) => id === template.server);
  const why =
    server === undefined || !server.isListed
      ? 'was taken out of the service'
      : server.options.failed === true
        ? 'failed its checks'
        : settings.expire_quiescent_template !== 0 && weightOf(server) === 0
          ? 'has weight 0, and expire_quiescent_template is 1'
          : undefined;
  if (why === undefined) return [`the time of the client's template to ${nameOf(server)} is up; ${made}`];
  return [`the client's template is of no use any more: ${nameOf(server)} ${why}; ${made}`];
}

const nameOf = (server: Attempt['server']): string =>
  server === undefined ? 'a server that is no more' : endpointText(server.address);
