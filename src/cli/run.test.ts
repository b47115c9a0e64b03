/** The command line from words to exit code: help, scripts' JSON, and wrong input of every kind. */

import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { codes } from '../core/errors.ts';
import { cliFor } from './cli.ts';
import { buildProgram, commandNames, everyCommand } from './program.ts';
import { run } from './run.ts';
import { scriptedTerminal, temporaryFolder } from './scripted-terminal.ts';

const password = 'four unrelated words here';

test('with no argument it explains itself', async () => {
  const terminal = scriptedTerminal();
  assert.equal(await run([], terminal), 0);
  for (const word of ['sallyport 3000', 'gateway', 'relay', 'sallyport example', 'sallyport help'])
    assert.match(terminal.written(), new RegExp(word));
  const lines = terminal.written().split('\n');
  assert.equal(lines.length <= 24, true, 'it fits on one screen');
  assert.deepEqual(
    lines.filter((line) => line.length > 79),
    [],
  );
});

test('a command that is several shows its help when it stands alone, and says so to scripts', async () => {
  for (const name of ['users', 'links', 'keys', 'secrets', 'config']) {
    const terminal = scriptedTerminal();
    assert.equal(await run([name], terminal), 0);
    assert.match(terminal.written(), new RegExp(`^Usage: sallyport ${name}`));
    const script = scriptedTerminal();
    assert.equal(await run([name, '--json'], script), codes['usage-wrong'].exit);
    assert.equal(script.events()[0]?.['hint'], `sallyport ${name} --help shows how it is written.`);
  }
});

test('wrong words lead to the help of the command that was meant', async () => {
  for (const [words, message, hint] of [
    ['http', "Missing required argument 'port|url'.", 'sallyport http --help shows how it is written.'],
    ['users lst', "Unknown command 'lst'. Did you mean list?", 'sallyport users --help shows how it is written.'],
    ['help stauts', "Unknown command 'stauts'. Did you mean status?", 'sallyport help lists the commands.'],
  ] as const) {
    const terminal = scriptedTerminal();
    assert.equal(await run([...words.split(' '), '--json'], terminal), codes['usage-wrong'].exit);
    assert.deepEqual([terminal.events()[0]?.['message'], terminal.events()[0]?.['hint']], [message, hint]);
  }
});

const program = await buildProgram(cliFor(scriptedTerminal(), false));

test('one command is loaded alone, under the name that the first word has for it', async () => {
  assert.deepEqual(
    program.commands.map((command) => command.name()),
    [...commandNames],
  );
  for (const name of commandNames) {
    const { commands } = await buildProgram(cliFor(scriptedTerminal(), false), name);
    assert.deepEqual(
      commands.map((command) => command.name()),
      [name],
    );
  }
});

/** `users add` of the command `add` below `users`. */
function pathsBelow(command: typeof program, above: readonly string[]): readonly (readonly string[])[] {
  return command.commands.flatMap((each) => {
    const path = [...above, each.name()];
    return [path, ...pathsBelow(each, path)];
  });
}

for (const path of pathsBelow(program, [])) {
  test(`sallyport ${path.join(' ')} --help shows an example`, async () => {
    const terminal = scriptedTerminal();
    assert.equal(await run([...path, '--help'], terminal), 0);
    assert.match(terminal.written(), new RegExp(`Examples?:\\n(?:  .*\\n)*?  .*sallyport ${path.join(' ')}`));
    assert.match(terminal.written(), /--json/);
    assert.equal(terminal.complained(), '');
  });
}

test('every example of every help is a command line that is understood', async () => {
  const known = new Set(program.commands.map((command) => command.name()));
  for (const command of everyCommand(program)) {
    const terminal = scriptedTerminal();
    command.configureOutput({ writeOut: terminal.out });
    command.outputHelp();
    for (const [, words = ''] of terminal.written().matchAll(/^ {2}(?:\w+=\S+ |"[^"]*" |\w+="[^"]*" |pbpaste \| )?sallyport (.*)$/gm)) {
      const first = words.split(' ').find((word) => !word.startsWith('-')) ?? '';
      assert.equal(known.has(first) || /^\d/.test(first) || first === 'COMMAND' || words === '', true, words);
    }
  }
});

test('users are added, changed, listed and removed', async (context) => {
  const home = join(await temporaryFolder(context), 'home');
  const said = async (words: string, env: NodeJS.ProcessEnv = {}): Promise<unknown> => {
    const terminal = scriptedTerminal({ home, env });
    const exit = await run([...words.split(' '), '--json'], terminal);
    return [exit, ...terminal.events()];
  };
  assert.deepEqual(await said('users list'), [0]);
  assert.deepEqual(await said('users add ana', { SALLYPORT_PASSWORD: password }), [0, { event: 'user', name: 'ana', change: 'added' }]);
  assert.deepEqual(await said('users add ana', { SALLYPORT_PASSWORD: `${password} again` }), [
    0,
    { event: 'user', name: 'ana', change: 'changed' },
  ]);
  assert.deepEqual(await said('users list'), [0, { event: 'user', name: 'ana', change: null }]);
  assert.deepEqual(await said('users remove ana'), [0, { event: 'user', name: 'ana', change: 'removed' }]);
  const [exit, event] = (await said('users remove ana')) as [number, Record<string, unknown>];
  assert.equal(exit, codes['user-missing'].exit);
  assert.equal(event['code'], 'user-missing');
});

test('a password is taken out of the environment, and never asked for where nobody can answer', async (context) => {
  const home = join(await temporaryFolder(context), 'home');
  const terminal = scriptedTerminal({ home, env: { SALLYPORT_PASSWORD: password } });
  await run(['users', 'add', 'ana'], terminal);
  assert.equal(terminal.env['SALLYPORT_PASSWORD'], undefined);
  assert.equal(terminal.written().includes(password), false);
  const silent = scriptedTerminal({ home });
  assert.equal(await run(['users', 'add', 'ben'], silent), codes['usage-wrong'].exit);
  assert.match(silent.complained(), /SALLYPORT_PASSWORD/);
});

test('links are made, listed without their secrets, and revoked', async (context) => {
  const home = join(await temporaryFolder(context), 'home');
  const made = scriptedTerminal({ home });
  assert.equal(await run(['links', 'add', 'blog', '--for', '2h', '--label', 'for ben', '--json'], made), 0);
  const [link] = made.events();
  assert.match(String(link?.['url']), /^\/\.sallyport\/link\/[\w-]{22,}$/);
  assert.deepEqual(
    { ...link, id: '', url: '', expires: '' },
    { event: 'link', id: '', service: 'blog', label: 'for ben', expires: '', url: '', change: 'added' },
  );

  const listed = scriptedTerminal({ home });
  await run(['links', 'list', '--json'], listed);
  assert.equal(listed.events()[0]?.['url'], null);
  assert.equal(listed.written().includes(String(link?.['url']).slice(-20)), false);

  const revoked = scriptedTerminal({ home });
  assert.equal(await run(['links', 'revoke', String(link?.['id']), '--json'], revoked), 0);
  assert.equal(revoked.events()[0]?.['change'], 'revoked');
  assert.equal(await run(['links', 'revoke', String(link?.['id'])], scriptedTerminal({ home })), codes['link-missing'].exit);
});

test('a secret is made and shown once, or read from standard input and not shown', async (context) => {
  const home = join(await temporaryFolder(context), 'home');
  const made = scriptedTerminal({ home });
  assert.equal(await run(['secrets', 'add', 'build', '--json'], made), 0);
  assert.match(String(made.events()[0]?.['value']), /^[\w-]{32}$/);
  const given = scriptedTerminal({ home, stdin: 'whsec_0123456789abcdef\n' });
  assert.equal(await run(['secrets', 'add', 'stripe', '--stdin', '--json'], given), 0);
  assert.deepEqual(given.events(), [{ event: 'secret', name: 'stripe', change: 'added', value: null }]);
  const listed = scriptedTerminal({ home });
  await run(['secrets', 'list'], listed);
  assert.equal(listed.written(), 'build\nstripe\n');
  assert.equal(await run(['secrets', 'remove', 'stripe'], scriptedTerminal({ home })), 0);
  assert.equal(await run(['secrets', 'remove', 'stripe'], scriptedTerminal({ home })), codes['secret-missing'].exit);
});

test('config check names every mistake and exits with the code of a wrong configuration', async (context) => {
  const cwd = await temporaryFolder(context);
  await writeFile(join(cwd, 'sallyport.yaml'), 'services:\n  blog: { to: 70000, foo: 1 }\n');
  const terminal = scriptedTerminal({ cwd });
  assert.equal(await run(['config', 'check', '--json'], terminal), codes['config-malformed'].exit);
  assert.deepEqual(
    terminal.events().map(({ event, message }) => [event, message]),
    [
      ['warning', 'sallyport.yaml, line 2, column 22: services.blog.foo: unknown key, did you mean for?'],
      ['error', 'sallyport.yaml, line 2, column 15: services.blog.to: found 70000, expected a port from 1 to 65535 (and 1 more).'],
    ],
  );
  await writeFile(join(cwd, 'sallyport.yaml'), 'services: { blog: { to: 3000 } }\n');
  const right = scriptedTerminal({ cwd });
  assert.equal(await run(['config', 'check', '--json'], right), 0);
  assert.deepEqual(right.events(), [{ event: 'config', path: 'sallyport.yaml', services: ['blog'] }]);
  // What its files hold counts as well.
  await writeFile(join(cwd, 'sallyport.yaml'), 'certificates: [blog.pem]\nservices: { blog: { to: 3000 } }\n');
  await writeFile(join(cwd, 'blog.pem'), 'half of a certificate\n', { mode: 0o600 });
  const broken = scriptedTerminal({ cwd });
  assert.equal(await run(['config', 'check', '--json'], broken), codes['certificate-unusable'].exit);
  assert.match(String(broken.events()[0]?.['message']), /blog\.pem: it is no PEM\.$/);
});

type Wrong = readonly [words: string, code: keyof typeof codes, message: RegExp];
const wrongWords: readonly Wrong[] = [
  ['0', 'port-malformed', /port from 1 to 65535/],
  ['65536', 'port-malformed', /port from 1 to 65535/],
  ['-1', 'port-malformed', /port from 1 to 65535/],
  ['ftp://127.0.0.1:1', 'port-malformed', /http, https.* before/],
  ['htp 3000', 'usage-wrong', /Did you mean http/],
  ['http', 'usage-wrong', /issing required argument/],
  ['http 3000 4000', 'usage-wrong', /oo many arguments/],
  ['3000 --nonsense', 'usage-wrong', /nknown option/],
  ['3000 --for 2', 'usage-wrong', /no time/],
  ['3000 --allow 300.1.1.1', 'usage-wrong', /no address/],
  ['3000 --public --password ana', 'usage-wrong', /--public lets everyone in/],
  ['3000 --name My_Blog', 'name-malformed', /name of a share/],
  ['3000 --webhook hook', 'usage-wrong', /no path/],
  ['3000 --password ana', 'usage-wrong', /password for ana is needed/],
  ['3000 --relay relay.example.org', 'relay-unreachable', /has not joined/],
  ['80 +password/ana', 'usage-wrong', /not written like this/],
  ['dir ./no-such-folder', 'file-missing', /no-such-folder/],
  ['up', 'config-missing', /no sallyport\.yaml/],
  ['gateway --config missing.yaml', 'config-missing', /no missing\.yaml/],
  ['config check missing.yaml', 'config-missing', /no missing\.yaml/],
  ['open blog', 'process-missing', /Nothing runs/],
  ['close blog', 'process-missing', /Nothing runs/],
  ['explain https://x/ --from 1.2.3.4', 'process-missing', /Nothing runs/],
  ['explain https://x/', 'usage-wrong', /--from/],
  ['join nonsense', 'invite-malformed', /no invitation code/],
  ['join', 'usage-wrong', /issing required argument/],
  ['relay', 'usage-wrong', /needs a domain/],
  ['relay --domain 127.0.0.1', 'usage-wrong', /no domain/],
  ['relay --domain example.org --listen 443', 'port-malformed', /no address with a port/],
  ['relay invite blog', 'process-missing', /No relay has run/],
  ['relay gateways revoke abc', 'gateway-missing', /No gateway/],
  ['links add Blog', 'service-missing', /no service/],
  ['logs --lines x', 'usage-wrong', /no count/],
  ['users remove nobody', 'user-missing', /no user/],
];

for (const [words, code, message] of wrongWords) {
  test(`sallyport ${words}: one sentence, a way out, exit ${codes[code].exit}`, async (context) => {
    const cwd = await temporaryFolder(context);
    const home = join(cwd, 'home');
    const terminal = scriptedTerminal({ home, cwd });
    const exit = await run([...words.split(' '), '--json'], terminal);
    const event = terminal.events().at(-1);
    assert.equal(event?.['event'], 'error');
    assert.equal(event['code'], code);
    assert.match(String(event['message']), message);
    assert.equal(typeof event['hint'], 'string', 'a way out');
    assert.equal(exit, codes[code].exit);

    const plain = scriptedTerminal({ home, cwd });
    assert.equal(await run(words.split(' '), plain), exit);
    assert.match(plain.complained(), /^sallyport: /);
    assert.doesNotMatch(plain.complained(), /\n\s+at /, 'no stack trace');
  });
}

test('a home that others can read is refused, with the command that mends it', async (context) => {
  const home = join(await temporaryFolder(context), 'home');
  await mkdir(home, { mode: 0o755 });
  await chmod(home, 0o755);
  const terminal = scriptedTerminal({ home });
  assert.equal(await run(['users', 'list', '--json'], terminal), codes['home-exposed'].exit);
  assert.match(String(terminal.events()[0]?.['hint']), /^chmod 0700 /);
});

test('status says so when nothing is open, and is silent to scripts', async (context) => {
  const home = join(await temporaryFolder(context), 'home');
  const terminal = scriptedTerminal({ home });
  assert.equal(await run(['status'], terminal), 0);
  assert.equal(terminal.written(), 'Nothing is open.\n');
  const script = scriptedTerminal({ home });
  await run(['status', '--json'], script);
  assert.deepEqual(script.events(), []);
});
