/** Tests of heads as they are sent on. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fieldOf } from './fields.ts';
import { latin1 } from '../bytes.ts';
import { defaults } from '../limits.ts';
import {
  isAtItsEnd,
  lastChunkText,
  replyHeadText,
  requestHeadText,
  type RequestPlan,
  responseHeadText,
  type ResponsePlan,
  VisitorLines,
} from './forward.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import { RequestReader } from './request-reader.ts';
import { ResponseReader } from './response-reader.ts';

function requestHead(lines: string, start = 'GET / HTTP/1.1', host = 'Host: a.example\r\n'): RequestHead {
  const step = new RequestReader({ limits: defaults, latin1 }).push(Buffer.from(`${start}\r\n${host}${lines}\r\n`, 'latin1'), 0);
  if (step.is !== 'head') assert.fail(JSON.stringify(step));
  return step.head;
}

function responseHead(lines: string, start = 'HTTP/1.1 200 OK', method = 'GET'): ResponseHead {
  const reader = new ResponseReader({ limits: defaults, latin1 });
  reader.expect(method);
  const step = reader.push(Buffer.from(`${start}\r\n${lines}\r\n`, 'latin1'), 0);
  if (step.is !== 'head') assert.fail(JSON.stringify(step));
  return step.head;
}

const plan: RequestPlan = {
  visitor: new VisitorLines({ from: '192.0.2.7', scheme: 'https', port: 443 }),
  forwarding: { host: null, hostless: '127.0.0.1:3000', spent: [], forwarded: false },
  connection: 'keep-alive',
  framing: { is: 'none' },
  expectContinue: true,
};
const forwarded = { ...plan, forwarding: { ...plan.forwarding, forwarded: true } };
const date = 'Tue, 01 Sep 2026 12:00:00 GMT';

/** The lines that are left of a visitor's when nothing is said of them. */
function sentOn(lines: string, changes: Partial<RequestPlan> = {}, start = 'GET / HTTP/1.1'): readonly string[] {
  return requestHeadText(requestHead(lines, start), { ...plan, ...changes })
    .split('\r\n')
    .slice(2, -2);
}

function answered(lines: string, changes: Partial<ResponsePlan> = {}, head = responseHead(lines)): string {
  return responseHeadText(head, { minor: 1, connection: 'keep-alive', framing: head.framing, date, ...changes });
}

describe('requestHeadText', () => {
  test('writes the target byte for byte, one canonical Host, and the fields in their order', () => {
    const head = requestHead('X-B: 1\r\nx-a: caf\xe9\r\nX-B: 2\r\n', 'GET /a//%2e?b HTTP/1.1', 'hOST: A.Example.:8443\r\n');
    assert.equal(requestHeadText(head, plan), 'GET /a//%2e?b HTTP/1.1\r\nHost: a.example:8443\r\nX-B: 1\r\nx-a: caf\xe9\r\nX-B: 2\r\n\r\n');
  });

  test('rewrites Host where asked, and gives one to a visitor of HTTP/1.0 who had none', () => {
    const rewritten = requestHeadText(requestHead(''), { ...plan, forwarding: { ...plan.forwarding, host: 'localhost:3000' } });
    assert.equal(rewritten, 'GET / HTTP/1.1\r\nHost: localhost:3000\r\n\r\n');
    assert.equal(requestHeadText(requestHead('', 'GET / HTTP/1.0', ''), plan), 'GET / HTTP/1.1\r\nHost: 127.0.0.1:3000\r\n\r\n');
  });

  test('says who the visitor is, with IPv6 and ports quoted (RFC 7239)', () => {
    const head = requestHead('', 'GET / HTTP/1.1', 'Host: a.example:8443\r\n');
    assert.deepEqual(
      requestHeadText(head, { ...forwarded, visitor: new VisitorLines({ from: '2001:db8::7', scheme: 'https', port: 8443 }) })
        .split('\r\n')
        .slice(2, -2),
      [
        'X-Forwarded-For: 2001:db8::7',
        'X-Forwarded-Proto: https',
        'X-Forwarded-Port: 8443',
        'X-Forwarded-Host: a.example:8443',
        'Forwarded: for="[2001:db8::7]";proto=https;host="a.example:8443"',
        'X-Real-IP: 2001:db8::7',
        'Via: 1.1 sallyport',
      ],
    );
    assert.ok(requestHeadText(head, forwarded).includes('Forwarded: for=192.0.2.7;proto=https;'));
  });

  test('writes exactly one framing, ours, and the connection that was planned', () => {
    const lines = 'Content-Length: 005\r\nConnection: keep-alive\r\nKeep-Alive: timeout=9\r\nProxy-Connection: close\r\n';
    assert.deepEqual(sentOn(lines, { framing: { is: 'length', length: 5 } }, 'POST / HTTP/1.1'), ['Content-Length: 5']);
    assert.deepEqual(sentOn('Transfer-Encoding: CHUNKED\r\n', { framing: { is: 'chunked' }, connection: 'close' }, 'POST / HTTP/1.1'), [
      'Transfer-Encoding: chunked',
      'Connection: close',
    ]);
    assert.deepEqual(sentOn('Transfer_Encoding: chunked\r\nContent_Length: 7\r\nTransfer.Encoding: x\r\n'), []);
  });

  test('keeps the wish for trailers and no other wish about codings', () => {
    assert.deepEqual(sentOn('TE: gzip, trailers\r\nConnection: TE\r\nTrailer: X\r\n'), ['TE: trailers', 'Connection: TE']);
    assert.deepEqual(sentOn('TE: trailers\r\nConnection: TE\r\n', { connection: 'close' }), ['TE: trailers', 'Connection: close, TE']);
    assert.deepEqual(sentOn('TE: gzip\r\nConnection: TE\r\n'), []);
  });

  test('forwards 100-continue only while nobody has answered it', () => {
    const lines = 'Expect: 100-continue\r\nContent-Length: 1\r\n';
    const framing = { is: 'length', length: 1 } as const;
    assert.deepEqual(sentOn(lines, { framing }, 'POST / HTTP/1.1'), ['Expect: 100-continue', 'Content-Length: 1']);
    assert.deepEqual(sentOn(lines, { framing, expectContinue: false }, 'POST / HTTP/1.1'), ['Content-Length: 1']);
  });

  test('removes spent credentials, and Authorization only when it was spent', () => {
    const lines = 'Authorization: Basic eA==\r\nProxy-Authorization: x\r\nSallyport-Authorization: y\r\n';
    assert.deepEqual(sentOn(lines), ['Authorization: Basic eA==']);
    assert.deepEqual(sentOn(lines, { forwarding: { ...plan.forwarding, spent: ['authorization'] } }), []);
  });

  test('takes our cookies out and leaves the rest byte for byte', () => {
    assert.deepEqual(sentOn('Cookie: a=b; __Host-sallyport=secret; c="d; e"\r\n'), ['Cookie: a=b; c="d; e"']);
    assert.deepEqual(sentOn('Cookie: __Host-sallyport-login=s\r\ncookie: __HOST-Sallyport=s;x=y;__Secure-sallyport=z; sallyport=1\r\n'), [
      'cookie: x=y',
    ]);
    assert.deepEqual(sentOn('Cookie: a=sallyport;b=c\r\n'), ['Cookie: a=sallyport; b=c']);
    assert.deepEqual(sentOn('Cookie: a=b;c=d\r\n'), ['Cookie: a=b;c=d']);
  });

  test('counts Max-Forwards down for TRACE and OPTIONS only, and knows where they end', () => {
    assert.deepEqual(sentOn('Max-Forwards: 5\r\n', {}, 'OPTIONS * HTTP/1.1'), ['Max-Forwards: 4']);
    assert.deepEqual(sentOn('Max-Forwards: 5\r\n'), ['Max-Forwards: 5']);
    assert.equal(isAtItsEnd(requestHead('Max-Forwards: 0\r\n', 'TRACE / HTTP/1.1')), true);
    assert.equal(isAtItsEnd(requestHead('Max-Forwards: 0\r\n')), false);
  });

  test('prototype names go through like others', () => {
    assert.deepEqual(sentOn('__proto__: a\r\nconstructor: b\r\n'), ['__proto__: a', 'constructor: b']);
  });
});

describe('attack classes, towards the service', () => {
  test('X-Forwarded spoofing: a visitor’s own are removed in every case, sign and number', () => {
    const names = [
      ...[
        'X-Forwarded-For',
        'x-forwarded-for',
        'X_Forwarded_For',
        'X.Forwarded.For',
        'X-FORWARDED_HOST',
        'X-Forwarded-Proto',
        'X-Forwarded-Prefix',
        'X-Forwarded-User',
      ],
      ...[
        'Forwarded',
        'Via',
        'X-Real-IP',
        'X_REAL_IP',
        'True-Client-IP',
        'CF-Connecting-IP',
        'X-Client-IP',
        'X-Original-URL',
        'X-Rewrite-URL',
        'X-HTTP-Method-Override',
      ],
      ...[
        'Remote-User',
        'X-Remote-User',
        'X-Auth-Request-Email',
        'X-WebAuth-User',
        'Tailscale-User-Login',
        'Cf-Access-Jwt-Assertion',
        'X-SSL-Client-Verify',
        'Client-Cert',
        'Proxy',
      ],
      ...['Sallyport-User', 'X-Sallyport-Id', 'sallyport_user', 'x_sallyport_user'],
    ];
    for (const name of names)
      assert.deepEqual(sentOn(`${name}: 127.0.0.1\r\n${name}: 127.0.0.1, 10.0.0.1\r\nX-Kept: 1\r\n`), ['X-Kept: 1'], name);
    const text = requestHeadText(requestHead('X-Forwarded-For: 127.0.0.1\r\nVia: 1.1 evil\r\n'), forwarded);
    assert.equal(text.match(/^X-Forwarded-For: .*$/gim)?.join(), 'X-Forwarded-For: 192.0.2.7');
    assert.equal(text.match(/^Via: .*$/gim)?.join(), 'Via: 1.1 sallyport');
  });

  test('hop-by-hop abuse: Connection takes away its own fields, and nothing that is protected', () => {
    assert.deepEqual(sentOn('Connection: close, X-Hop\r\nX-Hop: 1\r\nX-Kept: 1\r\n'), ['X-Kept: 1']);
    const named =
      'Connection: X-Forwarded-For, X-Real-IP, Host, Authorization, Cookie, Content-Length, Content-Type, Sec-Fetch-Site, Origin, X-Auth-User, Via, Forwarded\r\n';
    const text = requestHeadText(
      requestHead(
        `${named}Authorization: a\r\nCookie: b=c\r\nContent-Type: d\r\nSec-Fetch-Site: cross-site\r\nOrigin: e\r\nContent-Length: 1\r\n`,
        'POST / HTTP/1.1',
      ),
      {
        ...forwarded,
        framing: { is: 'length', length: 1 },
      },
    );
    for (const line of [
      'Host: a.example',
      'Authorization: a',
      'Cookie: b=c',
      'Content-Type: d',
      'Sec-Fetch-Site: cross-site',
      'Origin: e',
      'Content-Length: 1',
      'X-Forwarded-For: 192.0.2.7',
      'X-Real-IP: 192.0.2.7',
      'Via: 1.1 sallyport',
    ]) {
      assert.ok(text.includes(`\r\n${line}\r\n`), line);
    }
    assert.ok(!/\r\nConnection:/i.test(text));
  });

  test('h2c upgrade smuggling: Upgrade and HTTP2-Settings are never forwarded, websocket only as planned', () => {
    assert.deepEqual(sentOn('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'), []);
    const websocket =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
    assert.deepEqual(sentOn(websocket, { connection: 'upgrade' }), [
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
      'Connection: Upgrade',
      'Upgrade: websocket',
    ]);
    assert.deepEqual(sentOn('Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n'), []);
  });

  test('header injection: a configured Host with a line break is our fault and is thrown', () => {
    const evil = { ...plan, forwarding: { ...plan.forwarding, host: 'a\r\nX: y' } };
    assert.throws(() => requestHeadText(requestHead(''), evil), { code: 'program-failed' });
  });

  test('ten thousand odd names do not slow down or confuse the next request', () => {
    for (let number = 0; number < 10_000; number += 50) {
      const names = Array.from({ length: 50 }, (_, index) => `X-${number + index}`);
      assert.equal(sentOn(names.map((name) => `${name}: 1\r\n`).join('')).length, 50);
    }
    assert.deepEqual(sentOn('X_Forwarded_For: 1\r\nX-9999: 1\r\n'), ['X-9999: 1']);
  });
});

describe('responseHeadText', () => {
  test('keeps Date and fields, removes hop-by-hop ones, signs with Via', () => {
    const lines = `Server: x\r\nDate: Mon, 31 Aug 2026 12:00:00 GMT\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nVia: 1.1 cache\r\nContent-Length: 5\r\n`;
    assert.equal(
      answered(lines),
      'HTTP/1.1 200 OK\r\nServer: x\r\nDate: Mon, 31 Aug 2026 12:00:00 GMT\r\nVia: 1.1 cache\r\nVia: 1.1 sallyport\r\nContent-Length: 5\r\n\r\n',
    );
  });

  test('adds Date where the service sent none, and frames as planned', () => {
    assert.equal(
      answered('Transfer-Encoding: chunked\r\n', { minor: 0, framing: { is: 'close' }, connection: 'close' }),
      `HTTP/1.1 200 OK\r\nDate: ${date}\r\nVia: 1.1 sallyport\r\nConnection: close\r\n\r\n`,
    );
    assert.ok(answered('Content-Length: 1\r\n', { minor: 0 }).includes('\r\nConnection: keep-alive\r\n'));
    assert.ok(
      answered('', { framing: { is: 'chunked' } }, responseHead('', 'HTTP/1.0 200 OK')).includes(
        'Via: 1.0 sallyport\r\nTransfer-Encoding: chunked\r\n',
      ),
    );
  });

  test('keeps the length that HEAD and 304 speak of, and none on 204', () => {
    assert.ok(answered('', {}, responseHead('Content-Length: 5\r\n', 'HTTP/1.1 200 OK', 'HEAD')).includes('Content-Length: 5\r\n'));
    assert.ok(answered('', {}, responseHead('Content-Length: 5\r\n', 'HTTP/1.1 304 Not Modified')).includes('Content-Length: 5\r\n'));
    assert.ok(!answered('', {}, responseHead('Content-Length: 0\r\n', 'HTTP/1.1 204 No Content')).includes('Content-Length'));
  });

  test('interim answers pass with their fields and nothing of ours', () => {
    assert.equal(
      answered('', {}, responseHead('Link: </a>\r\nConnection: x\r\n', 'HTTP/1.1 103 Early Hints')),
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
    );
    const upgrade = responseHead(
      'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n',
      'HTTP/1.1 101 Switching Protocols',
    );
    assert.equal(
      answered('', { connection: 'upgrade' }, upgrade),
      'HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
  });

  test('response side: a service cannot speak in our name, nor send visitors around us', () => {
    const lines =
      'Set-Cookie: __Host-sallyport=x; Path=/\r\nSet-Cookie: a=b\r\nset-cookie: __HOST-SALLYPORT-x=1\r\nSet-Cookie: =__Host-sallyport=y\r\nSet-Cookie: sallyport_session=1\r\nSallyport-Check: x\r\nX_Sallyport_Y: z\r\nAlt-Svc: h3=":443"\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n';
    assert.equal(answered(lines), `HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nDate: ${date}\r\nVia: 1.1 sallyport\r\nContent-Length: 0\r\n\r\n`);
  });

  test('hop-by-hop abuse from the service: Connection cannot take Set-Cookie or security fields away', () => {
    const text = answered(
      'Connection: Set-Cookie, Content-Security-Policy, Strict-Transport-Security, Content-Length\r\nSet-Cookie: a=b\r\nContent-Security-Policy: x\r\nStrict-Transport-Security: y\r\nContent-Length: 0\r\n',
    );
    for (const line of ['Set-Cookie: a=b', 'Content-Security-Policy: x', 'Strict-Transport-Security: y', 'Content-Length: 0'])
      assert.ok(text.includes(`${line}\r\n`), line);
  });
});

describe('replyHeadText', () => {
  const replyPlan = { minor: 1, connection: 'close', framing: { is: 'length', length: 2 }, date } as const;

  test('writes one of our own answers', () => {
    const reply = {
      status: 429,
      fields: [
        ['Retry-After', '5'],
        ['Content-Type', 'text/plain'],
      ],
      body: 'no',
    } as const;
    assert.equal(
      replyHeadText(reply, replyPlan),
      `HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nContent-Type: text/plain\r\nDate: ${date}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n`,
    );
  });

  test('header injection: throws for line breaks, controls and what is no octet', () => {
    for (const value of ['a\r\nX: y', 'a\nb', 'a\rb', 'a\0b', 'a\x7f', 'caf\u010a', '\u{1F600}']) {
      assert.throws(
        () => replyHeadText({ status: 303, fields: [['Location', value]], body: null }, replyPlan),
        { code: 'program-failed' },
        JSON.stringify(value),
      );
    }
    for (const name of ['', 'X Y', 'X:', 'X\r\n', 'É'])
      assert.throws(() => replyHeadText({ status: 200, fields: [[name, '']], body: null }, replyPlan), { code: 'program-failed' });
  });
});

describe('lastChunkText', () => {
  test('ends a chunked body with the trailers that were let through', () => {
    assert.equal(lastChunkText([]), '0\r\n\r\n');
    assert.equal(lastChunkText([fieldOf('X-Sum', '1')]), '0\r\nX-Sum: 1\r\n\r\n');
  });
});
