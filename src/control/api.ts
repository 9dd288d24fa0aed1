/** What the control socket offers, as the daemon implements it. */
import type { Edit } from '../service/model.ts';
import type {
  ConnectionsReply,
  EditsReply,
  MarksReply,
  ServicesReply,
  SettingsReply,
  StatusReply,
} from './protocol.ts';

export interface DirectorApi {
  /** In order; one that fails does not stop those after it. Resolves when the datapath works by them. */
  edit(edits: readonly Edit[]): Promise<EditsReply>;
  services(): Promise<ServicesReply>;
  connections(cursor: number, limit: number): Promise<ConnectionsReply>;
  status(): Promise<StatusReply>;
  settings(): SettingsReply;
  marks(): MarksReply;
  /** Reads the rules file or the configuration file again. */
  reload(): Promise<void>;
  /** Ends the daemon, soon after the answer. */
  stop(): void;
}
