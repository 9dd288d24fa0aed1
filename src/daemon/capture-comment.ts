/** What a captured packet is annotated with, for people and for whoever searches. */
import type { CapturedRecord } from '../capture/record.ts';
import { Verdict, verdictNames } from '../datapath/verdict.ts';

/** `came: Forward, service tcp 10.0.0.100:80, server 10.0.0.2:80, MAC 02:00:00:00:00:02` */
export const cameComment = (record: CapturedRecord): string => `came: ${what(record)}`;

export const sentComment = (record: CapturedRecord): string => `sent: ${what(record)}`;

function what(record: CapturedRecord): string {
  const { verdict, service, server } = record;
  return [
    verdictNames.get(verdict) ?? `verdict ${verdict}`,
    ...(service === '' ? [] : [`service ${service}`]),
    ...(server === '' ? [] : [`server ${server}`]),
    ...(isForwarded(verdict) && record.sent.length >= MAC_BYTES ? [`MAC ${macOf(record.sent)}`] : []),
  ].join(', ');
}

const MAC_BYTES = 6;

const isForwarded = (verdict: number): boolean =>
  verdict === Verdict.Forward || verdict === Verdict.ForwardIcmpError || verdict === Verdict.ForwardFragment;

const macOf = (frame: Buffer): string => frame.toString('hex', 0, MAC_BYTES).replaceAll(/..(?=.)/g, '$&:');
