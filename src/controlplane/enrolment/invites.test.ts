/** Invitations and ownership of names, over a store. */

import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { SallyportError } from '../../core/errors.ts';
import type { Code } from '../../core/errors.ts';
import type { Store } from '../../contracts/store.ts';
import { createMemoryStore } from '../../modules/stores/memory.ts';
import { openGrants } from './grants.ts';
import { formatInvite, parseInvite, splitAddress } from './invite-code.ts';
import type { InviteOptions } from './invites.ts';
import { createInvite, redeemInvite } from './invites.ts';
import { listNames, readName, revokeGateway } from './names.ts';

const key = (digit: string): string => digit.repeat(64);
const options: InviteOptions = {
  name: 'blog',
  domain: 'example.org',
  relayAddress: 'relay.example.org:443',
  fingerprint: key('a'),
  lifeMs: 1_000,
  now: 0,
  randomBytes,
};
const ownerOf = async (store: Store, label: string): Promise<string | null> => (await readName(store, label))?.grant?.owner ?? null;
const has = (code: Code) => (error: unknown) => error instanceof SallyportError && error.code === code;

/** A store whose time the test sets. */
function world(): { store: Store; time: { now: number } } {
  const time = { now: 0 };
  return { store: createMemoryStore({ now: () => time.now }), time };
}

async function grantsOf(store: Store, changes: Partial<Parameters<typeof openGrants>[0]> = {}): ReturnType<typeof openGrants> {
  return openGrants({ store, domain: 'example.org', owner: null, now: () => 0, onChange: () => undefined, ...changes });
}

describe('an invitation', () => {
  it('is one short line that can stand in a URL, and says what it was made of', async () => {
    const { store } = world();
    const made = await createInvite(store, options);
    match(made.code, /^[\w.~:-]{1,120}$/);
    deepEqual([made.name, made.expires], ['blog.example.org', 1_000]);
    const { secret, ...rest } = parseInvite(made.code);
    deepEqual(rest, { relayAddress: 'relay.example.org:443', fingerprint: key('a'), name: 'blog.example.org' });
    equal(secret.length, 22);
  });

  it('carries an IPv6 relay', () => {
    const invite = { relayAddress: '[2001:db8::1]:8443', fingerprint: key('b'), name: 'a.example', secret: 'x'.repeat(22) };
    deepEqual(parseInvite(formatInvite(invite)), invite);
  });

  it('leaves no secret in the store', async () => {
    const { store } = world();
    const { code } = await createInvite(store, options);
    const kept = JSON.stringify(await store.records.list(''));
    ok(kept.includes('invites/'));
    equal(kept.includes(parseInvite(code).secret), false);
  });

  it('is refused when it is anything but one whole code, and the message does not repeat it', async () => {
    const { store } = world();
    const { code } = await createInvite(store, options);
    const parts = code.split('~');
    const change = (index: number, value: string): string => parts.with(index, value).join('~');
    const bad = [
      '',
      'x',
      code.slice(1),
      `${code}~`,
      code.slice(0, -1),
      change(0, 'sp2'),
      change(1, 'BLOG.example.org'),
      change(1, ''),
      change(2, 'a b'),
      change(2, '../x'),
      change(3, '0'),
      change(3, '70000'),
      change(3, '+443'),
      change(4, 'AAAA'),
      change(4, `${parts[4]}=`),
      change(5, `${'x'.repeat(21)}%`),
      'sp1~'.repeat(1_000),
    ];
    for (const text of bad) {
      throws(
        () => parseInvite(text),
        (error: unknown) => has('invite-malformed')(error) && (text.length < 20 || !String(error).includes(parts[5] ?? '')),
        text,
      );
    }
    ok(parseInvite(` ${code}\n`));
  });

  it('gives its name once', async () => {
    const { store } = world();
    const { secret } = parseInvite((await createInvite(store, options)).code);
    equal(await redeemInvite(store, { secret, fingerprint: key('1'), now: 0 }), 'blog');
    equal(await ownerOf(store, 'blog'), key('1'));
    await rejects(redeemInvite(store, { secret, fingerprint: key('1'), now: 0 }), has('invite-refused'));
  });

  it('gives its name to one of many that come at once', async () => {
    const { store } = world();
    const { secret } = parseInvite((await createInvite(store, options)).code);
    const all = await Promise.allSettled(
      Array.from('0123456789', (digit) => redeemInvite(store, { secret, fingerprint: key(digit), now: 0 })),
    );
    equal(all.filter((one) => one.status === 'fulfilled').length, 1);
  });

  it('is refused past its time, with the same words as a wrong one', async () => {
    const { store, time } = world();
    const { secret } = parseInvite((await createInvite(store, options)).code);
    time.now = 1_000;
    const words = async (text: string): Promise<string> =>
      redeemInvite(store, { secret: text, fingerprint: key('1'), now: 1_000 }).then(() => '', String);
    equal(await words(secret), await words('y'.repeat(22)));
    equal(await ownerOf(store, 'blog'), null);
  });

  it('is not made for a name that is owned, or is no name', async () => {
    const { store } = world();
    const { secret } = parseInvite((await createInvite(store, options)).code);
    await redeemInvite(store, { secret, fingerprint: key('1'), now: 0 });
    await rejects(createInvite(store, options), has('name-taken'));
    await rejects(createInvite(store, { ...options, name: 'BLOG.example.org' }), has('name-taken'), 'case and domain make no other name');
    for (const name of ['', '-a', 'a-', 'a.b', '*', 'a_b', 'ä', 'a'.repeat(64), 'example.org.', '..', 'xn--.']) {
      await rejects(createInvite(store, { ...options, name }), has('name-malformed'), name);
    }
  });

  it('is not spent on a name that another key got meanwhile', async () => {
    const { store } = world();
    const [one, two] = [await createInvite(store, options), await createInvite(store, options)].map(
      (made) => parseInvite(made.code).secret,
    );
    await redeemInvite(store, { secret: one ?? '', fingerprint: key('1'), now: 0 });
    await rejects(redeemInvite(store, { secret: two ?? '', fingerprint: key('2'), now: 0 }), has('name-taken'));
    // Not when the first was revoked either: its name is kept for it, 90 days.
    await revokeGateway(store, key('1'), 0);
    await rejects(redeemInvite(store, { secret: two ?? '', fingerprint: key('2'), now: 0 }), has('name-taken'));
  });
});

describe('grants', () => {
  it('are a label and all below it, for the key that owns it', async () => {
    const { store } = world();
    await store.records.put('names/blog', { owner: key('1'), since: 0 });
    const grants = await grantsOf(store);
    const owned = ['blog.example.org', '*.blog.example.org', 'a.b.blog.example.org'];
    const foreign = [
      'shop.example.org',
      'example.org',
      '*.example.org',
      '*',
      '',
      'blog.example.com',
      'xblog.example.org',
      'blog.example.org.',
      'Blog.example.org',
      'blog.example.org.evil.example',
      '*.*.blog.example.org',
      'blog',
    ];
    for (const name of owned) equal(grants.owns(key('1'), name), true, name);
    for (const name of foreign) equal(grants.owns(key('1'), name), false, name);
    for (const name of owned) equal(grants.owns(key('2'), name), false, name);
    deepEqual(grants.of(key('1')), ['blog.example.org', '*.blog.example.org']);
    deepEqual(grants.of(key('2')), []);
  });

  it('are all names for the owner of an embedded relay', async () => {
    const grants = await grantsOf(world().store, { owner: key('9') });
    equal(grants.owns(key('9'), 'my-machine.local'), true);
    equal(grants.owns(key('9'), 'No.Spelling'), false);
    deepEqual(grants.of(key('9')), ['*']);
    equal(grants.owns(key('1'), 'my-machine.local'), false);
  });

  it('follow the store, and tell of each change', async () => {
    const { store } = world();
    let changes = 0;
    const grants = await grantsOf(store, { onChange: () => (changes += 1) });
    await store.records.put('names/blog', { owner: key('1'), since: 0 });
    while (!grants.owns(key('1'), 'blog.example.org')) await new Promise((resolve) => void setImmediate(resolve));
    deepEqual(
      (await listNames(store)).map(({ name, grant }) => [name, grant?.owner]),
      [['blog', key('1')]],
    );
    deepEqual(await revokeGateway(store, key('1'), 0), ['blog']);
    while (grants.owns(key('1'), 'blog.example.org')) await new Promise((resolve) => void setImmediate(resolve));
    equal(changes, 1, 'a new name takes nothing from anybody');
    grants.close();
  });

  it('of a record that cannot be read are nobody’s, and its name is free for nobody', async () => {
    const { store } = world();
    await store.records.put('names/blog', { owner: 7 });
    const grants = await grantsOf(store);
    equal(grants.owns('7', 'blog.example.org'), false);
    await rejects(createInvite(store, options), has('name-taken'));
  });
});

describe('an address of a relay', () => {
  it('is HOST:PORT and nothing else', () => {
    deepEqual(splitAddress('relay.example.org:443'), { host: 'relay.example.org', port: 443 });
    for (const bad of ['', 'relay.example.org', ':443', 'a:0', 'a:99999', 'a:4x', 'https://a:443', 'a b:1', '::1:443'])
      throws(() => splitAddress(bad), has('usage-wrong'), bad);
  });
});
