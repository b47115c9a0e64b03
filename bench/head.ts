/** How long a head takes: reading a request of ten fields, writing it for the service, and the same for an answer. `node bench/head.ts` */

import { responseHeadText, requestHeadText, VisitorLines, type RequestPlan, type ResponsePlan } from '../src/core/http/forward.ts';
import type { RequestHead, ResponseHead } from '../src/core/http/head.ts';
import { RequestReader } from '../src/core/http/request-reader.ts';
import { ResponseReader } from '../src/core/http/response-reader.ts';
import { defaults } from '../src/core/limits.ts';

const requestBytes = Buffer.from(
  'GET /blog/2026/hello-world?utm=1 HTTP/1.1\r\nHost: blog.example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n' +
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n' +
    'Connection: keep-alive\r\nReferer: https://blog.example.org/\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nPriority: u=0, i\r\n\r\n',
);
const responseBytes = Buffer.from(
  'HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Tue, 01 Sep 2026 12:00:00 GMT\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 71\r\n' +
    'Last-Modified: Mon, 31 Aug 2026 12:00:00 GMT\r\nConnection: keep-alive\r\nETag: "66d2f0a1-47"\r\nAccept-Ranges: bytes\r\n\r\n',
);

const latin1 = (bytes: Uint8Array, start: number, end: number): string => (bytes as Buffer).toString('latin1', start, end);
const requestReader = new RequestReader({ limits: defaults, latin1 });
const responseReader = new ResponseReader({ limits: defaults, latin1 });

function readRequest(): RequestHead {
  const step = requestReader.push(requestBytes, 0);
  if (step.is !== 'head') throw new Error(JSON.stringify(step));
  return step.head;
}

function readResponse(): ResponseHead {
  responseReader.expect('GET');
  const step = responseReader.push(responseBytes, 0);
  if (step.is !== 'head') throw new Error(JSON.stringify(step));
  return step.head;
}

const requestHead = readRequest();
const responseHead = readResponse();
const requestPlan: RequestPlan = {
  visitor: new VisitorLines({ from: '192.0.2.7', scheme: 'https', port: 443 }),
  forwarding: { host: null, hostless: '127.0.0.1:3000', spent: ['sallyport-authorization'], forwarded: true },
  connection: 'keep-alive',
  framing: requestHead.framing,
  expectContinue: true,
};
const responsePlan: ResponsePlan = {
  minor: 1,
  connection: 'keep-alive',
  framing: responseHead.framing,
  date: 'Tue, 01 Sep 2026 12:00:00 GMT',
};

/** The best of some rounds: what the machine's other work did not disturb. */
function nanosecondsOf(work: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 12; round += 1) {
    const start = process.hrtime.bigint();
    for (let turn = 0; turn < 50_000; turn += 1) work();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / 50_000);
  }
  return best;
}

const works: readonly (readonly [string, () => unknown])[] = [
  [`read a request head of ${requestHead.fields.length} fields, ${requestBytes.length} bytes`, readRequest],
  ['write it for the service', () => Buffer.from(requestHeadText(requestHead, requestPlan), 'latin1')],
  [`read a response head of ${responseHead.fields.length} fields, ${responseBytes.length} bytes`, readResponse],
  ['write it for the visitor', () => Buffer.from(responseHeadText(responseHead, responsePlan), 'latin1')],
];
for (const [name, work] of works) process.stdout.write(`${String(Math.round(nanosecondsOf(work))).padStart(6)} ns  ${name}\n`);
