/** Our own pages and the uniform face, attacked. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { exchangeOf, navigation, type Asked } from '../../../test/doubles/exchange.ts';
import { codes, type Code } from '../errors.ts';
import type { Reply } from '../http/reply.ts';
import { errorReply, noticePage } from './error.ts';
import { face } from './face.ts';
import { markup } from './markup.ts';
import { pageStyle, pageStyleHash } from './style.ts';

const fieldOf = (reply: Reply, name: string): string | undefined => reply.fields.find(([each]) => each.toLowerCase() === name)?.[1];
const bodyOf = (reply: Reply): string => (typeof reply.body === 'string' ? reply.body : '');
const goes = (asked: Asked = {}) => exchangeOf({ fields: navigation, ...asked });
const password = { password: true };
const evil = `"'\`><script>alert(1)</script>&\u0000\u202e`;

describe('markup', () => {
  test('XSS: every value is escaped, and only markup goes in as it is', () => {
    assert.equal(
      markup`<a title="${evil}">${markup`<b>${1}</b>`}${null}${[markup`x`, markup`y`]}</a>`.markup,
      '<a title="&#34;&#39;&#96;&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#38;\ufffd\ufffd"><b>1</b>xy</a>',
    );
  });
});

describe('our own pages', () => {
  const replies: readonly Reply[] = [
    face(goes(), 'credentials-missing', password),
    face(goes(), 'credentials-missing', { password: false }),
    errorReply(goes(), 'upstream-refused'),
    noticePage(goes(), 403, { title: 'Title', detail: 'Text' }),
  ];

  test('the policy lets in our style and nothing else', () => {
    assert.equal(createHash('sha256').update(pageStyle).digest('base64'), pageStyleHash);
    for (const reply of replies) {
      const policy = fieldOf(reply, 'content-security-policy') ?? '';
      for (const part of ["default-src 'none'", `style-src 'sha256-${pageStyleHash}'`, "frame-ancestors 'none'", "base-uri 'none'"])
        assert.ok(policy.includes(part), part);
      assert.ok(bodyOf(reply).includes(`<style>${pageStyle}</style>`));
      assert.ok(!/<script|style="|onload|javascript:/i.test(bodyOf(reply)));
    }
    assert.ok(fieldOf(replies[0]!, 'content-security-policy')?.includes("form-action 'self'"));
    assert.ok(fieldOf(replies[2]!, 'content-security-policy')?.includes("form-action 'none'"));
  });

  test('are kept by no cache, sniffed by no browser and found by no search engine', () => {
    for (const reply of [...replies, errorReply(null, 'head-malformed')]) {
      assert.equal(fieldOf(reply, 'cache-control'), 'no-store');
      assert.equal(fieldOf(reply, 'x-content-type-options'), 'nosniff');
      assert.equal(fieldOf(reply, 'x-robots-tag'), 'noindex');
      assert.ok(['no-referrer', 'same-origin'].includes(fieldOf(reply, 'referrer-policy') ?? ''));
    }
  });

  test('a page with a form keeps its origin: under no-referrer a browser would send Origin null', () => {
    assert.equal(fieldOf(replies[0]!, 'referrer-policy'), 'same-origin');
  });

  test('every code has an answer whose fields and text hold nothing of the request', () => {
    for (const code of Object.keys(codes) as Code[]) {
      for (const fields of [navigation, [['Accept', 'application/json']], []] as const) {
        const reply = errorReply(exchangeOf({ target: `/?${encodeURIComponent(evil)}`, host: 'x<y', fields }), code);
        assert.equal(reply.status, codes[code].status ?? 500);
        assert.ok(!JSON.stringify(reply).includes('alert'), code);
        for (const [name, value] of reply.fields) assert.match(`${name}: ${value}`, /^[\u0020-\u007e]+$/);
      }
    }
  });

  test('a person gets a page, a program problem details or one line', () => {
    assert.match(bodyOf(errorReply(goes(), 'route-missing')), /^<!doctype html>/);
    const problem = errorReply(
      exchangeOf({
        fields: [
          ['Accept', 'application/json, text/html;q=0.1'],
          ['Sec-Fetch-Mode', 'cors'],
        ],
      }),
      'upstream-refused',
    );
    assert.equal(fieldOf(problem, 'content-type'), 'application/problem+json');
    assert.deepEqual(JSON.parse(bodyOf(problem)), {
      type: 'about:blank',
      title: 'Bad Gateway',
      status: 502,
      detail: 'The service behind this address does not answer at the moment.',
      code: 'upstream-refused',
    });
    assert.equal(bodyOf(errorReply(exchangeOf(), 'upstream-refused')), 'The service behind this address does not answer at the moment.\n');
  });

  test('a service that is down: the page asks again by itself, a program is told when', () => {
    const reply = errorReply(goes(), 'upstream-refused');
    assert.match(bodyOf(reply), /<meta http-equiv="refresh" content="5">/);
    assert.equal(fieldOf(reply, 'retry-after'), '5');
    assert.ok(!bodyOf(errorReply(goes(), 'route-missing')).includes('refresh'));
    const posted = bodyOf(errorReply(goes({ method: 'POST' }), 'upstream-refused'));
    assert.ok(posted.includes('<h1>') && !posted.includes('refresh') && !posted.includes('by itself'));
    assert.equal(fieldOf(errorReply(exchangeOf(), 'credentials-throttled', { retryAfterSeconds: 0.2 }), 'retry-after'), '1');
  });
});

function assertAskedFor(asked: Asked, challenge: string): void {
  const reply = face(exchangeOf(asked), 'credentials-missing', password);
  assert.equal(reply.status, 401);
  assert.equal(fieldOf(reply, 'www-authenticate'), challenge);
  assert.ok(!bodyOf(reply).includes('<form'));
  assert.equal(fieldOf(reply, 'set-cookie'), undefined);
}

describe('the uniform face', () => {
  test('enumeration: the same status, fields and bytes whatever was asked, but for the place to return to', () => {
    const targets = ['/', '/exists', '/.git/config', '/admin', '/.sallyport/login', '/.sallyport/link/abc', '/%zz', '/a/../b', '/x?y=z'];
    for (const offers of [password, { password: false }]) {
      for (const fields of [navigation, [], [['Accept', 'application/json']]] as const) {
        const faces = targets.flatMap((target) =>
          (['credentials-missing', 'credentials-wrong'] as const).map((code) => face(exchangeOf({ target, fields }), code, offers)),
        );
        const seen = faces.map((reply) => JSON.stringify(reply).replace(/name=\\"to\\" value=\\"[^"]*\\"/, ''));
        assert.equal(new Set(seen).size, 1);
        assert.equal(faces[0]?.status, 401);
      }
    }
  });

  test('over HTTPS a person gets the login page, and no browser opens a dialog of its own', () => {
    const reply = face(goes({ target: '/photos?id=1' }), 'credentials-missing', password);
    assert.match(bodyOf(reply), /<form method="post" action="\/\.sallyport\/login">/);
    assert.match(bodyOf(reply), /name="to" value="\/photos\?id=1"/);
    assert.equal(fieldOf(reply, 'www-authenticate'), 'Sallyport realm="Sallyport"');
  });

  test('a form that is sent after the session has ended: the login page, and back to the page with the form', () => {
    const sent = (referer: string) =>
      bodyOf(
        face(
          goes({ method: 'POST', target: '/posts/1/comments', fields: [...navigation, ['Referer', referer]] }),
          'credentials-missing',
          password,
        ),
      );
    assert.match(sent('https://blog.example.test/posts/1'), /name="to" value="\/posts\/1"/);
    for (const elsewhere of ['https://evil.example/posts/1', 'https://blog.example.test.evil.example/', '//evil.example'])
      assert.match(sent(elsewhere), /name="to" value="\/"/, elsewhere);
  });

  test('where no password is taken the page asks for a link, and nobody for Basic', () => {
    assert.ok(!bodyOf(face(goes(), 'credentials-missing', { password: false })).includes('<form'));
    assert.equal(
      fieldOf(face(exchangeOf(), 'credentials-missing', { password: false }), 'www-authenticate'),
      'Sallyport realm="Sallyport"',
    );
  });

  test('everybody else, and everybody over plain HTTP, is asked for Basic', () => {
    const cases: readonly Asked[] = [{}, { fields: navigation, scheme: 'http' }, { method: 'POST', fields: [['Accept', 'text/html']] }];
    for (const asked of cases) assertAskedFor(asked, 'Basic realm="Sallyport", charset="UTF-8"');
  });

  test('what a page fetches after its session has ended opens no dialog of the browser', () => {
    const cases: readonly Asked[] = [
      { method: 'PUT', fields: navigation },
      { fields: [['Sec-Fetch-Mode', 'cors']] },
      { upgrade: 'websocket', fields: [['Sec-Fetch-Mode', 'websocket']] },
    ];
    for (const asked of cases) assertAskedFor(asked, 'Sallyport realm="Sallyport"');
  });

  test('XSS and open redirect: a hostile target is neither shown nor returned to', () => {
    for (const target of ['//evil.example', '/\\evil.example', `/${evil}`, '/"><img src=x>']) {
      const body = bodyOf(face(goes({ target }), 'credentials-missing', password));
      assert.match(body, /name="to" value="\/"/);
      assert.ok(!body.includes('evil'));
    }
    assert.match(bodyOf(face(goes({ target: "/a'b&c" }), 'credentials-missing', password)), /value="\/a&#39;b&#38;c"/);
    assert.ok(!bodyOf(face(goes({ host: '<script>' }), 'credentials-missing', password)).includes('<script>'));
  });
});
