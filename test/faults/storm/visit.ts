/** One request of a visitor, and its judgement: the answer is this request's own, and whole, or is seen not to be. */

import { createHash } from 'node:crypto';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request, type Agent } from 'node:https';
import type { ConnectionOptions, SecureContext } from 'node:tls';
import { visitorContext } from '../../doubles/visitor-context.ts';
import { contentOf, Expectation, receiptOf } from './content.ts';
import type { Outcome, Work } from './tally.ts';

/** Where visitors come to. */
export type Door = Readonly<{
  url: URL;
  ca: string;
  /** Of that authority, made once: each connection would make its own. */
  secureContext: SecureContext;
  patienceMs: number;
}>;

export function doorTo(url: string, ca: string, patienceMs: number): Door {
  return { url: new URL(url), ca, secureContext: visitorContext(ca), patienceMs };
}

export type WebWork = Exclude<Work, 'websocket' | 'connect' | 'tcp' | 'udp'>;

export type Visit = Readonly<{
  work: WebWork;
  /** Of this request alone. */
  id: string;
  /** Of the body that is sent, or asked for. */
  bytes: number;
  /** A kept connection, or false for a fresh one. */
  agent: Agent | false;
  /** The visitor's own address. */
  from: string | undefined;
  signal?: AbortSignal;
}>;

/** What a gateway or a relay in trouble may say. */
const honestRefusals = new Set([408, 502, 503, 504]);

function pathOf({ work, id, bytes }: Pick<Visit, 'work' | 'id' | 'bytes'>): string {
  return work === 'nonce' ? `/nonce/${id}` : `/${work}/${bytes}/${id}`;
}

/** OpenSSL says more than the code does: which alert it was. */
export function codeOf(error: NodeJS.ErrnoException): string {
  return /:SSL routines:[^:]*:([^:]+):/.exec(error.message)?.[1] ?? error.code ?? error.message;
}

/** Never rejects, and always ends: who hears nothing for `patienceMs` leaves. */
export function visit(door: Door, asked: Visit): Promise<Outcome> {
  const path = pathOf(asked);
  const sends = asked.work === 'post' || asked.work === 'upload';
  const body = sends ? contentOf(path, asked.bytes) : Buffer.alloc(0);
  const expected = sends || asked.work === 'nonce' ? Expectation.ofText(receipt(path, body)) : Expectation.ofContent(path, asked.bytes);
  return new Promise((resolve) => {
    let outcome: Outcome | null = null;
    let begun = false;
    // Its types do not know that it passes this on.
    const secured: ConnectionOptions = { secureContext: door.secureContext };
    const call = request({
      ...secured,
      agent: asked.agent,
      host: '127.0.0.1',
      port: Number(door.url.port),
      servername: door.url.hostname,
      path,
      method: sends ? 'POST' : 'GET',
      headers: { Host: door.url.host },
      timeout: door.patienceMs,
      ...(asked.from === undefined ? {} : { localAddress: asked.from }),
      ...(asked.signal === undefined ? {} : { signal: asked.signal }),
    });
    const settle = (found: Outcome): void => {
      outcome ??= found;
    };
    call.on('timeout', () => call.destroy(Object.assign(new Error('silent'), { code: 'silent' })));
    call.on('error', (error: NodeJS.ErrnoException) => {
      const code = codeOf(error);
      settle(begun ? { is: 'broken', code } : { is: 'refused', code });
    });
    const done = (): void => resolve(outcome ?? { is: begun ? 'broken' : 'refused', code: 'closed' });
    let answered = false;
    call.on('response', (response) => {
      answered = true;
      begun = response.statusCode === 200;
      read(response, path, expected, settle);
      response.on('close', done);
    });
    // Node says this before the answer's own end, where there is one.
    call.on('close', () => (answered ? undefined : done()));
    sendBody(call, body, asked.work === 'upload');
  });
}

function receipt(path: string, body: Buffer): string {
  return receiptOf(path, { bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') });
}

/** An upload goes in chunks, without a length; what the system does not take yet is kept by Node. */
function sendBody(call: ClientRequest, body: Buffer, inChunks: boolean): void {
  if (!inChunks) return void call.end(body);
  for (let at = 0; at < body.length; at += 65_536) call.write(body.subarray(at, at + 65_536));
  call.end();
}

function read(response: IncomingMessage, path: string, expected: Expectation, settle: (found: Outcome) => void): void {
  const status = response.statusCode ?? 0;
  response.on('error', () => undefined);
  if (status !== 200) {
    response.resume();
    return settle(
      honestRefusals.has(status) ? { is: 'refused', code: String(status) } : { is: 'wrong', why: `a good request was answered ${status}` },
    );
  }
  const nonce = String(response.headers['x-nonce']);
  if (nonce !== path) settle({ is: 'wrong', why: `answered with the nonce of ${nonce}` });
  response.on('data', (chunk: Buffer) => {
    const why = expected.take(chunk);
    if (why === null) return;
    settle({ is: 'wrong', why });
    response.destroy();
  });
  response.on('close', () => {
    if (!response.complete) return settle({ is: 'broken', code: 'cut in its body' });
    const why = expected.whole();
    settle(why === null ? { is: 'whole', by: String(response.headers['x-service']) } : { is: 'wrong', why });
  });
}
