/** The check of a credential by itself, without a socket: what the wire's noise hides. */

import { judge } from '../src/core/policy/judge.ts';
import type { Exchange } from '../src/core/policy/exchange.ts';
import type { Check } from '../src/core/policy/verdict.ts';
import { guards } from '../src/registry.ts';
import { basicOf, exchangeOf, noBody } from '../test/doubles/exchange.ts';
import { audience, issuerUrl, testIssuer } from '../test/doubles/issuer.ts';
import { goodPassword, testTools } from '../test/doubles/tools.ts';

export type Alone = Readonly<{ credential: string; micros: number; moreMicros: number }>;

const warmUp = 50_000;
const repeats = 200_000;
const rounds = 5;
/** As many as a busy gateway has: each remembers what it was shown last. */
const connections = 32;

/** CPU of `judge` for one request, microseconds; of some rounds the quietest. Takes some seconds. */
export async function measureAlone(): Promise<readonly Alone[]> {
  const tools = await testTools(['bench']);
  const issuer = testIssuer(tools);
  const { secret } = await tools.people.keys.create({ name: 'bench' });
  const built = (name: string, options: unknown): Check => {
    const guard = guards.get(name);
    if (guard === undefined) throw new Error(`there is no guard ${name}`);
    return guard.build(guard.options.parse(options), tools, { name: 'bench', hosts: [], behindRelay: false }).check;
  };
  const cases: readonly (readonly [string, Check, string, string])[] = [
    ['public', built('public', {}), 'Accept', '*/*'],
    ['password', built('password', {}), 'Authorization', basicOf('bench', goodPassword)],
    ['key', built('key', {}), 'X-API-Key', secret],
    ['bearer', built('bearer', { issuer: issuerUrl, audience }), 'Authorization', `Bearer ${await issuer.token()}`],
  ];
  const found = new Map<string, number>();
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, check, field, value] of cases) {
      const micros = await measured(check, field, value);
      found.set(name, Math.min(found.get(name) ?? Number.POSITIVE_INFINITY, micros));
    }
  }
  const open = found.get('public') ?? 0;
  return Array.from(found, ([credential, micros]) => ({ credential, micros, moreMicros: micros - open }));
}

async function measured(check: Check, field: string, value: string): Promise<number> {
  const route = { name: 'bench', service: null, identify: { is: 'check', check }, authorize: [], meter: [] } as const;
  const exchanges: readonly Exchange[] = Array.from({ length: connections }, (_, at) =>
    exchangeOf({ from: `192.0.2.${at}`, fields: [[field, value]] }),
  );
  // Proved once for real, and remembered from then on.
  for (const exchange of exchanges) {
    const outcome = await judge(exchange, route, noBody);
    if (outcome.is !== 'admit') throw new Error(`the credential was refused: ${outcome.why}`);
  }
  const ask = (count: number): void => {
    for (let at = 0; at < count; at += 1) {
      const exchange = exchanges[at % connections];
      if (exchange !== undefined && judge(exchange, route, noBody) instanceof Promise)
        throw new Error('a check that was made before is not synchronous');
    }
  };
  ask(warmUp);
  const before = process.cpuUsage();
  ask(repeats);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / repeats;
}
