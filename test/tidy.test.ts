/** The rules of the house, each proved once by a fixture and then held over the whole tree. */

import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as documents from './tidy/documents.ts';
import * as floors from './tidy/floors.ts';
import { functionsOf, importsOf, scan } from './tidy/scan.ts';
import type { Rule } from './tidy/tree.ts';
import { readTree, treeOf } from './tidy/tree.ts';
import * as words from './tidy/words.ts';

const tree = readTree(dirname(dirname(fileURLToPath(import.meta.url))));

/** A small error table and its page, for the rules that hold them together. */
const errors = "export const codes = {\n  'head-lost': { status: 400, exit: null },\n} as const;\n";
const paragraph = 'The head was lost on its way. The visitor sees 400. Look at the network between the two of you.';
const long = (lines: number): string => 'a();\n'.repeat(lines);

type Case = Readonly<{
  rule: Rule;
  title: string;
  good: Readonly<Record<string, string>>;
  bad: readonly Readonly<Record<string, string>>[];
}>;

const cases: readonly Case[] = [
  {
    rule: floors.importsGoDown,
    title: 'imports only go down, and the rooms of floor 3 do not know each other',
    good: { 'src/cli/main.ts': "import { a } from '../core/a.ts';", 'src/core/a.ts': '', 'src/core/a.test.ts': "import '../cli/main.ts';" },
    bad: [
      { 'src/core/a.ts': "import type { B } from '../contracts/b.ts';" },
      { 'src/modules/guards/ip.ts': "import { b } from '../../dataplane/b.ts';" },
      { 'src/dataplane/b.ts': "type C = import('../controlplane/c.ts').C;" },
      { 'src/controlplane/c.ts': "export { b } from '../dataplane/b.ts';" },
      { 'src/attic/a.ts': '' },
      { 'src/cli/main.ts': "import { a } from '../../test/a.ts';" },
    ],
  },
  {
    rule: floors.startsAreCheap,
    title: 'what costs a start dearly is imported by nobody at the top of a file',
    good: {
      'src/controlplane/a.ts': "import type { Server } from 'node:http';\nimport { Agent } from 'node:https';",
      'src/a.test.ts': "import 'yaml';",
    },
    bad: [{ 'src/cli/a.ts': "import { createServer, type Server } from 'node:http';" }, { 'src/cli/a.ts': "export * from 'yaml';" }],
  },
  {
    rule: floors.modulesStandAlone,
    title: 'a module imports no other module, only files that carry its name or that versions of one protocol share',
    good: {
      'src/modules/guards/password.ts': "import { page } from './password-page.ts'; import { form } from './password/form.ts';",
      'src/modules/guards/password-page.ts': '',
      'src/modules/guards/password/form.ts': "import { page } from '../password-page.ts';",
      'src/modules/protocols/web1.ts': "import { tap } from './web/tap.ts';",
      'src/modules/protocols/web2/form.ts': "import { tap } from '../web/tap.ts';",
      'src/modules/protocols/web2.ts': '',
      'src/modules/protocols/web/tap.ts': "import { batch } from './batch.ts';",
      'src/modules/protocols/web/batch.ts': '',
    },
    bad: [
      { 'src/modules/guards/ip.ts': "import { b } from './link.ts';", 'src/modules/guards/link.ts': '' },
      { 'src/modules/protocols/web/tap.ts': "import { b } from '../web1.ts';", 'src/modules/protocols/web1.ts': '' },
      {
        'src/modules/protocols/sni.ts': "import { b } from './web/tap.ts';",
        'src/modules/protocols/web/tap.ts': '',
        'src/modules/protocols/web1.ts': '',
      },
      {
        'src/modules/guards/ip.ts': "import { b } from './password-page.ts';",
        'src/modules/guards/password.ts': '',
        'src/modules/guards/password-page.ts': '',
      },
    ],
  },
  {
    rule: floors.noCircles,
    title: 'no circle of imports, types included',
    good: { 'src/core/a.ts': "import './b.ts'; import './c.ts';", 'src/core/b.ts': "import './c.ts';", 'src/core/c.ts': '' },
    bad: [
      { 'src/core/a.ts': "import type { B } from './b.ts';", 'src/core/b.ts': "import type { A } from './a.ts';" },
      { 'src/core/a.ts': "import './b.ts';", 'src/core/b.ts': "import './c.ts';", 'src/core/c.ts': "import './a.ts';" },
    ],
  },
  {
    rule: floors.coreIsPure,
    title: 'core knows no Node, no package, no clock and no chance',
    good: {
      'src/core/a.ts':
        "// Date.now() is not ours\nconst why = 'process'; const b = { process: 1 }; b.process; new Date(c).toUTCString(); Date.parse(d);",
      'src/dataplane/b.ts': 'Date.now()',
    },
    bad: [
      { 'src/core/a.ts': "import { x } from 'node:net';" },
      { 'src/core/a.ts': "import { z } from 'zod';" },
      { 'src/core/a.ts': 'const a = Date.now();' },
      { 'src/core/a.ts': 'const a = new Date();' },
      { 'src/core/a.ts': 'const a = Date();' },
      { 'src/core/a.ts': 'const a = new Date;' },
      { 'src/core/a.ts': 'const a = Math.random();' },
      { 'src/core/a.ts': 'const a = `${process.pid}`;' },
      { 'src/core/a.ts': 'setTimeout(() => {}, 1);' },
      { 'src/core/a.ts': 'Buffer.from(a)' },
      { 'src/core/a.ts': 'console.error(a)' },
    ],
  },
  {
    rule: floors.registryIsFresh,
    title: 'the registry knows every module, under the name of its file',
    good: {
      'src/registry.ts': "import { ip } from './modules/guards/ip.ts';",
      'src/modules/guards/ip.ts': "export const ip = defineGuard({ name: 'ip' });",
      'src/modules/guards/ip-words.ts': '',
    },
    bad: [
      { 'src/modules/guards/ip.ts': '' },
      { 'src/registry.ts': '', 'src/modules/guards/ip.ts': '' },
      { 'src/registry.ts': "import { ip } from './modules/guards/ip.ts';", 'src/modules/guards/ip.ts': "const ip = { name: 'address' };" },
    ],
  },
  {
    rule: words.namesSaySomething,
    title: 'a file name says what is in the file',
    good: { 'src/core/head-reader.ts': '', 'README.md': '' },
    bad: [{ 'src/core/utils.ts': '' }, { 'src/core/http-helpers.ts': '' }, { 'src/common/a.ts': '' }, { 'src/core/headReader.ts': '' }],
  },
  {
    rule: words.filesOpenWithASentence,
    title: 'a file opens with a sentence',
    good: {
      'src/core/a.ts': '/** What a head says. */\n',
      'src/core/b.ts': '#!/usr/bin/env node\n/**\n * What a head says.\n */\n',
      'src/core/a.test.ts': '',
    },
    bad: [
      { 'src/core/a.ts': "import 'b';\n/** What a head says. */" },
      { 'src/core/a.ts': '/** */' },
      { 'src/core/a.test.ts': '' },
      { 'src/core/a.ts': '// What a head says.' },
    ],
  },
  {
    rule: words.bannedWordsAreAbsent,
    title: 'words that hide a fault are absent',
    good: {
      'src/core/a.ts': "const is = 'any'; // any\nif (!a && b !== c) of.any(x); const many: anyOf = !d;",
      'src/core/a.test.ts': 'a.b!.c;',
      'src/cli/main.ts': 'console.log(1)',
    },
    bad: [
      { 'src/core/a.ts': `// ${'TO' + 'DO'}: later` },
      { 'src/core/a.ts': 'const a = b as any;' },
      { 'src/core/a.ts': 'function f(a: any) {}' },
      { 'src/core/a.ts': 'const a: Array<any> = [];' },
      { 'src/core/a.ts': `// ${'@ts-' + 'ignore'}` },
      { 'src/core/a.ts': 'a!.b' },
      { 'src/core/a.ts': 'return rows[0]!;' },
      { 'src/core/a.ts': 'enum A { B }' },
      { 'src/dataplane/a.ts': 'console.log(1)' },
    ],
  },
  {
    rule: words.filesAndFunctionsAreShort,
    title: 'files and functions are short',
    good: { 'src/core/a.ts': `function f() {\n${long(60)}}\n`.repeat(4), 'src/core/a.test.ts': long(400) },
    bad: [
      { 'src/core/a.ts': long(301) },
      { 'src/core/a.ts': `function f(): Promise<A | { b: C }> {\n${long(70)}}\n` },
      { 'src/core/a.ts': `const f = (): void => {\n${long(70)}};\n` },
      { 'src/core/a.ts': `class A {\n  b(c: { d: 1 }): E {\n${long(70)}  }\n}\n` },
    ],
  },
  {
    rule: words.nothingNamesItsMakers,
    title: 'nothing names a machine, a registry or the way in which it was made',
    good: { 'README.md': 'An issue with a socket at work. See CONTRIBUTING.md.' },
    bad: [
      { 'README.md': `/${'work'}/main` },
      { 'README.md': `../${'shared'}/corpora` },
      { '.ci/run': `https://registry.npm${'js'}.org` },
      { 'docs/a.md': `as ${'iss' + 'ue'} 12 says` },
      { 'docs/a.md': `a ${'col'}league` },
    ],
  },
  {
    rule: words.corporaOfOthersStayOut,
    title: 'the test cases of others are not committed',
    good: { 'test/vectors/http1.json': '{ "source": "RFC 9112" }', 'docs/a.md': 'nodejs/llhttp' },
    bad: [{ 'test/vectors/http1.json': '{ "source": "nodejs/llhttp" }' }],
  },
  {
    rule: documents.errorsAreDocumented,
    title: 'every error code has its paragraph, and every paragraph its code',
    good: { 'src/core/errors.ts': errors, 'docs/errors.md': `# Errors\n\n## \`head-lost\`\n\n${paragraph}\n` },
    bad: [
      { 'src/core/errors.ts': errors },
      { 'src/core/errors.ts': errors, 'docs/errors.md': '## `head-lost`\n\nLost.\n' },
      { 'src/core/errors.ts': errors, 'docs/errors.md': `## \`head-lost\`\n\n${paragraph}\n\n## \`head-found\`\n\n${paragraph}\n` },
      { 'src/core/errors.ts': '' },
    ],
  },
  {
    rule: documents.errorsAreUsed,
    title: 'every error code is used',
    good: { 'src/core/errors.ts': errors, 'src/core/a.ts': "fault('head-lost', 'it is gone')" },
    bad: [{ 'src/core/errors.ts': errors }, { 'src/core/errors.ts': errors, 'src/core/a.ts': "// fault('head-lost')" }],
  },
  {
    rule: documents.limitsAreUsed,
    title: 'every limit is held somewhere',
    good: { 'src/core/limits.ts': '  headBytesMax: 16_384 as number,\n', 'src/core/a.ts': 'if (length > limits.headBytesMax) return;' },
    bad: [
      { 'src/core/limits.ts': '  headBytesMax: 16_384 as number,\n', 'src/core/a.ts': '// headBytesMax' },
      { 'src/core/limits.ts': '' },
    ],
  },
  {
    rule: documents.mapIsTrue,
    title: 'ARCHITECTURE.md is a true map of src',
    good: {
      'ARCHITECTURE.md': 'src/core/   what it is\nsrc/a.ts   is on top\n',
      'src/core/b.ts': '',
      'src/core/b/b.test.ts': '',
      'src/a.ts': '',
    },
    bad: [
      { 'ARCHITECTURE.md': 'src/core/   what it is\n', 'src/core/b.ts': '', 'src/core/http/a.ts': '' },
      { 'ARCHITECTURE.md': 'src/core/   what it is\nsrc/attic/  old things\n', 'src/core/a.ts': '' },
      { 'ARCHITECTURE.md': 'src/core/\n', 'src/core/a.ts': '' },
    ],
  },
  {
    rule: documents.linksLead,
    title: 'links in the documents lead somewhere',
    good: {
      'docs/README.md': '[a](errors.md#x) [b](../README.md) [c](decisions/)',
      'docs/errors.md': '',
      'README.md': '',
      'docs/decisions/0001.md': '',
    },
    bad: [{ 'docs/README.md': '[a](error.md)' }, { 'README.md': '[a](docs/nowhere/)' }],
  },
];

describe('the scanner', () => {
  test('tells code from comments, strings, templates and patterns', () => {
    const { code, comments, strings } = scan("a; // 'x'\n/* b */ c('d\\'e', `f${g({ h: `i${j}` })}k`, /[/]l'/u, m / n / o); // p");
    assert.equal(code.replace(/\s+/g, ' ').trim(), "a; c(' ', ` ${g({ h: ` ${j}` })} `, / /u, m / n / o);");
    assert.deepEqual(
      comments.map(({ value }) => value),
      ["// 'x'", '/* b */', '// p'],
    );
    assert.deepEqual(
      strings.map(({ value }) => value),
      ["d\\'e"],
    );
  });

  test('sees static, side-effect, re-exporting and dynamic imports, and no string that merely looks like one', () => {
    const source =
      "import a from 'a';\nimport 'b';\nexport * from 'c';\nawait import('d');\ntype E = import('e').E;\nconst f = \"from 'g'\"; // from 'h'";
    assert.deepEqual(importsOf(scan(source)), ['a', 'b', 'c', 'd', 'e']);
  });

  test('finds the bodies of functions, not those of classes and objects', () => {
    const source =
      'class A extends Z<Y> implements X {\n  b(): C<{ d: 1 }> {\n  }\n}\nconst e = {\n  f: () => {\n  },\n};\ntype G = {\n  h: 1;\n};';
    assert.deepEqual(
      functionsOf(scan(source).code).map(({ line }) => line),
      [2, 6],
    );
  });
});

describe('each rule', () => {
  for (const { rule, title, good, bad } of cases) {
    test(`can fail: ${title}`, () => {
      assert.deepEqual(rule(treeOf(good)), []);
      for (const files of bad)
        assert.notEqual(rule(treeOf(files)).length, 0, `nothing was found in ${JSON.stringify(files).slice(0, 200)}`);
    });
  }
});

describe('the tree', () => {
  for (const { rule, title } of cases) {
    test(title, () => {
      const found = rule(tree);
      if (found.length > 0) assert.fail(`${found.length} to mend\n${found.join('\n')}`);
    });
  }
});
