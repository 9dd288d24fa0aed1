/** A frame on an excerpt of the state -> the path's steps in words, with the reason for each. */

import type { ExplainReply } from '../control/protocol.ts';
import { type Verdict, verdictNames } from '../datapath/verdict.ts';
import { renderMac } from '../wire/address.ts';
import { DecodeResult } from '../wire/decode.ts';
import { destinationMacHigh, destinationMacLow, sourceMacHigh, sourceMacLow } from '../wire/ethernet.ts';
import { attempt } from './attempt.ts';
import { candidatesOf } from './candidates.ts';
import { decodeStep } from './decode-step.ts';
import type { Excerpt } from './excerpt.ts';
import { findStep } from './find-step.ts';
import type { Knowledge } from './knowledge.ts';
import { matchStep } from './match-step.ts';
import { notesOf } from './notes.ts';
import { scheduleStep } from './schedule-step.ts';
import { rememberSteps, sendStep } from './send-step.ts';
import { VERDICT_WORDS } from './verdict-words.ts';
import { clientEnd, packetKind, virtualEnd } from './words.ts';

export function explain(excerpt: Excerpt, frame: Uint8Array, knowledge: Knowledge): ExplainReply {
  const tried = attempt(excerpt, frame);
  const { decoded, packet, verdict, service, server, sent } = tried;
  const name = verdictNames.get(verdict) as keyof typeof Verdict;
  const isDecoded = decoded === DecodeResult.Continue;
  const steps = [
    decodeStep(tried, frame),
    ...(isDecoded ? [findStep(tried), matchStep(tried), scheduleStep(tried), ...rememberSteps(tried)] : []),
    sendStep(tried, knowledge),
  ].filter((step) => step !== undefined);
  return {
    packet: isDecoded
      ? `${packet.isIcmpError ? 'ICMP error about ' : ''}${packetKind(packet)} from ${clientEnd(packet)} to ${virtualEnd(packet)}`
      : `a frame of ${frame.length} bytes`,
    verdict: name,
    meaning: VERDICT_WORDS[name],
    service: service?.address ?? null,
    server: server?.address ?? null,
    steps,
    candidates: candidatesOf(tried, knowledge),
    sent: sent.map(sentFrame),
    notes: notesOf(tried, knowledge),
  };
}

function sentFrame(frame: Uint8Array): ExplainReply['sent'][number] {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  return {
    to: renderMac({ high: destinationMacHigh(view, 0), low: destinationMacLow(view, 0) }),
    from: renderMac({ high: sourceMacHigh(view, 0), low: sourceMacLow(view, 0) }),
    frame: Buffer.from(frame).toString('hex'),
  };
}
