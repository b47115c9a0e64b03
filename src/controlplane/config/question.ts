/** Answers `sallyport explain`: which rule would decide about a request, and why. */

import type { Service, Snapshot } from '../../contracts/snapshot.ts';
import { parseIp } from '../../core/address.ts';
import { SallyportError, type Code } from '../../core/errors.ts';
import { parseAuthority } from '../../core/http/host.ts';
import { canonicalPath } from '../../core/http/path.ts';
import { portName, type RelayPort } from '../../core/port-name.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { explain } from '../../core/policy/explain.ts';
import type { About, Step } from '../../core/policy/explain.ts';
import type { Check } from '../../core/policy/verdict.ts';

/** As asked: `url` absolute with http or https, `method` in capitals, `from` an address, `as` the name of a user, `key:NAME` for an API key, `certificate:NAME` for a client certificate, `email:ADDRESS`, `link:ID` or `pin:SERVICE` for who came in by those, or null. */
export type Question = Readonly<{ url: string; method: string; from: string; as: string | null }>;

export type Answer = Readonly<{
  service: string | null;
  /** `ask`: somebody with the right credential would be let in. */
  verdict: 'admit' | 'ask' | 'refuse';
  /** What the record would say; null when it is admitted. */
  code: Code | null;
  /** The words of the step that settled it; null when no service has the name. */
  rule: string | null;
  why: string;
  /** Each step on a line, indented by its depth. */
  steps: readonly string[];
}>;

export type Asked = Readonly<{
  snapshot: Snapshot;
  about: (check: Check) => About;
  /** How the visitor would come. */
  via: 'direct' | 'relay';
  /** Whether the gateway listens on loopback addresses only. */
  loopback: boolean;
  now: number;
  /** Roles that a user, `key:NAME` or `certificate:NAME` has everywhere; left out: none. */
  rolesOf?: (who: string) => readonly string[];
}>;

/** Errors: `usage-wrong` for a URL or an address that is none. Nothing is counted, hashed or recorded. */
export async function answerQuestion(question: Question, asked: Asked): Promise<Answer> {
  const exchange = exchangeOf(question, asked);
  const route = asked.snapshot.route(exchange);
  const ends = route?.service.relayTerminates === true ? ', which may end its TLS and read everything' : '';
  const where = `${exchange.host} from ${exchange.from.ip}${asked.via === 'relay' ? ` through the relay${ends}` : ''}`;
  if (route === null) {
    const why = `no service is called ${exchange.host}`;
    return { service: null, verdict: 'refuse', code: 'route-missing', rule: null, why, steps: [where] };
  }
  const { service } = route;
  const closed = whyClosed(service, asked.now);
  const led = route.name.includes('/routes/') ? `, ${route.name.slice(route.name.indexOf('/') + 1)} to ${service.words}` : '';
  const steps = [`${where}: service ${service.name}${led}`];
  if (closed !== null) return { service: service.name, verdict: 'refuse', rule: null, ...closed, steps };
  const explanation = await explain(exchange, route, asked.about, async () => new Uint8Array());
  const settled = explanation.steps.find((step) => step.decides) ?? null;
  const askable = question.as === null && settled?.stage === 'identify' && explanation.is === 'refuse';
  return {
    service: service.name,
    verdict: explanation.is === 'admit' ? 'admit' : askable ? 'ask' : 'refuse',
    code: explanation.code,
    rule: settled?.words ?? null,
    why: settled === null ? 'nothing lets anybody in' : `${settled.words}: ${settled.why}`,
    steps: [...steps, ...explanation.steps.map(stepWords)],
  };
}

function stepWords(step: Step): string {
  const mark = { pass: 'yes', deny: 'no', 'not asked': '–' }[step.says];
  return `${'  '.repeat(step.depth + 1)}${step.stage}: ${step.words}: ${mark}, ${step.why}${step.decides ? '  ← decides' : ''}`;
}

function whyClosed(service: Service, now: number): Pick<Answer, 'code' | 'why'> | null {
  if (!service.open) return { code: 'service-closed', why: `${service.name} is closed` };
  if (service.expires === null || service.expires > now) return null;
  return { code: 'service-expired', why: `${service.name} has expired` };
}

/** The request as the reader would have made it: the path stays as it was typed, for that is what is judged. */
function exchangeOf({ url, method, from, as }: Question, { snapshot, via, loopback, now, rolesOf }: Asked): Exchange {
  const match = /^(https?|tls|tcp|udp):\/\/([^/?#]+)(\/[^#\s]*)?$/.exec(url);
  const authority = parseAuthority(match?.[2] ?? '');
  const scheme = match?.[1] === 'http' ? 'http' : 'https';
  if (match === null || authority === null) {
    throw new SallyportError('usage-wrong', `${JSON.stringify(url)} is no URL.`, {
      hint: 'For example: sallyport explain https://blog.example.org/admin --from 192.0.2.7',
    });
  }
  if (!/^[A-Z]{1,20}$/.test(method))
    throw new SallyportError('usage-wrong', `${JSON.stringify(method)} is no method.`, { hint: 'For example: --method POST' });
  const ip = parseIp(from);
  if (ip === null)
    throw new SallyportError('usage-wrong', `--from ${JSON.stringify(from)} is no address.`, { hint: 'For example: --from 192.0.2.7' });
  const target = match[3] ?? '/';
  const port = authority.port ?? (scheme === 'http' ? 80 : 443);
  const raw = rawPort(match[1], authority.port, snapshot);
  return {
    id: '0'.repeat(26),
    at: now,
    listener: { name: 'explain', scheme: raw?.transport ?? scheme, port, via, loopback: loopback && via === 'direct' },
    from: { ip: ip.text, port: 0 },
    host: raw === null ? authority.host : portName(raw),
    sni: null,
    identity:
      as === null
        ? null
        : {
            guard: 'explain',
            subject: /^(?:key|certificate|email|link|pin):/.test(as) ? as : `user:${as}`,
            name: as,
            by: 'session',
            roles: rolesOf?.(as) ?? [],
          },
    // What is passed on unread has no request: it is judged by its name and address alone.
    http:
      match[1] === 'tls' || raw !== null
        ? null
        : {
            method,
            target,
            path: canonicalPath(target),
            minor: 1,
            fields: [],
            authority,
            framing: { is: 'none' },
            persistent: true,
            expectsContinue: false,
            upgrade: null,
          },
  };
}

/** A port of its own, where the URL means one: `udp://` always, `tcp://` where a service has that port. */
function rawPort(scheme: string | undefined, port: number | null, { services }: Snapshot): RelayPort | null {
  if ((scheme !== 'tcp' && scheme !== 'udp') || port === null) return null;
  const named: RelayPort = { transport: scheme, port };
  return scheme === 'udp' || services.some(({ hosts }) => hosts.includes(portName(named))) ? named : null;
}
