/** The operator's program that writes the record of DNS-01: started without a shell, bounded, its words kept to itself. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, constants, stat } from 'node:fs/promises';
import { SallyportError } from '../../core/errors.ts';
import { systemCode } from '../../core/system-error.ts';

/** What it says is thrown away; more than this ends it. */
const outputBytesMax = 65_536;
/** What of our environment it gets: its own settings begin with this. */
const settingPrefix = 'SALLYPORT_HOOK_';
const passed = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'SystemRoot'] as const;

export type HookCall = Readonly<{
  hook: string;
  action: 'set' | 'clear';
  /** Without `*.`. */
  domain: string;
  /** The text of the record (RFC 8555, 8.4). It is public. */
  value: string;
  timeoutMs: number;
  signal: AbortSignal;
  env: NodeJS.ProcessEnv;
}>;

/** What stands in the record for that key authorization. */
export function recordValue(authorization: string): string {
  return createHash('sha256').update(authorization).digest('base64url');
}

/**
 * `HOOK set|clear DOMAIN RECORD VALUE`, the same in `SALLYPORT_ACTION`, `_DOMAIN`, `_RECORD`, `_VALUE`. It ends with 0 when the
 * world sees the record, or does not see it any more. Both are called again for the same values when a process was killed.
 * Errors: `hook-failed`; `interrupted` when the signal ended it. Neither holds what it said.
 */
export async function runHook(call: HookCall): Promise<void> {
  const { hook, action, domain, value, timeoutMs, signal, env } = call;
  await assertOwn(hook);
  const record = `_acme-challenge.${domain}`;
  const environment: NodeJS.ProcessEnv = Object.fromEntries(
    Object.entries(env).filter(([name]) => passed.some((each) => each === name) || name.startsWith(settingPrefix)),
  );
  Object.assign(environment, {
    SALLYPORT_ACTION: action,
    SALLYPORT_DOMAIN: domain,
    SALLYPORT_RECORD: record,
    SALLYPORT_VALUE: value,
  });
  await new Promise<void>((resolve, reject) => {
    const options = { env: environment, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: outputBytesMax, signal } as const;
    const child = execFile(hook, [action, domain, record, value], options, (error) => {
      if (error === null) resolve();
      else if (signal.aborted) reject(new SallyportError('interrupted', 'The order of a certificate was ended.'));
      else reject(failed(hook, reasonOf(error, timeoutMs)));
    });
    // It asks nobody anything.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end();
  });
}

/** Who may change it acts as us. */
async function assertOwn(hook: string): Promise<void> {
  const found = await stat(hook).catch(() => null);
  if (found === null || !found.isFile()) throw failed(hook, 'there is no such file');
  const uid = process.getuid?.();
  if (uid !== undefined && found.uid !== uid && found.uid !== 0) throw failed(hook, 'it belongs to another user');
  if (process.platform !== 'win32' && (found.mode & 0o022) !== 0) throw failed(hook, 'others may change it (chmod go-w)');
  await access(hook, constants.X_OK).catch(() => {
    throw failed(hook, 'it may not be run (chmod +x)');
  });
}

function reasonOf(error: Readonly<{ code?: unknown; killed?: boolean; signal?: unknown }>, timeoutMs: number): string {
  if (systemCode(error) === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'it says too much';
  if (error.killed === true) return `it took longer than ${timeoutMs / 1_000} s`;
  if (typeof error.code === 'number') return `it ended with ${error.code}`;
  return systemCode(error) ?? (typeof error.signal === 'string' ? error.signal : 'it failed');
}

function failed(hook: string, why: string): SallyportError {
  return new SallyportError('hook-failed', `The DNS hook ${hook} failed: ${why}.`, {
    hint: 'Run it by hand: HOOK set DOMAIN _acme-challenge.DOMAIN VALUE',
  });
}
