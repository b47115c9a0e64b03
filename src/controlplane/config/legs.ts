/** The ways on of a service: its routes in the operator's order, and at last what lies behind the service itself. */

import type { BuiltUpstream, Forwarding, Open, Opened } from '../../contracts/upstream.ts';
import { SallyportError } from '../../core/errors.ts';
import { fieldOf } from '../../core/http/fields.ts';
import type { Reply } from '../../core/http/reply.ts';
import { makeRewriter, type Rewriter } from '../../core/http/rewrite.ts';
import type { Rewriting } from '../../core/http/rewriting.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { always, type Match } from '../../core/policy/match.ts';
import type { Behind, ServicePlan } from './plan.ts';
import type { RoutePlan, WebPlan } from './web-plan.ts';

export type Leg = Readonly<{ match: Match; open: Open; forwarding: Forwarding; words: string; close: () => Promise<void> }> &
  Pick<BuiltUpstream, 'ruling'>;

/** How the compiler makes what lies behind a plan. `place` is the service, or a route of it. */
export type LegMaker = (plan: ServicePlan, place: string) => Readonly<{ upstream: BuiltUpstream; forwarding: Forwarding }>;

/** The last leg is the service's own, and matches always. */
export function buildLegs(plan: ServicePlan, web: WebPlan<Behind>, make: LegMaker): readonly Leg[] {
  const own: RoutePlan<Behind> = { match: always, behind: plan.behind, rewrite: null };
  return [...web.routes, own].map((route, index) => {
    const place = route === own ? plan.name : `${plan.name}/routes/${index + 1}`;
    const made = make({ ...plan, behind: route.behind }, place);
    return buildLeg({ ...plan, behind: route.behind }, { ...route, rewrite: route.rewrite ?? web.rewrite }, made);
  });
}

function buildLeg(plan: ServicePlan, { match, rewrite }: RoutePlan<Behind>, { upstream, forwarding }: ReturnType<LegMaker>): Leg {
  const { words, close } = upstream;
  const ruling = upstream.ruling === undefined ? {} : { ruling: upstream.ruling };
  const speaks = plan.behind.is !== 'tls' && plan.behind.is !== 'tcp' && 'host' in plan.behind;
  const changesPlace = forwarding.host !== null || (rewrite?.path ?? null) !== null;
  const outside = speaks && (rewrite?.outside ?? changesPlace);
  if (rewrite === null && !outside) return { match, open: upstream.open, forwarding, words, close, ...ruling };
  const rewriter = makeRewriter(rewrite ?? untouched, outside ? insideOf(plan, forwarding) : null);
  // What a proxy answers itself is ours, and where it leads is no path that was rewritten.
  if (plan.behind.is === 'egress')
    return { match, open: upstream.open, forwarding: { ...forwarding, rewrite: rewriter }, words, close, ...ruling };
  return { match, open: rewritten(upstream.open, rewriter), forwarding: { ...forwarding, rewrite: rewriter }, words, close };
}

const nothing = { set: [], add: [], remove: [] } as const;
const untouched: Rewriting = {
  request: nothing,
  response: nothing,
  path: null,
  query: { set: [], remove: [] },
  outside: true,
  cookies: { domain: 'cut', sameSite: null },
};

/** What a service may call itself: the address of each backend, and the name that Host says to it. */
function insideOf({ behind }: ServicePlan, forwarding: Forwarding): readonly string[] {
  if (!('host' in behind)) return [];
  const all = 'members' in behind && behind.members !== undefined ? behind.members.map((member) => member.behind) : [behind];
  return [...new Set(all.flatMap((each) => insideOfOne(each, forwarding)))];
}

function insideOfOne(behind: Readonly<{ host: string; port: number }>, { host }: Forwarding): readonly string[] {
  const here = behind.host === 'localhost' || behind.host.endsWith('.localhost') ? ['127.0.0.1', '::1'] : [];
  const hosts = [behind.host, ...here].map((each) => (each.includes(':') ? `[${each}]` : each));
  const named = host === null ? [] : /:\d+$/.test(host) ? [host] : [`${host}:${behind.port}`, `${host}:80`, `${host}:443`];
  return [...hosts.map((each) => `${each}:${behind.port}`), ...named];
}

/** Refuses before anything is dialled what cannot be rewritten without doubt; a folder sees the path that a service would. */
function rewritten(open: Open, rewriter: Rewriter): Open {
  return (exchange, caller, fresh) => {
    const { http } = exchange;
    const target = http === null ? null : rewriter.target(http);
    if (http === null || target === null)
      throw new SallyportError('request-ambiguous', 'The path cannot be rewritten, for it can be read in several ways.');
    const opened = open({ ...exchange, http: { ...http, target } }, caller, fresh);
    return opened instanceof Promise ? opened.then((found) => ours(found, exchange, rewriter)) : ours(opened, exchange, rewriter);
  };
}

/** An answer that no protocol will rewrite: it is complete already. */
function ours(opened: Opened, exchange: Exchange, rewriter: Rewriter): Opened {
  return opened.is === 'reply' ? { ...opened, reply: rewrittenReply(opened.reply, exchange, rewriter) } : opened;
}

function rewrittenReply(reply: Reply, { http, listener }: Exchange, rewriter: Rewriter): Reply {
  if (http === null) return reply;
  const fields = reply.fields.map(([name, value]) => fieldOf(name, value));
  const rest = { status: reply.status, reason: '', minor: 1, framing: { is: 'none' }, persistent: true, upgrade: null } as const;
  const head = rewriter.response({ ...rest, fields }, http, listener.scheme === 'http' ? 'http' : 'https');
  return { ...reply, fields: head.fields.map(({ name, value }) => [name, value] as const) };
}
