import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { httpDateText, parseHttpDate, whatIsDue, type Due } from './conditional.ts';
import { type Fields, fieldOf } from './fields.ts';
import { mediaType } from './media-type.ts';

const stored = { etag: '"abc-1"', modified: 784_111_777, length: 1_000 };
const own = 'Sun, 06 Nov 1994 08:49:37 GMT';
const earlier = 'Sun, 06 Nov 1994 08:49:36 GMT';
const later = 'Sun, 06 Nov 1994 08:49:38 GMT';

function due(fields: Readonly<Record<string, string | readonly string[]>>, method = 'GET'): Due {
  const list: Fields = Object.entries(fields).flatMap(([name, values]) => [values].flat().map((value) => fieldOf(name, value)));
  return whatIsDue(method, list, stored);
}

describe('a conditional request (RFC 9110, 13)', () => {
  it('gets the whole without conditions', () => {
    assert.deepEqual(due({}), { is: 'whole' });
  });

  it('gets 304 for our tag, weakly compared, in any list', () => {
    for (const list of ['"abc-1"', 'W/"abc-1"', '"x", "abc-1"', '*', ['"x"', '"abc-1"']])
      assert.deepEqual(due({ 'If-None-Match': list }), { is: 'unchanged' });
    for (const list of ['"abc"', 'abc-1', '""', 'W/"x"']) assert.deepEqual(due({ 'If-None-Match': list }), { is: 'whole' });
  });

  it('looks at dates only where no tag is sent, and only at dates', () => {
    assert.deepEqual(due({ 'If-Modified-Since': own }), { is: 'unchanged' });
    assert.deepEqual(due({ 'If-Modified-Since': later }), { is: 'unchanged' });
    assert.deepEqual(due({ 'If-Modified-Since': earlier }), { is: 'whole' });
    assert.deepEqual(due({ 'If-None-Match': '"x"', 'If-Modified-Since': own }), { is: 'whole' });
    for (const odd of ['1994-11-06', 'yesterday', '', '784111777', 'Sun, 06 Nov 1994 08:49:37 +0000'])
      assert.deepEqual(due({ 'If-Modified-Since': odd }), { is: 'whole' }, odd);
  });

  it('gets 412 where it is not what the visitor believes', () => {
    assert.deepEqual(due({ 'If-Match': '"x"' }), { is: 'changed' });
    assert.deepEqual(due({ 'If-Match': 'W/"abc-1"' }), { is: 'changed' });
    assert.deepEqual(due({ 'If-Match': '"abc-1"', 'If-Unmodified-Since': earlier }), { is: 'whole' });
    assert.deepEqual(due({ 'If-Unmodified-Since': earlier }), { is: 'changed' });
    assert.deepEqual(due({ 'If-Match': '"abc-1"', 'If-None-Match': '"abc-1"' }), { is: 'unchanged' });
  });
});

describe('a range (RFC 9110, 14)', () => {
  it('is a part from here to there, from here on, or the last bytes', () => {
    assert.deepEqual(due({ Range: 'bytes=0-0' }), { is: 'part', first: 0, last: 0 });
    assert.deepEqual(due({ Range: 'bytes=10-' }), { is: 'part', first: 10, last: 999 });
    assert.deepEqual(due({ Range: 'bytes=990-2000' }), { is: 'part', first: 990, last: 999 });
    assert.deepEqual(due({ Range: 'bytes=-5' }), { is: 'part', first: 995, last: 999 });
    assert.deepEqual(due({ Range: 'bytes=-5000' }), { is: 'part', first: 0, last: 999 });
  });

  it('is 416 where nothing of the file lies in it', () => {
    for (const range of ['bytes=1000-', 'bytes=1000-2000', 'bytes=-0', 'bytes=999999999999999-'])
      assert.deepEqual(due({ Range: range }), { is: 'outside' }, range);
  });

  it('is ignored where it is malformed, of another unit, one of several, or of another method', () => {
    for (const range of [
      'bytes=',
      'bytes=-',
      'bytes=5-4',
      'bytes=a-b',
      'lines=1-2',
      'bytes=0-1,5-6',
      'bytes=0-0,-1',
      'bytes=1e2-',
      'bytes=+1-',
      `bytes=${'9'.repeat(40)}-`,
    ])
      assert.deepEqual(due({ Range: range }), { is: 'whole' }, range);
    assert.deepEqual(due({ Range: 'bytes=0-0' }, 'HEAD'), { is: 'whole' });
  });

  it('holds only for the state that If-Range names', () => {
    assert.equal(due({ Range: 'bytes=0-0', 'If-Range': '"abc-1"' }).is, 'part');
    assert.equal(due({ Range: 'bytes=0-0', 'If-Range': own }).is, 'part');
    for (const other of ['"x"', 'W/"abc-1"', earlier, later, 'soon'])
      assert.equal(due({ Range: 'bytes=0-0', 'If-Range': other }).is, 'whole', other);
    assert.equal(due({ Range: 'bytes=0-0', 'If-None-Match': '"abc-1"' }).is, 'unchanged');
  });

  it('of an empty file is never a part', () => {
    const empty = (range: string): Due => whatIsDue('GET', [fieldOf('Range', range)], { ...stored, length: 0 });
    assert.deepEqual(
      ['bytes=0-', 'bytes=-1', 'bytes=0-0'].map((range) => empty(range).is),
      ['outside', 'outside', 'outside'],
    );
  });
});

it('writes and reads the one form of dates that is still sent', () => {
  assert.equal(httpDateText(784_111_777), own);
  assert.equal(parseHttpDate(own), 784_111_777);
  assert.equal(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT'), null);
});

it('knows files by the end of their names, texts with their charset, and takes the rest for bytes', () => {
  assert.equal(mediaType('a.b.HTML'), 'text/html; charset=utf-8');
  assert.equal(mediaType('photo.jpeg'), 'image/jpeg');
  for (const name of ['README', 'a.', 'a.constructor', 'a.__proto__', 'x.exe', 'html'])
    assert.equal(mediaType(name), 'application/octet-stream', name);
});
