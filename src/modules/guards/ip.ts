/** Guard `ip`: lets in who comes from the given networks. */

import { z } from 'zod';
import { defineGuard } from '../../contracts/guard.ts';
import { SallyportError } from '../../core/errors.ts';
import { contains, parseIp, parsePrefix, type Network } from '../../core/address.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Verdict } from '../../core/policy/verdict.ts';

const expected = 'addresses or networks, like [192.0.2.7, 198.51.100.0/24, "2001:db8::/32"]';

const network = z.string({ error: expected }).transform((text, context): Network => {
  // PageKite's `1.2.3` means 1.2.3.0/24; a v4-mapped address is folded by the reader.
  const found = parsePrefix(text);
  if (found !== null) return found;
  context.issues.push({ code: 'custom', message: expected, input: text });
  return z.NEVER;
});

export const ip = defineGuard({
  name: 'ip',
  stage: 'identify',
  options: z.array(network, { error: expected }).min(1, expected).max(10_000, 'at most 10,000 networks'),
  build(networks, _tools, service) {
    // The schema says so too; a guard that was built in another way must not become an open door.
    if (networks.length === 0)
      throw new SallyportError('config-malformed', 'The guard ip has no network.', { hint: `Give it ${expected}.` });
    return {
      check: (exchange) => judgeAddress(exchange, networks),
      words: words(networks, service.behindRelay),
      knows: (subject) => subject.startsWith('address:') && isIn(subject.slice('address:'.length), networks),
    };
  },
});

function judgeAddress(exchange: Exchange, networks: readonly Network[]): Verdict {
  const text = exchange.from.ip;
  if (!isIn(text, networks)) return { is: 'deny', code: 'address-denied', why: 'the address lies in none of the networks' };
  return { is: 'pass', identity: { guard: 'ip', subject: `address:${text}`, name: text, by: 'address', roles: [] } };
}

function isIn(text: string, networks: readonly Network[]): boolean {
  const address = parseIp(text);
  return address !== null && networks.some((each) => contains(each, address));
}

function words(networks: readonly Network[], behindRelay: boolean): string {
  const shown = networks.slice(0, 3).map((each) => each.text);
  const more = networks.length > shown.length ? ` and ${networks.length - shown.length} more` : '';
  return `an address in ${shown.join(', ')}${more}${behindRelay ? " (by the relay's word only)" : ''}`;
}
