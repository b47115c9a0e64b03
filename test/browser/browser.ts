/** A Chromium that trusts a local CA, as somebody's who typed what `sallyport ca` says; and whether one is on this machine. */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext } from 'playwright-core';

/** Where it is; empty where there is none. */
export const browserPath =
  ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path)) ?? '';
const hasCertutil = spawnSync('certutil', ['-H'], { stdio: 'ignore' }).error === undefined;

/** A reason to leave a test out, or false. */
export const withoutBrowser: string | false =
  browserPath === '' ? 'not run: no Chromium' : hasCertutil ? false : 'not run: no certutil (libnss3-tools)';

const args = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update', '--host-resolver-rules=MAP * 127.0.0.1'],
];

/** A profile of its own below `place`; every name is this machine. */
export async function openBrowser(place: string, ca: string): Promise<BrowserContext> {
  const database = join(place, '.pki', 'nssdb');
  await mkdir(database, { recursive: true });
  execFileSync('certutil', ['-d', `sql:${database}`, '-N', '--empty-password']);
  // What `sallyport ca` tells people to type.
  execFileSync('certutil', ['-d', `sql:${database}`, '-A', '-t', 'C,,', '-n', 'sallyport', '-i', ca]);
  return chromium.launchPersistentContext(join(place, 'profile'), {
    executablePath: browserPath,
    env: { ...process.env, HOME: place },
    args,
  });
}

/** One without a profile, that trusts nobody in particular. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: browserPath, args });
}
