/** What services answer, at every split of the bytes: an evil one is cut off, and nobody gets another's answer. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { Fault } from '../../src/core/errors.ts';
import { BodyReader } from '../../src/core/http/body-reader.ts';
import type { ResponseHead } from '../../src/core/http/head.ts';
import { ResponseReader } from '../../src/core/http/response-reader.ts';
import { defaults } from '../../src/core/limits.ts';
import { everySplit, nativeLatin1 } from './http1-conversation.ts';

type Vector = Readonly<{
  name: string;
  category: string;
  method: string;
  raw: string;
  expect: 'accept' | 'refuse';
  why?: string;
  status?: number;
  framing?: string;
  body?: string;
  persistent?: boolean;
  upgrade?: 'websocket';
  interims?: readonly number[];
}>;
type Answer = Readonly<{ heads: readonly ResponseHead[]; body: string; fault: Fault | null }>;

const vectors = JSON.parse(readFileSync(new URL('../vectors/http1-responses.json', import.meta.url), 'utf8')) as readonly Vector[];

/** Reads one answer as the data plane does; what follows it goes to the same reader, which nobody asked. */
function readAnswer(method: string, pieces: readonly Uint8Array[]): Answer {
  const reader = new ResponseReader({ limits: defaults, latin1: nativeLatin1 });
  const heads: ResponseHead[] = [];
  let body: BodyReader | null = null;
  let text = '';
  reader.expect(method);
  for (const piece of pieces) {
    let at = 0;
    while (at < piece.length) {
      if (body === null || body.done) {
        const step = reader.push(piece, at);
        if (step.is === 'refused') return { heads, body: text, fault: step.fault };
        if (step.is === 'more') break;
        heads.push(step.head);
        at = step.next;
        if (step.head.status >= 200) body = new BodyReader(step.head.framing, defaults, nativeLatin1);
      } else {
        const next = body.push(piece, at, (start, end) => (text += nativeLatin1(piece, start, end)));
        if (typeof next !== 'number') return { heads, body: text, fault: next };
        at = next;
      }
    }
  }
  return { heads, body: text, fault: body === null ? reader.end() : body.end() };
}

describe('response side: answers of http1-responses.json', () => {
  for (const vector of vectors) {
    test(`${vector.category}: ${vector.name} is ${vector.expect === 'accept' ? 'accepted' : 'refused'}`, () => {
      const bytes = Buffer.from(vector.raw, 'latin1');
      const answer = readAnswer(vector.method, [bytes]);
      if (vector.expect === 'refuse') {
        assert.ok(answer.fault?.code === 'response-malformed' || answer.fault?.code === 'body-malformed', JSON.stringify(answer));
        assert.ok(answer.fault.why.includes(vector.why ?? ''), answer.fault.why);
      } else {
        const head = answer.heads.at(-1);
        assert.equal(answer.fault, vector.upgrade === undefined ? null : answer.fault);
        assert.equal(head?.status, vector.status);
        assert.equal(head?.framing.is, vector.framing);
        assert.equal(head?.upgrade, vector.upgrade ?? null);
        if (vector.body !== undefined) assert.equal(answer.body, vector.body);
        if (vector.persistent !== undefined) assert.equal(head?.persistent, vector.persistent);
        assert.deepEqual(
          answer.heads.slice(0, -1).map(({ status }) => status),
          vector.interims ?? [],
        );
      }
      // Long ones whole and one by one: the rest of their splits are more of the same.
      const splits = bytes.length < 2000 ? everySplit(bytes) : [Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))];
      for (const pieces of splits) assert.deepEqual(readAnswer(vector.method, pieces), answer);
    });
  }
});
