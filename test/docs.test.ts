/** What the guide says is true: its commands are understood, its configurations are taken, its lists are whole. */

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { cliFor } from '../src/cli/cli.ts';
import { parser } from '../src/cli/configuration.ts';
import { isPageKite, readPageKite } from '../src/cli/pagekite-words.ts';
import { buildProgram, everyCommand } from '../src/cli/program.ts';
import { scriptedTerminal } from '../src/cli/scripted-terminal.ts';
import { problemWords } from '../src/controlplane/config/parse.ts';
import { relayParser } from '../src/controlplane/config/relay-file.ts';
import { codes } from '../src/core/errors.ts';

function page(name: string): string {
  return readFileSync(new URL(`../docs/${name}`, import.meta.url), 'utf8');
}

function fenced(text: string, language: string): readonly string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, block = '']) => block);
}

/** A line of a shell as its words: quotes are the only thing that the guide uses. */
function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

const commands = page('commands.md');
const configuration = page('configuration.md');
const guides = ['share', 'home-server', 'gateway', 'webhook', 'tcp', 'certificates'].map((name) => page(`guides/${name}.md`));
const readme = page('../README.md').replaceAll('./bin/sallyport', 'sallyport');

/** Commands whose whole output is a file in YAML. */
const printsFile: ReadonlySet<string> = new Set(['pagekite', 'texts']);

test('every command line of the guide is understood by the program', async () => {
  const lines = [commands, configuration, readme, ...guides]
    .flatMap((text) => fenced(text, 'sh'))
    .flatMap((block) => block.trim().split('\n'))
    .map((line) => line.replace(/(?:^|\s+)#.*$/, ''))
    .filter((line) => line !== '');
  assert.equal(lines.length > 30, true);
  for (const written of lines) {
    // Where the shell writes to is the shell's: only what prints a file is led into one.
    const line = written.replace(/ > [\w-]+\.yaml$/, '');
    const words = wordsOf(line.replace(/^.*\| /, '')).slice(1);
    if (isPageKite(words)) {
      assert.equal(readPageKite(words, '/x').requests.length > 0, true, line);
      continue;
    }
    const program = await buildProgram(cliFor(scriptedTerminal(), false));
    const ran: string[] = [];
    for (const command of everyCommand(program)) command.action(() => void ran.push(command.name()));
    if (words[0] === 'help') {
      assert.notEqual(
        program.commands.find((command) => command.name() === words[1]),
        undefined,
        line,
      );
      continue;
    }
    await program.parseAsync(/^\d/.test(words[0] ?? '') ? ['http', ...words] : [...words], { from: 'user' });
    assert.equal(ran.length, 1, line);
    if (line !== written) assert.ok(printsFile.has(ran[0] ?? ''), written);
  }
});

test('every configuration of the guide is taken', () => {
  const blocks = [configuration, readme, ...guides].flatMap((text) => fenced(text, 'yaml'));
  assert.equal(blocks.length >= 3, true);
  for (const block of blocks) {
    const whole = block.startsWith('access:') ? `services:\n  a:\n    to: 1\n${block.replaceAll(/^/gm, '    ')}` : block;
    const parsed = parser.parse(whole, '/x/sallyport.yaml');
    assert.equal(parsed.ok ? '' : parsed.problems.map((problem) => problemWords(problem, block)).join('\n'), '');
  }
});

test('every file of a relay in the guide is taken', () => {
  const blocks = fenced(page('guides/relay.md'), 'yaml');
  assert.equal(blocks.length > 0, true);
  for (const block of blocks) {
    const parsed = relayParser().parse(block, '/x/relay.yaml');
    assert.equal(parsed.ok ? '' : parsed.problems.map((problem) => problemWords(problem, block)).join('\n'), '');
  }
});

/** As GitHub makes them: small letters, no marks, a hyphen for each space. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('every link of every page leads somewhere, and to a heading that is there', () => {
  const root = new URL('..', import.meta.url).pathname;
  const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: root });
  assert.equal(pages.length > 15, true);
  for (const name of pages) {
    const text = readFileSync(join(root, name), 'utf8');
    for (const [, link = ''] of text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? join(root, name) : join(root, dirname(name), path);
      assert.equal(existsSync(target), true, `${name}: ${link}`);
      if (anchor !== undefined) assert.equal(anchorsOf(readFileSync(target, 'utf8')).includes(anchor), true, `${name}: ${link}`);
    }
  }
});

test('every page below docs is in the index', () => {
  const root = new URL('../docs/', import.meta.url).pathname;
  const index = page('README.md');
  for (const name of globSync('**/*.md', { cwd: root })) assert.equal(name === 'README.md' || index.includes(`(${name})`), true, name);
});

test('every command has its place in the guide, and every example of an event is JSON', async () => {
  const { commands: all } = await buildProgram(cliFor(scriptedTerminal(), false));
  for (const command of all) {
    assert.match(commands, new RegExp(`^### ${command.name()}$`, 'm'), `docs/commands.md lacks "### ${command.name()}"`);
  }
  for (const block of fenced(commands, 'json'))
    for (const line of block.trim().split('\n')) assert.equal(typeof JSON.parse(line), 'object');
});

test('every key of a service and every key at the top has its row', () => {
  type Schema = { properties: Record<string, Schema>; additionalProperties: Schema };
  const { properties } = parser.jsonSchema() as unknown as Schema;
  const service = properties['services']?.additionalProperties.properties ?? {};
  for (const key of [...Object.keys(properties), ...Object.keys(service)])
    assert.match(configuration, new RegExp(`^\\| \`${key.replace('$', '\\$')}\` \\|`, 'm'), key);
});

test('every flag has a word in the guide', async () => {
  const program = await buildProgram(cliFor(scriptedTerminal(), false));
  const flags = new Set(everyCommand(program).flatMap((command) => command.options.map((option) => option.long ?? '')));
  for (const flag of flags) assert.equal(commands.includes(flag) || flag === '--help', true, `docs/commands.md lacks ${flag}`);
});

test('the table of exit codes is the one of the program', () => {
  const rows = new Map(
    [...commands.matchAll(/^\| (\d+) \| [^|]+ \|(.*)\|$/gm)].map(([, exit, list = '']) => [
      Number(exit),
      [...list.matchAll(/`([a-z-]+)`/g)].map(([, code]) => code),
    ]),
  );
  const wanted = Map.groupBy(Object.entries(codes), ([, { exit }]) => exit);
  for (const [exit, entries] of wanted) {
    if (exit === null) continue;
    assert.deepEqual(rows.get(exit)?.toSorted(), entries.map(([code]) => code).toSorted(), `exit ${exit}`);
  }
});
