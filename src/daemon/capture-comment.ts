/** What a captured packet is annotated with, for people and for whoever searches. */
import { type CapturedRecord, namesIn } from '../capture/record.ts';
import { Verdict, verdictNames } from '../datapath/verdict.ts';

export interface Comments {
  /** `came: Forward, service tcp 10.0.0.100:80, server 10.0.0.2:80, MAC 02:00:00:00:00:02` */
  readonly came: Buffer;
  readonly sent: Buffer;
}

const MAX_KNOWN = 4096;
const MAC_BYTES = 6;

/** Most frames of a moment have few fates: each is put into words once. */
export class CommentWriter {
  private readonly known = new Map<string, Comments>();

  of(record: CapturedRecord): Comments {
    const { verdict, text, sent } = record;
    const mac = isForwarded(verdict) ? sent.toString('latin1', 0, MAC_BYTES) : '';
    const key = `${verdict}\t${mac}\t${text}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const comments = comment(record);
    if (this.known.size === MAX_KNOWN) this.known.clear();
    this.known.set(key, comments);
    return comments;
  }
}

function comment({ verdict, text, sent }: CapturedRecord): Comments {
  const { service, server } = namesIn(text);
  const fate = [
    verdictNames.get(verdict) ?? `verdict ${verdict}`,
    ...(service === '' ? [] : [`service ${service}`]),
    ...(server === '' ? [] : [`server ${server}`]),
    ...(isForwarded(verdict) && sent.length >= MAC_BYTES ? [`MAC ${macOf(sent)}`] : []),
  ].join(', ');
  return { came: Buffer.from(`came: ${fate}`), sent: Buffer.from(`sent: ${fate}`) };
}

const isForwarded = (verdict: number): boolean =>
  verdict === Verdict.Forward || verdict === Verdict.ForwardIcmpError || verdict === Verdict.ForwardFragment;

const macOf = (frame: Buffer): string => frame.toString('hex', 0, MAC_BYTES).replaceAll(/..(?=.)/g, '$&:');
