import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, link, mkdir, mkdtemp, readdir, readlink, realpath, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fieldOf } from '../../core/http/fields.ts';
import type { Opened } from '../../contracts/upstream.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Tools } from '../../contracts/tools.ts';
import { canonicalPath } from '../../core/http/path.ts';
import { folder } from './folder.ts';
import { requestPath } from './folder/request-path.ts';

type Answer = Readonly<{ status: number; field: (name: string) => string | undefined; body: string; length: number | undefined }>;

function exchangeOf(target: string, method: string, fields: Readonly<Record<string, string>>): Exchange {
  return {
    id: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
    at: 0,
    listener: { name: 'https://127.0.0.1:8443', scheme: 'https', port: 8_443, via: 'direct', loopback: true },
    from: { ip: '192.0.2.1', port: 1 },
    host: 'site.localhost',
    sni: 'site.localhost',
    http: {
      method,
      target,
      path: canonicalPath(target),
      minor: 1,
      fields: Object.entries(fields).map(([name, value]) => fieldOf(name, value)),
      authority: { host: 'site.localhost', port: null },
      framing: { is: 'none' },
      persistent: true,
      expectsContinue: false,
      upgrade: null,
    },
    identity: null,
  };
}

describe('a folder', () => {
  let place: string;
  let site: string;
  const never = { signal: new AbortController().signal };
  // A folder needs none of the tools.
  const tools = {} as Tools;

  const get = async (
    target: string,
    options: { method?: string; fields?: Readonly<Record<string, string>>; indexes?: boolean } = {},
  ): Promise<Answer> => {
    const built = folder.build({ path: site, indexes: options.indexes ?? false }, tools);
    const opened: Opened = await built.open(exchangeOf(target, options.method ?? 'GET', options.fields ?? {}), never, false);
    assert.ok(opened.is === 'reply');
    const { reply } = opened;
    let body = reply.body === null ? '' : Buffer.from(reply.body).toString('latin1');
    for await (const piece of opened.body ?? []) body += Buffer.from(piece).toString('latin1');
    return {
      status: reply.status,
      field: (name) => reply.fields.find(([field]) => field.toLowerCase() === name.toLowerCase())?.[1],
      body,
      length: opened.length,
    };
  };

  before(async () => {
    place = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-folder-')));
    site = join(place, 'site');
    await mkdir(join(site, 'sub', 'deep'), { recursive: true });
    await mkdir(join(site, '.git'));
    await mkdir(join(site, '.well-known', '.hidden'), { recursive: true });
    await mkdir(join(place, 'site-2'));
    await writeFile(join(place, 'secret.txt'), 'SECRET');
    await writeFile(join(place, 'site-2', 'secret.txt'), 'SECRET');
    await writeFile(join(site, 'index.html'), '<h1>home</h1>');
    await writeFile(join(site, 'a b.txt'), 'blank');
    await writeFile(join(site, 'ü.txt'), 'umlaut');
    await writeFile(join(site, 'a:b'), 'colon');
    await writeFile(join(site, 'data.json'), '{"n":1234567}');
    await writeFile(join(site, 'empty'), '');
    await writeFile(join(site, 'large.bin'), Buffer.alloc(300_000, 'x'));
    await writeFile(join(site, '.env'), 'SECRET');
    await writeFile(join(site, '.git', 'config'), 'SECRET');
    await writeFile(join(site, '.well-known', 'security.txt'), 'Contact: a');
    await writeFile(join(site, '.well-known', '.hidden', 'x'), 'SECRET');
    await writeFile(join(site, 'sub', 'page.html'), 'page');
    await utimes(join(site, 'data.json'), 784_111_777, 784_111_777);
  });
  after(() => rm(place, { recursive: true }));

  it('serves files with their kind, length and validators, and lets no browser guess', async () => {
    const answer = await get('/data.json');
    assert.deepEqual([answer.status, answer.body], [200, '{"n":1234567}']);
    assert.equal(answer.field('Content-Type'), 'application/json; charset=utf-8');
    assert.equal(answer.field('X-Content-Type-Options'), 'nosniff');
    assert.equal(answer.field('Last-Modified'), 'Sun, 06 Nov 1994 08:49:37 GMT');
    assert.match(answer.field('ETag') ?? '', /^"[\w-]+"$/);
    assert.equal(answer.field('Accept-Ranges'), 'bytes');
    assert.equal((await get('/a%20b.txt?x=1')).body, 'blank');
    assert.equal((await get('/%C3%BC.txt')).body, 'umlaut');
    assert.equal((await get('/.well-known/security.txt')).body, 'Contact: a');
    assert.deepEqual([(await get('/empty')).status, (await get('/empty')).body], [200, '']);
  });

  it('serves index.html for a folder, and nothing where there is none', async () => {
    assert.equal((await get('/')).body, '<h1>home</h1>');
    assert.equal((await get('/')).field('Content-Type'), 'text/html; charset=utf-8');
    assert.equal((await get('/sub/')).status, 404);
    assert.equal((await get('/data.json/')).status, 404);
  });

  it('streams a long file, and gives its length before', async () => {
    const answer = await get('/large.bin');
    assert.deepEqual([answer.length, answer.body.length], [300_000, 300_000]);
    const head = await get('/large.bin', { method: 'HEAD' });
    assert.deepEqual([head.status, head.length, head.body], [200, 300_000, '']);
    assert.equal((await get('/large.bin', { fields: { Range: 'bytes=100000-280000' } })).body.length, 180_001);
  });

  it(
    'crash by unhandled: a visitor who is gone before, while or after a long file is opened leaves no file open',
    { skip: process.platform === 'linux' ? false : 'not run: no /proc' },
    async () => {
      const held = async (): Promise<number> => {
        const links = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
        return links.filter((to) => to.endsWith('large.bin')).length;
      };
      const built = folder.build({ path: site, indexes: false }, tools);
      const ask = (signal: AbortSignal) => built.open(exchangeOf('/large.bin', 'GET', {}), { signal }, false);
      await ask(AbortSignal.abort());
      const leaving = new AbortController();
      const opening = ask(leaving.signal);
      leaving.abort();
      await opening;
      const left = new AbortController();
      await ask(left.signal);
      left.abort();
      for (let turn = 0; turn < 50 && (await held()) > 0; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
      // The runtime throws at a file that is only closed by its collector of garbage: that would end the process.
      assert.equal(await held(), 0);
    },
  );

  it('answers conditions and ranges', async () => {
    const etag = (await get('/data.json')).field('ETag') ?? '';
    const unchanged = await get('/data.json', { fields: { 'If-None-Match': etag } });
    assert.deepEqual([unchanged.status, unchanged.body, unchanged.field('ETag')], [304, '', etag]);
    assert.equal((await get('/data.json', { fields: { 'If-Modified-Since': 'Sun, 06 Nov 1994 08:49:37 GMT' } })).status, 304);
    const part = await get('/data.json', { fields: { Range: 'bytes=5-8', 'If-Range': etag } });
    assert.deepEqual([part.status, part.body, part.field('Content-Range')], [206, '1234', 'bytes 5-8/13']);
    const outside = await get('/data.json', { fields: { Range: 'bytes=13-' } });
    assert.deepEqual([outside.status, outside.field('Content-Range')], [416, 'bytes */13']);
    assert.equal((await get('/data.json', { fields: { 'If-Match': '"x"' } })).status, 412);
  });

  it('gives a changed file another tag, though its time and length stay', async () => {
    const path = join(site, 'same');
    await writeFile(path, 'one');
    await utimes(path, 1, 1);
    const before = (await get('/same')).field('ETag');
    await writeFile(path, 'two');
    await utimes(path, 1, 1);
    assert.notEqual((await get('/same')).field('ETag'), before);
  });

  it('takes GET and HEAD only', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND', 'get']) {
      const answer = await get('/data.json', { method });
      assert.deepEqual([answer.status, answer.field('Allow')], [405, 'GET, HEAD'], method);
    }
  });

  it('leads from a folder without its slash to the one with it, and never to another host (open redirect)', async () => {
    assert.deepEqual([(await get('/sub')).status, (await get('/sub')).field('Location')], [301, './sub/']);
    assert.equal((await get('/sub/deep?q=//evil')).field('Location'), './deep/?q=//evil');
    await mkdir(join(site, 'evil.example'));
    await mkdir(join(site, 'javascript:x'));
    for (const target of [
      '//evil.example',
      '//evil.example/',
      '/\\evil.example',
      '/%2f%2fevil.example',
      '/%5cevil.example',
      '/./evil.example',
      '/sub/..//evil.example',
    ])
      assert.deepEqual([(await get(target)).status, (await get(target)).field('Location')], [404, undefined], target);
    for (const target of ['/evil.example', '/javascript:x']) {
      const location = (await get(target)).field('Location') ?? '';
      assert.equal(new URL(location, `https://site.localhost${target}`).origin, 'https://site.localhost', location);
    }
  });

  it('serves nothing outside, however it is spelled (path traversal, class J)', async () => {
    const spellings = [
      ...[
        '/../secret.txt',
        '/..',
        '/sub/../../secret.txt',
        '/%2e%2e/secret.txt',
        '/.%2e/secret.txt',
        '/%2e%2e%2fsecret.txt',
        '/..%2fsecret.txt',
        '/..%5csecret.txt',
      ],
      ...[
        '/..\\secret.txt',
        '/%252e%252e/secret.txt',
        '/%c0%ae%c0%ae/secret.txt',
        '/..%c0%afsecret.txt',
        '/%uff0e%uff0e/secret.txt',
        '/..;/secret.txt',
        '/sub/..%00/secret.txt',
      ],
      ...[
        '/data.json%00.html',
        '/%00',
        '//secret.txt',
        '///etc/passwd',
        '/%2fetc/passwd',
        '/C:/Windows/win.ini',
        '/../site-2/secret.txt',
        '*',
        'secret.txt',
        '',
        '/data.json%',
      ],
      ...['/%', '/%zz', '/%e0%80%af', '/%ed%a0%80', '/a%0ab', '/a%7fb', `/${'a/'.repeat(3_000)}`, `/${'a'.repeat(300)}`],
    ];
    for (const target of spellings) {
      const answer = await get(target);
      assert.equal(answer.status, 404, target);
      assert.equal(answer.body.includes('SECRET'), false, target);
    }
  });

  it('serves nothing hidden (dotfiles, class J)', async () => {
    for (const target of [
      '/.env',
      '/.git/config',
      '/.git',
      '/%2eenv',
      '/%2Egit/config',
      '/sub/.well-known',
      '/.well-known/.hidden/x',
      '/.well-known/../.env',
      '/.',
    ])
      assert.equal((await get(target)).status, 404, target);
  });

  it('follows no link out, nor to what is hidden; links inside are files like others (symlinks, class J)', async () => {
    await symlink('../secret.txt', join(site, 'out.txt'));
    await symlink('..', join(site, 'up'));
    await symlink(join(place, 'site-2'), join(site, 'beside'));
    await symlink('.env', join(site, 'env.txt'));
    await symlink('loop', join(site, 'loop'));
    await symlink('nowhere', join(site, 'dangling'));
    await symlink('/proc/self/environ', join(site, 'environ'));
    for (const target of ['/out.txt', '/up', '/up/', '/up/secret.txt', '/beside/secret.txt', '/env.txt', '/loop', '/dangling', '/environ'])
      assert.equal((await get(target)).status, 404, target);
    await symlink('data.json', join(site, 'inside.json'));
    await symlink('sub', join(site, 'also-sub'));
    assert.equal((await get('/inside.json')).body, '{"n":1234567}');
    assert.equal((await get('/also-sub/page.html')).body, 'page');
    // A second name of one file: whoever may make it may read the file (the system protects others' files).
    await link(join(site, 'data.json'), join(site, 'hard.json'));
    assert.equal((await get('/hard.json')).status, 200);
  });

  it('opens no pipe, socket or device', async () => {
    execFileSync('mkfifo', [join(site, 'pipe')]);
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(join(site, 'socket'), resolve);
    });
    for (const target of ['/pipe', '/socket']) assert.equal((await get(target)).status, 404, target);
    server.close();
    if (spawnSync('mknod', [join(site, 'device'), 'c', '1', '5'], { stdio: 'ignore' }).status === 0)
      assert.equal((await get('/device')).status, 404);
  });

  it(
    'is not fooled by a folder that becomes a link while it is read (race between check and open, class J)',
    { timeout: 20_000 },
    async () => {
      const shifting = join(site, 'shifting');
      const hidden = join(site, 'was-shifting');
      await mkdir(shifting);
      await writeFile(join(shifting, 'secret.txt'), 'public');
      const state = { going: true };
      const swap = (async () => {
        for (let round = 0; round < 400; round += 1) {
          await rename(shifting, hidden);
          await symlink(join(place, 'site-2'), shifting);
          await rm(shifting);
          await rename(hidden, shifting);
        }
        state.going = false;
      })();
      const bodies = new Set<string>();
      while (state.going)
        for (const answer of await Promise.all(Array.from({ length: 4 }, () => get('/shifting/secret.txt'))))
          bodies.add(`${answer.status} ${answer.body.includes('SECRET') ? 'SECRET' : ''}`);
      await swap;
      assert.equal(
        [...bodies].some((body) => body.includes('SECRET')),
        false,
        [...bodies].join(),
      );
      assert.ok(bodies.has('200 '));
    },
  );

  it('tells nothing of what may not be read', { skip: process.getuid?.() === 0 ? 'not run: root may read all' : false }, async () => {
    await writeFile(join(site, 'closed'), 'SECRET');
    await chmod(join(site, 'closed'), 0);
    assert.equal((await get('/closed')).status, 404);
  });

  it('lists a folder only if asked, names escaped, nothing hidden, no links', async () => {
    const odd = join(site, 'sub', '<img src=x onerror=alert(1)>".txt');
    await writeFile(odd, '');
    await writeFile(join(site, 'sub', '.secret'), '');
    await symlink('page.html', join(site, 'sub', 'link'));
    const answer = await get('/sub/', { indexes: true });
    assert.equal(answer.status, 200);
    assert.equal(answer.body.includes('<img'), false);
    assert.ok(answer.body.includes('href="./%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%22.txt"'));
    assert.ok(answer.body.includes('href="./deep/"'));
    for (const name of ['.secret', 'link"']) assert.equal(answer.body.includes(name), false, name);
    assert.match(answer.field('Content-Security-Policy') ?? '', /default-src 'none'/);
    assert.equal((await get('/.git/', { indexes: true })).status, 404);
    assert.equal((await get('/', { indexes: true })).body, '<h1>home</h1>');
  });

  it('must be there when it is configured', () => {
    for (const path of [join(place, 'none'), join(place, 'secret.txt')])
      assert.throws(() => folder.build({ path, indexes: false }, tools), { code: 'file-missing' });
    assert.equal(folder.options.safeParse({ path: 'relative', indexes: false }).success, false);
    assert.equal(folder.options.safeParse({ path: '/a', indexes: false, extra: 1 }).success, false);
  });
});

it('refuses on Windows what leads to one file under many names (ADS, 8.3 names, devices, class J)', () => {
  for (const target of [
    '/a.txt::$DATA',
    '/a.txt:x',
    '/PROGRA~1/x',
    '/con',
    '/NUL.txt',
    '/COM1',
    '/lpt9.log',
    '/a.txt.',
    '/a.txt%20',
    '/a*',
    '/aux/x',
  ])
    assert.equal(requestPath(target, 'win32'), null, target);
  assert.notEqual(requestPath('/console/null.txt', 'win32'), null);
  assert.notEqual(requestPath('/a:b', 'linux'), null);
});
