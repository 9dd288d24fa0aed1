/** The end of an HTTP server. */
import type { Server } from 'node:http';

/** Answers that are under way get this long. */
const FINISH_WITHIN_MS = 500;

export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  const closing = setTimeout(() => server.closeAllConnections(), FINISH_WITHIN_MS);
  await closed;
  clearTimeout(closing);
}
