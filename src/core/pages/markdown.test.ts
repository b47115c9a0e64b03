import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ownMs } from '../../../test/doubles/own-time.ts';
import { markdown } from './markdown.ts';

describe('Markdown', () => {
  it('knows headings, paragraphs, lists, rules, quotes and what stands in a line', () => {
    const text =
      '# Terms\n\nUse it **well**, *please*:\ngo `slowly`.\n\n- one\n- two\n  goes on\n\n1. first\n\n> said\n\n---\n[More](https://example.org/a?b=c&d)';
    assert.equal(
      markdown(text).markup,
      '<h2>Terms</h2>\n<p>Use it <strong>well</strong>, <em>please</em>: go <code>slowly</code>.</p>\n<ul>\n<li>one</li>\n<li>two goes on</li>\n</ul>\n' +
        '<ol>\n<li>first</li>\n</ol>\n<blockquote><p>said</p></blockquote>\n<hr>\n<p><a href="https://example.org/a?b=c&#38;d" rel="noreferrer">More</a></p>\n',
    );
  });

  it('stored XSS by destination names or terms: raw HTML, other schemes and broken marks are text', () => {
    const hostile = [
      '<script>alert(1)</script>',
      '<img src=x onerror=alert(1)>',
      '[a](javascript:alert(1))',
      '[a](data:text/html,x)',
      '[a](//evil.example)',
      '[a](https://x" onmouseover="alert(1))',
      '**<b>**',
      '`<i>`',
      '# <svg onload=alert(1)>',
      '![x](https://evil.example/p.png)',
      '- <a href="javascript:alert(1)">x</a>',
      '[**x**](HTTPS://x)',
      '&lt;script&gt;',
    ];
    for (const text of hostile) {
      const shown = markdown(text).markup;
      assert.doesNotMatch(shown, /<(?!\/?(?:p|h2|ul|li|strong|code|em)>|a href="https:\/\/[^"<>]*" rel="noreferrer">|\/a>)/, shown);
      assert.doesNotMatch(shown, /href="(?!https:)/, shown);
    }
  });

  it('takes time that grows with the text', () => {
    const since = ownMs();
    for (const piece of ['*', '**', '`', '[', '[a](', '> ', '- ', '[a]('.repeat(3)]) markdown(piece.repeat(20_000));
    assert.ok(ownMs() - since < 2_000);
  });
});
