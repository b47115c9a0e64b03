/** Language, texts and theme of our own pages: as they are said, and as nobody should say them. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { exchangeOf, navigation, type Asked } from '../../../test/doubles/exchange.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Reply } from '../../core/http/reply.ts';
import { defaults } from '../../core/limits.ts';
import { errorReply } from '../../core/pages/error.ts';
import { face } from '../../core/pages/face.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { password } from '../../modules/guards/password.ts';
import { awayReply } from '../../core/pages/plain.ts';
import { configParser } from './parse.ts';
import { relayParser } from './relay-file.ts';
import { buildPages, type BuiltPages } from './page-settings.ts';

const parser = configParser([password]);
const base = 'services: { blog: { to: 3000 } }\n';
const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const svg = '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';

const bodyOf = ({ body }: Reply): string => (typeof body === 'string' ? body : '');
const fieldOf = (reply: Reply, name: string) => reply.fields.find(([each]) => each.toLowerCase() === name)?.[1];

describe('our own pages in a configuration', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-pages-'));
    await writeFile(join(folder, 'logo.png'), png);
    await writeFile(join(folder, 'logo.svg'), svg);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const built = (text: string): BuiltPages => {
    const parsed = parser.parse(`${base}${text}`, join(folder, 'sallyport.yaml'));
    if (!parsed.ok) throw new SallyportError('config-malformed', parsed.problems.map((each) => JSON.stringify(each)).join());
    return buildPages(parsed.config.pages, defaults);
  };
  const visitor = ({ settings }: BuiltPages, asked: Asked = {}): Exchange => ({
    ...exchangeOf({ fields: navigation, ...asked }),
    ...(settings === undefined ? {} : { pages: settings }),
  });
  const withTexts = async (texts: string): Promise<BuiltPages> => {
    await writeFile(join(folder, 'texts.yaml'), texts);
    return built('texts: texts.yaml\n');
  };
  const refusal = async (run: () => BuiltPages | Promise<BuiltPages>): Promise<string> => {
    try {
      await run();
    } catch (error) {
      return error instanceof SallyportError ? `${error.code}: ${error.message}` : String(error);
    }
    return 'taken';
  };

  test('nothing said is nothing made: pages are as usual', () => {
    assert.deepEqual(built(''), { route: null, warnings: [] });
  });

  test('language: who asks for none that there is reads the operator’s', () => {
    const german = built('language: de\n');
    const asks = (language: string) =>
      bodyOf(errorReply(visitor(german, { fields: [...navigation, ['Accept-Language', language]] }), 'route-missing'));
    assert.match(asks('fr'), /<html lang="de">/);
    assert.match(asks('en'), /<html lang="en">/);
    assert.match(bodyOf(errorReply(visitor(german), 'route-missing')), /Hier ist nichts/);
  });

  test('texts: other words and another language, from one file; what is not in it is English', async () => {
    const pages = await withTexts(
      'de:\n  login.button: Herein\nPT:\n  login.button: Entrar\n  login.lead: "Olá: {host} <b>"\npt-BR: { login.name: Nome }\n',
    );
    const login = (language: string) =>
      bodyOf(face(visitor(pages, { fields: [...navigation, ['Accept-Language', language]] }), 'credentials-missing', { password: true }));
    assert.match(login('de'), /<button>Herein<\/button>/);
    assert.match(login('pt-BR'), /lang="pt-br"[^]*Olá: blog\.example\.test &#60;b&#62;[^]*>Nome<[^]*>Password<[^]*<button>Entrar</);
    assert.match(login('en'), /<button>Sign in<\/button>/);
    assert.deepEqual(
      pages.warnings.map(({ code, message }) => [code, message.replace(/^\d+/, 'N')]),
      [['texts-partial', 'N texts of the language pt are still in English.']],
    );
  });

  test('texts: every mistake is named with its line and column', async () => {
    const cases: readonly (readonly [text: string, says: RegExp])[] = [
      ['de:\n  login.buton: x\n', /texts\.yaml, line 2, column 3: de\.login\.buton: unknown key, did you mean login\.button\?/],
      ['de:\n  login.button: [x]\n', /line 2, column 17: .*expected a text/],
      ['de:\n  login.lead: "{hosts}"\n', /line 2, column 15: .*only braces are \{host\}/],
      ['de:\n  login.button: "{host}"\n', /expected a text without braces/],
      ['de:\n  login.button: ""\n', /expected a text/],
      ['de:\n  login.button: "a\\nb"\n', /expected a text of one line/],
      ['d_e: {}\n', /expected a language like de/],
      ['de: x\n', /expected texts by name/],
      ['pt: {}\nPT: {}\n', /line 2, column 1: PT: found this language a second time/],
      ['- de\n', /expected texts by language/],
      ['de:\n\tx: y\n', /expected spaces/],
      ['__proto__: { login.button: x }\n', /__proto__/],
    ];
    for (const [text, says] of cases) assert.match(await refusal(() => withTexts(text)), says, text);
    assert.match(await refusal(() => withTexts('#'.repeat(defaults.pageTextsBytesMax + 1))), /longer than a file of texts may be/);
    assert.match(await refusal(() => built('texts: nowhere.yaml\n')), /file-missing: There is no file .*nowhere\.yaml/);
    assert.match(await refusal(() => built('language: fr\n')), /language: fr has no texts; there are en, de\./);
    assert.match(await refusal(() => built('language: "../x"\n')), /expected a language like en, de or pt-BR/);
  });

  test('theme: name, logo and colours, each let in by the policy and nothing else', () => {
    const pages = built('theme: { name: "Ana & Co", logo: logo.png, accent: "#0a6b4b" }\n');
    const reply = face(visitor(pages), 'credentials-missing', { password: true });
    const version = createHash('sha256').update(png).digest('hex').slice(0, 16);
    assert.match(bodyOf(reply), new RegExp(`<p class="brand"><img src="/.sallyport/logo\\?${version}" alt="">Ana &#38; Co</p>\\n<h1>`));
    assert.match(bodyOf(reply), /<title>This address is private · Ana &#38; Co<\/title>/);
    const [, own = ''] = /<\/style>\n<link rel="icon"[^>]*>\n<style>([^<]*)<\/style>/.exec(bodyOf(reply)) ?? [];
    assert.match(
      own,
      /^:root\{--deed:#0a6b4b;--deed-ink:#ffffff\}@media\(prefers-color-scheme:dark\)\{:root\{--deed:#[0-9a-f]{6};--deed-ink:#000000\}\}$/,
    );
    const policy = fieldOf(reply, 'content-security-policy') ?? '';
    assert.ok(policy.includes(`'sha256-${createHash('sha256').update(own).digest('base64')}'; img-src 'self';`), policy);
    assert.ok(!policy.includes('unsafe'));
  });

  test('accent: style injection by a colour is refused, and one that cannot be read by name, with one that can', async () => {
    const says = (accent: string) => refusal(() => built(`theme: { accent: ${accent} }\n`));
    assert.match(await says('"#ffcc00"'), /theme\.accent: .*#ffcc00 has a contrast of 1\.3:1, and 4\.5:1 is needed; #[0-9a-f]{6} would do/);
    assert.match(await says('{ light: "#0a6b4b", dark: "#0a6b4b" }'), /can be read on dark pages/);
    assert.match(await says('blue'), /expected a colour like #1f5fbf/);
    assert.match(await says('"#fff;} body{display:none"'), /expected a colour/);
    const [better = ''] = /#[0-9a-f]{6}(?= would do)/.exec(await says('"#ffcc00"')) ?? [];
    assert.equal(await says(JSON.stringify(better)), 'taken');
  });

  test('a relay has language, texts and theme as well, and no address to serve a logo at', () => {
    const relay = relayParser();
    const path = join(folder, 'relay.yaml');
    const parsed = relay.parse('domain: example.org\nlanguage: de\ntheme: { name: Verein, accent: "#0a6b4b" }\n', path);
    if (!parsed.ok) assert.fail(JSON.stringify(parsed.problems));
    const { settings } = buildPages(parsed.config.pages, defaults);
    const page = bodyOf(awayReply(visitor({ route: null, warnings: [], ...(settings === undefined ? {} : { settings }) })));
    assert.match(page, /<html lang="de">[^]*Gerade nicht verbunden · Verein[^]*#0a6b4b/);
    const refused = relay.parse('domain: example.org\ntheme: { logo: logo.png }\n', path);
    assert.match(refused.ok ? '' : (refused.problems[0]?.sentence ?? ''), /theme\.logo: unknown key/);
  });

  test('logo: a small PNG or SVG, told by its bytes; XSS by an SVG that is opened by itself', async () => {
    const asked = { target: '/.sallyport/logo?1', host: 'any.example.test' };
    const pages = built('theme: { logo: logo.svg }\n');
    const route = pages.route?.(visitor(pages, asked)) ?? assert.fail('no route');
    assert.equal(route.service.guarded, false);
    const answer = await route.service.forms[0]?.handle(exchangeOf(asked), { fields: new URLSearchParams(), rest: '' });
    if (answer === undefined || 'is' in answer) assert.fail('no picture');
    assert.equal(fieldOf(answer, 'content-type'), 'image/svg+xml');
    assert.equal(fieldOf(answer, 'x-content-type-options'), 'nosniff');
    assert.match(fieldOf(answer, 'content-security-policy') ?? '', /^default-src 'none';.* sandbox;/);
    for (const target of ['/.sallyport/logo/', '/.sallyport/logos', '/.sallyport/%6cogo%2f', '/logo', '/'])
      assert.equal(pages.route?.(visitor(pages, { target })), null, target);
    assert.equal(pages.route?.(visitor(pages, { ...asked, method: 'POST' })), null);

    await writeFile(join(folder, 'page.png'), '<!doctype html><script>alert(1)</script>');
    await writeFile(join(folder, 'long.png'), Buffer.concat([png, Buffer.alloc(defaults.logoBytesMax)]));
    assert.match(await refusal(() => built('theme: { logo: page.png }\n')), /config-malformed: .*page\.png is neither PNG nor SVG/);
    assert.match(await refusal(() => built('theme: { logo: long.png }\n')), /longer than a logo may be: 65536 bytes/);
    assert.match(await refusal(() => built('theme: { logo: nowhere.png }\n')), /file-missing/);
    assert.match(await refusal(() => built('theme: { name: "  " }\n')), /expected a name/);
    assert.match(await refusal(() => built('theme: { colour: "#000" }\n')), /unknown key/);
  });
});
