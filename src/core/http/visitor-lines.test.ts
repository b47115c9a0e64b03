/** What a service is told of a visitor is kept for a connection, and never of another host than the request names. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VisitorLines } from './forward.ts';
import type { RequestHead } from './head.ts';

const head = (host: string, port: number | null = null, minor: 0 | 1 = 1): Pick<RequestHead, 'authority' | 'minor'> => ({
  authority: { host, port },
  minor,
});

describe('what a service is told of a visitor', () => {
  it('names the host of each request, though one connection asks for several', () => {
    const lines = new VisitorLines({ from: '192.0.2.7', scheme: 'https', port: 443 });
    const said = (asked: Pick<RequestHead, 'authority' | 'minor'>): string => lines.of(asked as RequestHead);
    const blog = head('blog.example');
    assert.match(said(blog), /X-Forwarded-Host: blog\.example\r\n.*host="blog\.example"\r\n/s);
    assert.equal(said(blog), said(head('blog.example')), 'an equal host in another object');
    assert.match(said(head('wiki.example')), /X-Forwarded-Host: wiki\.example\r\n.*host="wiki\.example"\r\n/s);
    assert.match(said(head('wiki.example', 8443)), /X-Forwarded-Host: wiki\.example:8443\r\n/);
    assert.match(said(head('wiki.example', 8443, 0)), /Via: 1\.0 sallyport\r\n$/);
    assert.doesNotMatch(said(head('')), /host/i);
    assert.match(said(blog), /X-Forwarded-Host: blog\.example\r\n/, 'the first one again');
  });
});
