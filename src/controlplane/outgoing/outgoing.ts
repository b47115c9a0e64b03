/** What modules may ask of others: a few requests at once, each over HTTPS and within its bounds. */

import { Agent } from 'node:https';
import type { Outgoing, OutgoingAnswer } from '../../contracts/outgoing.ts';
import type { Closable } from '../../contracts/stream.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { askHttps, httpsUrl } from './https.ts';
import { createVerifiers } from './verifier.ts';

/** More than are answered at once are refused and not kept waiting: a stranger may be the cause of each. */
export function createOutgoing(limits: Limits): Outgoing & Closable {
  const stop = new AbortController();
  const agent = new Agent({ keepAlive: true, maxSockets: 8, timeout: limits.outgoingMs });
  const verifiers = createVerifiers(limits);
  let running = 0;
  return {
    verify: verifiers.verify,
    ask: async ({ method, url: text, fields, body, ca }): Promise<OutgoingAnswer> => {
      const url = httpsUrl(text);
      if (url === null) throw unreachable('An issuer', 'its address is no https URL');
      if (running >= limits.outgoingAtOnceMax) throw unreachable(url.host, 'too much is asked at this moment');
      running += 1;
      const rules = { agent, ca, signal: stop.signal, timeoutMs: limits.outgoingMs, bytesMax: limits.outgoingBytesMax };
      const found = await askHttps({ method, url, headers: fields, body }, rules).finally(() => (running -= 1));
      if (found.is === 'unreachable') throw unreachable(url.host, found.why, found.cause);
      if (found.is === 'long') throw unreachable(url.host, `it sends more than ${limits.outgoingBytesMax} bytes`);
      const { status, headers } = found;
      const sent = Object.entries(headers).map(([name, value]): readonly [string, string] => [
        name,
        Array.isArray(value) ? value.join(', ') : (value ?? ''),
      ]);
      const named: Readonly<Record<string, string>> = Object.fromEntries(sent);
      return { status, fields: named, body: found.body };
    },
    close: async () => {
      stop.abort();
      agent.destroy();
      await verifiers.close();
    },
  };
}

function unreachable(who: string, why: string, cause?: unknown): SallyportError {
  return new SallyportError('issuer-unreachable', `${who} cannot be asked: ${why}.`, cause === undefined ? {} : { cause });
}
