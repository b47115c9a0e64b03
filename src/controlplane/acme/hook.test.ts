import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runHook, type HookCall } from './hook.ts';

describe('the program of DNS-01', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hook-'));
  });
  after(() => rm(folder, { recursive: true }));

  const call = async (script: string, changes: Partial<HookCall> = {}, mode = 0o700): Promise<string> => {
    const hook = join(folder, 'hook');
    await rm(hook, { force: true });
    await writeFile(hook, `#!/bin/sh\n${script}\n`);
    await chmod(hook, mode);
    const env = { PATH: process.env['PATH'], SALLYPORT_HOOK_TOKEN: 'given', AWS_SECRET: 'kept' };
    const usual: HookCall = {
      hook,
      action: 'set',
      domain: 'a.example',
      value: 'v',
      timeoutMs: 5_000,
      signal: new AbortController().signal,
      env,
    };
    await runHook({ ...usual, ...changes });
    return readFile(join(folder, 'out'), 'utf8').catch(() => '');
  };

  it('command injection: words are words, and no shell reads them', async () => {
    const domain = '$(touch /tmp/x);`id`&&.example';
    const out = await call(`printf '%s|' "$@" > ${folder}/out`, { domain });
    assert.equal(out, `set|${domain}|_acme-challenge.${domain}|v|`);
  });

  it('gets its own settings and no secret of ours: secrets in the environment stay', async () => {
    const out = await call(`env > ${folder}/out`);
    assert.match(out, /^SALLYPORT_HOOK_TOKEN=given$/m);
    assert.match(out, /^SALLYPORT_RECORD=_acme-challenge\.a\.example$/m);
    assert.doesNotMatch(out, /AWS_SECRET/);
  });

  it('secrets in what it says are in no error', async () => {
    await assert.rejects(call('echo token=hunter2 >&2; echo hunter2; exit 3'), (error: Error) => {
      assert.match(error.message, /it ended with 3/);
      assert.doesNotMatch(JSON.stringify([error.message, (error as { hint?: string }).hint, error.cause]), /hunter2/);
      return true;
    });
  });

  it('is ended when it takes too long, says too much, or nobody waits any more', async () => {
    await assert.rejects(call('exec sleep 30', { timeoutMs: 100 }), { code: 'hook-failed', message: /took longer than 0\.1 s/ });
    await assert.rejects(call('exec yes'), { code: 'hook-failed', message: /says too much/ });
    const stop = new AbortController();
    const running = call('exec sleep 30', { signal: stop.signal });
    setTimeout(() => stop.abort(), 50);
    await assert.rejects(running, { code: 'interrupted' });
  });

  it('is not run when others may change it, or it is not there', async () => {
    await assert.rejects(call('true', {}, 0o722), { code: 'hook-failed', message: /others may change it/ });
    await assert.rejects(call('true', {}, 0o600), { code: 'hook-failed', message: /chmod \+x|may not be run/ });
    await assert.rejects(call('true', { hook: join(folder, 'none') }), { code: 'hook-failed', message: /no such file/ });
  });
});
