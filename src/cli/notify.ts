/** Tells systemd how we are, where it asks (sd_notify(3)): by its own program, since Node has no datagrams over UNIX sockets. */

import { execFile } from 'node:child_process';

/** Nobody waits for longer, and nothing depends on it. */
const notifyMs = 5_000;

/** @param words like `READY=1`. Resolves when it was said, or could not be. */
export function notifyService(env: NodeJS.ProcessEnv, ...words: readonly string[]): Promise<void> {
  if ((env['NOTIFY_SOCKET'] ?? '') === '') return Promise.resolve();
  return new Promise((resolve) => {
    // Absolute: a PATH that somebody else wrote chooses no program for us.
    execFile('/usr/bin/systemd-notify', [...words], { env: { NOTIFY_SOCKET: env['NOTIFY_SOCKET'] }, timeout: notifyMs }, () => resolve());
  });
}
