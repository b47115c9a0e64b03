/** Asks the running processes of a home over their control sockets. */

import { z } from 'zod';
import { codes, SallyportError, type Code } from '../../core/errors.ts';
import { systemCode } from '../../core/system-error.ts';
import type { Json } from '../../contracts/store.ts';
import type { Home } from '../home.ts';
import { request } from '../node-http.ts';
import { placesOf, removeStale, type SocketPlace } from './socket-path.ts';
import type { ControlRequest, ControlVerb } from './verbs.ts';

/** A status of 10,000 services has some 4 MB. */
const answerBytesMax = 8_388_608;
/** A reload compiles everything and waits for certificates. */
const answerMs = 30_000;

export type ControlAnswer =
  | Readonly<{ pid: number; is: 'answer'; answer: Json }>
  | Readonly<{ pid: number; is: 'error'; code: Code; message: string; hint: string | null }>;

const envelope = z.union([
  z.strictObject({ answer: z.json() }),
  z.strictObject({ unknown: z.string() }),
  z.strictObject({ error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string().nullable() }) }),
]);

/**
 * Every process of the home that is alive and knows the verb answers, in the order of their numbers; none is an empty list.
 * Sockets of killed processes are removed. Never throws for what one process does: that is its `error`.
 */
export async function callControl<Verb extends ControlVerb>(
  home: Home,
  verb: Verb,
  body: ControlRequest<Verb>,
): Promise<readonly ControlAnswer[]> {
  const places = await placesOf(home);
  const answers = await Promise.all(places.map((place) => callOne(place, verb, body)));
  return answers.filter((answer) => answer !== null).toSorted((one, other) => one.pid - other.pid);
}

/** The answers of those who know the verb. Errors: `process-missing` when none runs; the first process's error when all refuse. */
export async function callControlOrFail<Verb extends ControlVerb>(
  home: Home,
  verb: Verb,
  body: ControlRequest<Verb>,
): Promise<readonly { readonly pid: number; readonly answer: Json }[]> {
  const all = await callControl(home, verb, body);
  const done = all.flatMap((one) => (one.is === 'answer' ? [{ pid: one.pid, answer: one.answer }] : []));
  if (done.length > 0) return done;
  const first = all.find((one) => one.is === 'error');
  if (first?.is === 'error') throw new SallyportError(first.code, first.message, first.hint === null ? {} : { hint: first.hint });
  throw new SallyportError('process-missing', `Nothing runs with the state directory ${home.path}.`, {
    hint: 'Start it first (sallyport 3000, sallyport up), or set SALLYPORT_HOME to where it runs.',
  });
}

async function callOne(place: SocketPlace, verb: ControlVerb, body: unknown): Promise<ControlAnswer | null> {
  const { pid } = place;
  try {
    const read = envelope.safeParse(JSON.parse(await post(place.socket, `/v1/${verb}`, JSON.stringify(body))));
    if (!read.success)
      return {
        pid,
        is: 'error',
        code: 'program-failed',
        message: `The process ${pid} answers in another language.`,
        hint: 'Restart it: it may be of another version.',
      };
    if ('unknown' in read.data) return null;
    if ('answer' in read.data) return { pid, is: 'answer', answer: read.data.answer };
    const { code, message, hint } = read.data.error;
    return { pid, is: 'error', code: isCode(code) ? code : 'program-failed', message, hint };
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ECONNREFUSED' || code === 'ENOENT') {
      await removeStale(place);
      return null;
    }
    return {
      pid,
      is: 'error',
      code: 'process-missing',
      message: `The process ${pid} does not answer.`,
      hint: 'Look whether it hangs, and end it.',
    };
  }
}

function post(socketPath: string, path: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(
      { socketPath, path, method: 'POST', agent: false, headers: { 'Content-Type': 'application/json' }, timeout: answerMs },
      (response) => {
        const pieces: Buffer[] = [];
        let length = 0;
        response.on('data', (piece: Buffer) => {
          length += piece.length;
          if (length > answerBytesMax) call.destroy(new Error('the answer is too long'));
          else pieces.push(piece);
        });
        response.on('end', () => resolve(Buffer.concat(pieces).toString('utf8')));
        response.on('error', reject);
      },
    );
    call.on('timeout', () => call.destroy(new Error('no answer')));
    call.on('error', reject);
    call.end(body);
  });
}

function isCode(code: string): code is Code {
  return Object.hasOwn(codes, code);
}
