/** `firewall:` of a service: which of its packs refuse, and which only watch. */

import { z } from 'zod';
import type { AnswerWall, Forwarding } from '../../contracts/upstream.ts';
import { responseBreach } from '../../core/policy/firewall-responses.ts';
import { oneOf } from './pieces.ts';
import type { FirewallPacks, ServicePlan } from './plan.ts';

const expected = 'one of on, off, auto, watch, or packs like { paths: on, protocol: on, responses: watch }';

export function firewallKey() {
  const packs = z.strictObject(
    {
      paths: oneOf(['on', 'off', 'auto', 'watch'])
        .optional()
        .describe('Paths that only break-in scanners ask for, and TRACE. auto: off where other access control is in force.'),
      protocol: oneOf(['on', 'off', 'watch']).prefault('off').describe('Requests that two readers would take for two things.'),
      responses: oneOf(['on', 'off', 'watch'])
        .prefault('off')
        .describe(
          'Answers whose heads are made for careless readers: ways on to scripts and files, file names with folders, floods of cookies.',
        ),
    },
    { error: expected },
  );
  return z
    .union([oneOf(['on', 'off', 'auto', 'watch']), packs], { error: expected })
    .optional()
    .describe(
      'on refuses what only break-in scanners ask for, and TRACE; auto: off where other access control is in force; watch: the records alone say what would be refused. A map says it for each pack. Beside a proxy on, off or watch mean the packs protocol and responses.',
    );
}

type Written = z.output<ReturnType<typeof firewallKey>>;

/** Nobody's paths are ours where a proxy leads, and nothing of it is looked at unless that is said. */
export function settleFirewall(written: Written, kind: string): Pick<ServicePlan, 'firewall' | 'packs'> {
  const isProxy = kind === 'egress';
  if (typeof written === 'object') return { firewall: isProxy ? 'off' : (written.paths ?? 'on'), ...packsOf(written) };
  if (!isProxy) return { firewall: written ?? 'on' };
  const mode = written === 'on' || written === 'watch' ? written : 'off';
  return { firewall: 'off', ...packsOf({ protocol: mode, responses: mode }) };
}

function packsOf({ protocol, responses }: FirewallPacks): Pick<ServicePlan, 'packs'> {
  return protocol === 'off' && responses === 'off' ? {} : { packs: { protocol, responses } };
}

/** What is said where it could mean nothing; null when all is well. */
export function firewallProblem(written: Written, kind: string): string | null {
  if (kind === 'egress') {
    const about = typeof written === 'object' ? written.paths !== undefined : written === 'auto';
    return about ? 'found paths beside a proxy, expected protocol and responses: on, off or watch' : null;
  }
  const isHttp = kind !== 'tls' && kind !== 'tcp' && kind !== 'port';
  return !isHttp && typeof written === 'object' ? `found packs beside ${kind}://, expected them beside http or a proxy` : null;
}

/** What looks at answers; nothing where no pack does. */
export function wallOf({ packs, behind }: Pick<ServicePlan, 'packs' | 'behind'>): Pick<Forwarding, 'wall'> {
  const mode = packs?.responses ?? 'off';
  if (mode === 'off') return {};
  const isForeign = behind.is === 'egress';
  const wall: AnswerWall = (head) => {
    const breach = responseBreach(head, isForeign);
    if (breach === null) return null;
    const words = `the firewall (responses: ${breach.rule}) refuses ${breach.what}`;
    return mode === 'on' ? { why: words, refused: true } : { why: `would be refused: ${words}`, refused: false };
  };
  return { wall };
}
