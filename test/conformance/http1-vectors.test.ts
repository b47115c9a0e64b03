/** Every HTTP/1.1 vector, at every split of its bytes, with its verdict. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { everySplit, type Reading, readRequests } from './http1-conversation.ts';

type Vector = Readonly<{
  name: string;
  category: string;
  raw_base64: string;
  expect: 'accept' | 'reject';
  level: 'must' | 'sanitise' | 'should' | 'policy';
  kind?: 'incomplete';
  reason: string;
  requests?: readonly Readonly<{ method: string; target: string; body_len: number }>[];
  requests_before_reject?: number;
}>;
type Choice = Readonly<{ is: 'accepted' | 'refused'; code?: string; why: string }>;

const vectors = load('../vectors/http1-requests.json') as readonly Vector[];
const choices = new Map(Object.entries(load('../vectors/http1-choices.json') as Readonly<Record<string, Choice>>));

function load(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
}

/** What must come out: `incomplete` cases may be refused early as well, never accepted. */
function wanted(vector: Vector, choice: Choice | undefined): readonly string[] {
  if (choice !== undefined) return [choice.is];
  if (vector.kind === 'incomplete') return ['incomplete', 'refused'];
  return [vector.expect === 'accept' ? 'accepted' : 'refused'];
}

function verdict(reading: Reading): string {
  return reading.end === 'clean' || reading.end === 'last' ? 'accepted' : reading.end;
}

/** Absolute targets come out in origin form: that is how they are forwarded. */
function originForm(target: string): string {
  const cut = target.replace(/^https?:\/\/[^/?]*/i, '');
  return cut === target || cut.startsWith('/') ? cut : `/${cut}`;
}

function summary(reading: Reading): unknown {
  const requests = reading.requests.map(({ head, bodyBytes }) => ({ method: head.method, target: head.target, body_len: bodyBytes }));
  return { verdict: verdict(reading), code: reading.fault?.code, why: reading.fault?.why, requests };
}

function check(vector: Vector, choice: Choice | undefined, forwardProxy = false): Reading {
  const bytes = Buffer.from(vector.raw_base64, 'base64');
  const whole = readRequests([bytes], { forwardProxy });
  const told = JSON.stringify(summary(whole));
  assert.ok(wanted(vector, choice).includes(verdict(whole)), `${vector.expect} (${vector.level}, ${vector.reason}), got ${told}`);
  if (verdict(whole) === 'accepted' && choice?.is !== 'accepted') {
    const requests = (vector.requests ?? []).map((request) => ({ ...request, target: originForm(request.target) }));
    assert.deepEqual((summary(whole) as { requests: unknown }).requests, requests);
  }
  // A refusal comes after no more requests than the strict reading has before it.
  if (verdict(whole) === 'refused') assert.ok(whole.requests.length <= (vector.requests_before_reject ?? Number.POSITIVE_INFINITY), told);
  for (const pieces of everySplit(bytes))
    assert.deepEqual(readRequests(pieces, { forwardProxy }), whole, `cut into ${pieces[0]?.length} and the rest`);
  return whole;
}

describe('requests of http1-requests.json', () => {
  for (const vector of vectors) {
    const choice = choices.get(vector.name);
    const outcome = choice?.is ?? (vector.expect === 'accept' ? 'accepted' : 'refused');
    test(`${vector.category}: ${vector.name} is ${outcome} (${vector.level}: ${choice?.why ?? vector.reason})`, () => {
      const reading = check(vector, choice);
      if (choice?.code !== undefined) assert.equal(reading.fault?.code, choice.code);
    });
  }

  test('every choice is about a vector, and every vector that leaves a choice has one written down', () => {
    const names = new Set(vectors.map(({ name }) => name));
    assert.deepEqual(
      [...choices.keys()].filter((name) => !names.has(name)),
      [],
    );
    assert.deepEqual(
      vectors.filter(({ name, level }) => level === 'policy' && !choices.has(name)).map(({ name }) => name),
      [],
    );
    for (const { name, level, expect } of vectors) {
      const is = choices.get(name)?.is;
      if (level === 'must' && is !== undefined) assert.equal(is, expect === 'accept' ? 'accepted' : 'refused', `${name} is a MUST`);
    }
  });

  test('a forward proxy takes CONNECT in authority form, and no other spelling of it', () => {
    for (const vector of vectors) {
      if (!vector.name.startsWith('connect-')) continue;
      check(vector, vector.name === 'connect-authority' ? { is: 'accepted', why: '' } : undefined, true);
    }
  });
});

describe('requests of others', () => {
  const folder = process.env['SALLYPORT_CORPORA'];
  const file = folder === undefined ? undefined : join(folder, 'third-party', 'http1-requests.json');
  if (file === undefined || !existsSync(file)) {
    test('not run: no corpora', { skip: 'not run: no corpora (SALLYPORT_CORPORA names no folder that holds them)' }, () => undefined);
    return;
  }
  /** Refused though accepting would do, by the fault's code: the reasons stand in http1-choices.json under the cases of our own. */
  const ownChoices: ReadonlySet<string> = new Set(
    [...choices.values()].flatMap(({ is, code }) => (is === 'refused' && code !== undefined ? [code] : [])),
  );
  for (const vector of JSON.parse(readFileSync(file, 'utf8')) as readonly Vector[]) {
    test(`${vector.name}: ${vector.expect} (${vector.level})`, () => {
      const reading = readRequests([Buffer.from(vector.raw_base64, 'base64')]);
      const refusedByChoice = vector.expect === 'accept' && reading.end === 'refused' && ownChoices.has(reading.fault?.code ?? '');
      // An absolute target that contradicts Host is refused by a gateway; a forward proxy goes where the target says.
      const contradicts = reading.fault?.code === 'host-mismatched';
      if (refusedByChoice && (vector.level === 'policy' || contradicts)) check(vector, { is: 'refused', why: reading.fault?.why ?? '' });
      else check(vector, undefined);
      if (contradicts) check(vector, undefined, true);
    });
  }
});
