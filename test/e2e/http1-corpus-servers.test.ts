/**
 * The corpus of requests thrown at a gateway with nginx, Caddy and Python's http.server behind it (Node: http1-corpus.test.ts).
 * For every case: refused by us, refused by the server, or seen by it as exactly one request, which is the one that we read.
 */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readRequests, type ReadRequest } from '../conformance/http1-conversation.ts';
import { startServers, type Noted, type Noting, type ServerKind } from './corpus-servers.ts';
import { freePort } from './free-port.ts';
import { startPlainGateway } from './plain-gateway.ts';
import { sendRaw } from './raw.ts';
import { lacks } from './real-servers.ts';

type Case = Readonly<{ name: string; raw_base64: string }>;

const read = (path: URL | string): readonly Case[] => JSON.parse(readFileSync(path, 'utf8')) as readonly Case[];
const folder = process.env['SALLYPORT_CORPORA'];
const foreign = folder === undefined ? null : join(folder, 'third-party/http1-requests.json');
const cases = [
  ...read(new URL('../vectors/http1-requests.json', import.meta.url)),
  ...(foreign !== null && existsSync(foreign) ? read(foreign) : []),
];
const HANDS = 8;

/** Each hand has a gateway, and a port behind it at which one kind of server after the other stands. */
type Hand = Readonly<{ gateway: number; behind: number }>;
let hands: readonly Hand[];
const ends: (() => Promise<void>)[] = [];

before(async () => {
  const ports = await Promise.all(Array.from({ length: HANDS }, () => freePort()));
  const context = { after: (end: () => Promise<void>) => void ends.push(end) };
  hands = await Promise.all(ports.map(async (behind) => ({ behind, gateway: (await startPlainGateway(context, behind)).port })));
});
after(async () => {
  await Promise.all(ends.map((end) => end()));
});

for (const kind of ['nginx', 'caddy', 'python3'] as const) {
  test(
    `request smuggling: every vector of the corpus before ${kind} is refused, or is one request with one reading`,
    { skip: lacks(kind) },
    async (context) => {
      const servers = await startServers(
        context,
        kind,
        hands.map(({ behind }) => behind),
      );
      const queue = [...cases];
      const problems: string[] = [];
      let [passed, refused] = [0, 0];
      await Promise.all(
        servers.map(async (server, hand) => {
          const port = hands[hand]?.gateway ?? 0;
          for (let each = queue.pop(); each !== undefined; each = queue.pop()) {
            const found = await runCase(each, port, server, kind);
            if (typeof found === 'string') problems.push(`${each.name}: ${found}`);
            else [passed, refused] = [passed + found.seen, refused + found.refused];
          }
        }),
      );
      assert.deepEqual(problems.toSorted(), []);
      context.diagnostic(`${cases.length} cases; ${passed} requests seen as we read them, ${refused} that we read refused by ${kind}`);
      assert.ok(passed >= 50, `only ${passed} requests were seen at all`);
    },
  );
}

/** What was wrong, or how many were seen, and how many of those that we read the server did not take. */
async function runCase(
  { raw_base64 }: Case,
  port: number,
  server: Noting,
  kind: ServerKind,
): Promise<string | Readonly<{ seen: number; refused: number }>> {
  await server.settled();
  server.noted.length = 0;
  const bytes = Buffer.from(raw_base64, 'base64');
  const { requests, end } = readRequests([bytes]);
  const answer = await sendRaw(bytes, { port, silentMs: 100, answers: requests.length + (end === 'refused' ? 1 : 0) });
  await server.settled();
  const successes = answer.statuses.filter((status) => status >= 200 && status < 300).length;
  if (successes > requests.length) return `answered ${answer.statuses.join()} to ${requests.length} requests`;
  const seen = [...server.noted];
  let at = 0;
  for (const each of requests) if (at < seen.length && isSame(seen[at], each, kind)) at += 1;
  if (at < seen.length)
    return `${kind} saw ${JSON.stringify(seen)}, and we ${JSON.stringify(requests.map(({ head, bodyBytes }) => [head.method, head.target, bodyBytes]))}`;
  return { seen: seen.length, refused: requests.length - seen.length };
}

function isSame(noted: Noted | undefined, { head, bodyBytes }: ReadRequest, kind: ServerKind): boolean {
  if (noted === undefined || noted.method !== head.method) return false;
  // http.server knows no chunks, and reads none of them.
  const bytes = kind === 'python3' && head.framing.is === 'chunked' ? 0 : bodyBytes;
  return noted.bytes === bytes && noted.url === originForm(head.target);
}

function originForm(target: string): string {
  const absolute = /^https?:\/\/[^/?]*(\/?[^]*)$/i.exec(target);
  if (absolute === null) return target;
  const rest = absolute[1] ?? '';
  return rest.startsWith('/') ? rest : `/${rest}`;
}
