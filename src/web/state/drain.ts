/** The question before a server is drained or taken back, and what came of it. */
import type { ServerAddress, ServiceAddress } from '../../service/model.ts';

export interface DrainQuestion {
  readonly service: ServiceAddress;
  readonly serviceKey: string;
  readonly server: ServerAddress;
  readonly activeConnections: number;
  /** What is to be: drained, or taken back. */
  readonly drained: boolean;
}

export interface DrainDialog extends DrainQuestion {
  readonly asksForToken: boolean;
  readonly isSending: boolean;
  /** Why it was refused; null: not refused. */
  readonly refusal: string | null;
}

export type DrainAction =
  | { readonly type: 'drain-asked'; readonly question: DrainQuestion; readonly hasToken: boolean }
  | { readonly type: 'drain-sent' }
  | { readonly type: 'drain-refused'; readonly refusal: string; readonly isTokenWrong: boolean }
  | { readonly type: 'drain-closed' };

export function reduceDrain(dialog: DrainDialog | null, action: DrainAction): DrainDialog | null {
  if (action.type === 'drain-asked')
    return { ...action.question, asksForToken: !action.hasToken, isSending: false, refusal: null };
  if (action.type === 'drain-closed' || dialog === null) return null;
  if (action.type === 'drain-sent') return { ...dialog, isSending: true, refusal: null };
  const asksForToken = dialog.asksForToken || action.isTokenWrong;
  return { ...dialog, isSending: false, refusal: action.refusal, asksForToken };
}
