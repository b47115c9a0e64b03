/** Names that gateways share, and names of their own, by the words of operator and owner: the real commands, in this process. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { run } from '../../src/cli/run.ts';
import { scriptedTerminal, temporaryFolder } from '../../src/cli/scripted-terminal.ts';
import type { ScriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { nameServer } from '../doubles/dns.ts';
import { until } from '../tunnel/relay.ts';
import { startService } from './service.ts';

type Line = Readonly<Record<string, unknown>>;

async function said(home: string, words: readonly string[], stdin = ''): Promise<readonly Line[]> {
  const terminal = scriptedTerminal({ home, stdin });
  await run([...words, '--json'], terminal);
  return terminal.events();
}

/** A command that goes on until the test ends, or `end` is called. */
function going(
  test: TestContext,
  home: string,
  words: readonly string[],
): Readonly<{ terminal: ScriptedTerminal; end: () => Promise<void> }> {
  const terminal = scriptedTerminal({ home });
  const running = run([...words, '--json'], terminal);
  const end = async (): Promise<void> => {
    terminal.signal('end');
    await running;
  };
  test.after(end);
  return { terminal, end };
}

async function line(terminal: ScriptedTerminal, fits: (line: Line) => boolean): Promise<Line> {
  await until(() => terminal.events().some(fits), 10_000).catch((error: unknown) =>
    assert.fail(`${String(error)}: ${terminal.written()} ${terminal.complained()}`),
  );
  return terminal.events().find(fits) ?? {};
}

/** Its state directory. */
async function relay(test: TestContext, ...words: readonly string[]): Promise<string> {
  const home = join(await temporaryFolder(test), 'relay');
  const { terminal } = going(test, home, ['relay', '--domain', 'example.test', '--listen', '127.0.0.1:0', ...words]);
  await line(terminal, ({ event }) => event === 'listening');
  return home;
}

async function joined(test: TestContext, relayHome: string, ...words: readonly string[]): Promise<Readonly<{ home: string; key: string }>> {
  const [invite] = await said(relayHome, ['relay', 'invite', ...words]);
  const home = join(await temporaryFolder(test), 'gateway');
  const [answer] = await said(home, ['join', '-'], String(invite?.['code']));
  assert.equal(answer?.['event'], 'joined', JSON.stringify([invite, answer]));
  const gateways = await said(relayHome, ['relay', 'gateways', 'list']);
  return { home, key: String(gateways.at(-1)?.['fingerprint']) };
}

async function up(test: TestContext, home: string, service: Line): Promise<ReturnType<typeof going>> {
  const path = join(home, 'sallyport.yaml');
  await writeFile(path, JSON.stringify({ services: { blog: service } }));
  return going(test, home, ['up', '--config', path]);
}

describe('names at a relay', () => {
  test('a second gateway stands by, says so, takes over when the first goes, and the operator sees who serves', async (test) => {
    const { port } = await startService(test);
    const operator = await relay(test);
    const one = await joined(test, operator, 'blog');
    assert.equal((await said(operator, ['relay', 'invite', 'blog']))[0]?.['code'], 'name-taken');
    const two = await joined(test, operator, 'blog', '--standby');
    const service = { to: port, access: ['public'] };
    const first = await up(test, one.home, service);
    await line(first.terminal, ({ event }) => event === 'ready');
    const second = await up(test, two.home, service);
    const waiting = await line(second.terminal, ({ event }) => event === 'waiting');
    assert.equal(waiting['code'], 'name-standby');
    const [name] = await said(operator, ['relay', 'names', 'list']);
    assert.deepEqual(name?.['shared'], { how: 'standby', keys: [one.key, two.key], serves: [one.key] });
    const shown = await said(operator, ['relay', 'gateways', 'show', two.key]);
    assert.deepEqual((shown[0]?.['live'] as Line | undefined)?.['standsBy'], ['blog.example.test']);
    await first.end();
    await line(second.terminal, ({ event }) => event === 'ready');
    const [later] = await said(operator, ['relay', 'names', 'list']);
    assert.deepEqual((later?.['shared'] as Line | undefined)?.['serves'], [two.key]);
  });

  test('a spread name is served by two processes with one state directory, and by no machine with a store of its own', async (test) => {
    const { port } = await startService(test);
    const operator = await relay(test);
    const one = await joined(test, operator, 'blog', '--spread');
    const two = await joined(test, operator, 'blog', '--spread');
    const service = { to: port, access: ['public'] };
    for (const _process of ['first', 'second']) {
      const { terminal } = await up(test, one.home, service);
      await line(terminal, ({ event }) => event === 'ready');
    }
    const [name] = await said(operator, ['relay', 'names', 'list']);
    assert.deepEqual(name?.['shared'], { how: 'spread', keys: [one.key, two.key], serves: [one.key, one.key] });
    const other = await up(test, two.home, service);
    const refused = await line(other.terminal, ({ event }) => event === 'waiting' || event === 'error');
    assert.equal(refused['code'], 'store-unshared');
  });

  test('a name of one’s own is held where its DNS says so, refused with the record to write where it does not, and released by the operator', async (test) => {
    const { port } = await startService(test);
    const dns = await nameServer(test);
    const operator = await relay(test, '--own-domains', '2', '--resolver', dns.address);
    const { home, key } = await joined(test, operator, 'blog');
    dns.says.set('_sallyport.blog.example.net', [[`sallyport=${key}`]]);
    const gateway = await up(test, home, {
      to: port,
      access: ['public'],
      at: ['blog.example.test', 'blog.example.net', 'shop.example.net'],
    });
    const refused = await line(gateway.terminal, ({ event, code }) => event === 'error' && code === 'name-unproved');
    assert.match(String(refused['hint']), new RegExp(`: _sallyport\\.shop\\.example\\.net\\. TXT "sallyport=${key}"$`));
    const owned = await said(operator, ['relay', 'names', 'list']);
    assert.deepEqual(
      owned.map((each) => [each['name'], each['owner'], each['held'], each['proof'] !== undefined]),
      [
        ['blog.example.test', key, true, false],
        ['blog.example.net', key, true, true],
      ],
    );
    // As long as the record is there it would have it again at once.
    dns.says.delete('_sallyport.blog.example.net');
    const [released] = await said(operator, ['relay', 'names', 'release', 'blog.example.net']);
    assert.deepEqual([released?.['event'], released?.['change']], ['name', 'released']);
    const [, kept] = await said(operator, ['relay', 'names', 'list']);
    assert.deepEqual([kept?.['name'], kept?.['released'] !== null], ['blog.example.net', true]);
  });
});
