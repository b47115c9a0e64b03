/**
 * Every vector of the request corpora thrown at a real gateway with a real service behind it. That each vector is
 * read as it must be is held by test/conformance; here that nothing between reader and service changes the reading.
 */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { METHODS, createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { readRequests } from '../conformance/http1-conversation.ts';
import { sendRaw } from './raw.ts';
import { startPlainGateway } from './plain-gateway.ts';

type Case = Readonly<{
  name: string;
  expect: 'accept' | 'reject';
  level: 'must' | 'sanitise' | 'should' | 'policy';
  kind?: 'incomplete';
  raw_base64: string;
  requests?: readonly Readonly<{ method: string; target: string; body_len: number }>[];
}>;

const vectors = new URL('../vectors/', import.meta.url);
const own = JSON.parse(readFileSync(new URL('http1-requests.json', vectors), 'utf8')) as readonly Case[];
const folder = process.env['SALLYPORT_CORPORA'];
const foreignPath = folder === undefined ? null : join(folder, 'third-party/http1-requests.json');
const AT_ONCE = 8;

/** A message that some other case left on the connection would show up here under no mark of ours. */
type Recorded = { method: string; url: string; bytes: number };

test('every vector of the corpus: what is refused never reaches the service, what reaches it is exactly what was read', async (context) => {
  await runCorpus(context, own);
});

const skip = foreignPath === null || !existsSync(foreignPath) ? 'not run: no corpora (SALLYPORT_CORPORA names no folder)' : false;

test('every vector of the third-party corpus likewise', { skip }, async (context) => {
  await runCorpus(context, JSON.parse(readFileSync(foreignPath ?? '', 'utf8')) as readonly Case[]);
});

async function runCorpus(context: Parameters<typeof startPlainGateway>[0], cases: readonly Case[]): Promise<void> {
  const problems: string[] = [];
  const queue = [...cases];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      // One service and gateway for each hand, so that what a service saw belongs to one case.
      const recorded: Recorded[] = [];
      const port = await startRecorder(context, recorded);
      const { port: gateway } = await startPlainGateway(context, port);
      for (let each = queue.pop(); each !== undefined; each = queue.pop()) {
        recorded.length = 0;
        const problem = await runCase(each, gateway, recorded);
        if (problem !== null) problems.push(`${each.name} (${each.expect}, ${each.level}): ${problem}`);
      }
    }),
  );
  assert.deepEqual(problems.toSorted(), []);
}

/** Node's own parser is the reader on the other side: a request counts when its body has come to its end. */
async function startRecorder(context: Parameters<typeof startPlainGateway>[0], recorded: Recorded[]): Promise<number> {
  const server = createServer((request, response) => {
    let bytes = 0;
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => {
      recorded.push({ method: request.method ?? '', url: request.url ?? '', bytes });
      response.end('ok');
    });
  });
  const upgraded = (request: IncomingMessage): void =>
    void recorded.push({ method: request.method ?? '', url: request.url ?? '', bytes: 0 });
  server.on('upgrade', (request, socket) => {
    upgraded(request);
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function runCase(each: Case, port: number, recorded: readonly Recorded[]): Promise<string | null> {
  const bytes = Buffer.from(each.raw_base64, 'base64');
  const reading = readRequests([bytes]);
  // Where the corpus leaves no choice its list decides; elsewhere what came whole before the fault, as the pure reader has it.
  const whole = reading.requests.map(({ head, bodyBytes }) => ({ method: head.method, target: head.target, body_len: bodyBytes }));
  const expected = each.expect === 'accept' && reading.end !== 'refused' ? (each.requests ?? []) : whole;
  const refused = reading.end === 'refused' ? 1 : 0;
  const answer = await sendRaw(bytes, { port, silentMs: 150, answers: expected.length + refused });
  // The service of this test knows a fixed list of methods; the gateway passes on every one that is a token in capitals.
  if (expected.some(({ method }) => !METHODS.includes(method)))
    return recorded.length === 0 ? null : 'the service knows more methods than it says';
  const successes = answer.statuses.filter((status) => status >= 200 && status < 300).length;
  if (successes > expected.length) return `answered ${answer.statuses.join()}`;
  if (reading.end === 'refused' && (answer.statuses.at(-1) ?? 400) < 400) return `not refused: ${answer.statuses.join()}`;
  if (each.expect === 'accept' && reading.end !== 'refused' && answer.statuses.length === 0) return 'no answer';
  return seenOtherwise(recorded, expected);
}

/** What came before the fault may be there, in its order; nothing else. An absolute form arrives in origin form. */
function seenOtherwise(recorded: readonly Recorded[], expected: NonNullable<Case['requests']>): string | null {
  const wanted = expected.map(({ method, target, body_len: bytes }) => ({ method, url: originForm(target), bytes }));
  return JSON.stringify(recorded) === JSON.stringify(wanted)
    ? null
    : `the service saw ${JSON.stringify(recorded)}, not ${JSON.stringify(wanted)}`;
}

function originForm(target: string): string {
  const absolute = /^https?:\/\/[^/?]*(\/?[^]*)$/i.exec(target);
  if (absolute === null) return target;
  const rest = absolute[1] ?? '';
  return rest.startsWith('/') ? rest : `/${rest}`;
}
