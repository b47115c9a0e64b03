/** What a client of a proxy sees of its own: terms, set-up, limits and use, what was measured and refused, its key. */

import { byteWords } from '../byte-words.ts';
import type { Reply } from '../http/reply.ts';
import type { Exchange } from '../policy/exchange.ts';
import { pacPath } from '../egress/pac.ts';
import { certificateSetUps, environment, secretPlaceholder, setUps, type ProxyPlace } from './client-setup.ts';
import { markdown } from './markdown.ts';
import { markup, type Markup } from './markup.ts';
import { page } from './page.ts';
import { clientPagePath } from './proxy-answer.ts';
import { refusalReason } from './client-refusal.ts';
import { say, sayTime } from './say.ts';

export type ShownTerms = Readonly<{ version: string; hash: string; text: string }>;

export type ClientFacts = Readonly<{
  name: string;
  user: string;
  /** Whether a certificate says who it is: then there is no secret to fill in. */
  byCertificate?: boolean;
  place: ProxyPlace;
  suspended: boolean;
  why: string | null;
  terms: ShownTerms | null;
  /** Null until the current terms were accepted. */
  accepted: Readonly<{ version: string; at: number }> | null;
  limits: Readonly<{
    requestsPerSecond: number | null;
    connections: number | null;
    tunnels: number | null;
    bytesPerSecond: number | null;
    bytesPerDay: number | null;
    bytesPerMonth: number | null;
    tunnelIdleMs: number | null;
    tunnelLifeMs: number | null;
  }>;
  used: Readonly<{ dayBytes: number; monthBytes: number; dayEnds: number; monthEnds: number }>;
  agreed: Readonly<{ uptime: number | null; connectMs: number | null; errors: number | null }> | null;
  measured: Readonly<{ uptime: number | null; connectMs: number | null; errors: number | null }>;
  refused: readonly Readonly<{ at: number; destination: string; code: string }>[];
  /** Its keys, by name. */
  keys: readonly string[];
  /** How long an old key opens beside a new one. */
  overlapHours: number;
}>;

export function clientPage(exchange: Exchange, facts: ClientFacts, notice: Markup | null = null): Reply {
  const isInactive = facts.terms !== null && facts.accepted === null;
  const suspended = facts.why === null ? say(exchange, 'client.suspended') : say(exchange, 'client.suspended.why', { why: facts.why });
  const content = markup`${notice}${facts.suspended ? markup`<p class="fault">${suspended}</p>\n` : null}${
    isInactive ? markup`<p class="fault">${say(exchange, 'client.inactive')}</p>\n` : null
  }${isInactive ? termsPart(exchange, facts) : null}${setUpPart(exchange, facts)}${limitsPart(exchange, facts)}${agreedPart(exchange, facts)}${refusedPart(
    exchange,
    facts,
  )}${keyPart(exchange, facts)}${isInactive ? null : termsPart(exchange, facts)}`;
  return page(exchange, { status: 200, title: say(exchange, 'client.title', { name: facts.name }), content, form: true, wide: true });
}

/** A page of one message, with the way back. `secret` is shown this once. */
export function clientNotice(exchange: Exchange, title: string, message: string, secret: string | null = null): Reply {
  const shown = secret === null ? null : markup`<p><code>${secret}</code></p>\n`;
  const back = markup`<p><a href="${clientPagePath}">${say(exchange, 'client.back')}</a></p>`;
  return page(exchange, { status: 200, title, content: markup`<p>${message}</p>\n${shown}${back}`, form: true });
}

function termsPart(exchange: Exchange, { terms, accepted }: ClientFacts): Markup | null {
  if (terms === null) return null;
  const { version, hash, text } = terms;
  const foot =
    accepted === null
      ? markup`<form method="post" action="${clientPagePath}/accept">
<input type="hidden" name="version" value="${version}"><input type="hidden" name="hash" value="${hash}">
<button>${say(exchange, 'client.terms.accept', { version })}</button>
</form>
`
      : markup`<p class="soft">${say(exchange, 'client.terms.accepted', { version: accepted.version, day: dayOf(accepted.at) })}</p>\n`;
  return markup`<h2>${say(exchange, 'client.terms')}</h2>
<p class="soft">${say(exchange, 'client.terms.version', { version })}</p>
${markdown(text)}${foot}`;
}

function setUpPart(exchange: Exchange, { place, user, byCertificate }: ClientFacts): Markup {
  const each = (byCertificate === true ? certificateSetUps(place) : setUps(place, user)).map(({ title, lines }) => copied(title, lines));
  const about =
    byCertificate === true
      ? say(exchange, 'client.setup.certificate')
      : say(exchange, 'client.setup.secret', { placeholder: secretPlaceholder });
  return markup`<h2>${say(exchange, 'client.setup')}</h2>
<p class="soft">${about}</p>
${byCertificate === true ? null : copied(say(exchange, 'client.setup.environment'), environment(place, user))}${each}${copied(say(exchange, 'client.setup.browser'), [`${place.scheme}://${place.host}:${place.port}${pacPath}`])}`;
}

function copied(title: string, lines: readonly string[]): Markup {
  return markup`<p><strong>${title}</strong><br>${lines.map((line, at) => markup`${at === 0 ? null : markup`<br>`}<code>${line}</code>`)}</p>\n`;
}

function limitsPart(exchange: Exchange, { limits, used }: ClientFacts): Markup {
  const { requestsPerSecond, connections, tunnels, bytesPerSecond, bytesPerDay, bytesPerMonth, tunnelIdleMs, tunnelLifeMs } = limits;
  const day = { used: byteWords(used.dayBytes), size: byteWords(bytesPerDay ?? 0), time: timeOf(used.dayEnds) };
  const month = { used: byteWords(used.monthBytes), size: byteWords(bytesPerMonth ?? 0), time: timeOf(used.monthEnds) };
  const lines = [
    requestsPerSecond === null ? null : say(exchange, 'client.limits.requests', { count: requestsPerSecond }),
    connections === null ? null : say(exchange, 'client.limits.connections', { count: connections }),
    tunnels === null ? null : say(exchange, 'client.limits.tunnels', { count: tunnels }),
    bytesPerSecond === null ? null : say(exchange, 'client.limits.rate', { size: byteWords(bytesPerSecond) }),
    bytesPerDay === null ? null : say(exchange, 'client.limits.day', day),
    bytesPerMonth === null ? null : say(exchange, 'client.limits.month', month),
    tunnelIdleMs === null ? null : say(exchange, 'client.limits.idle', { time: sayTime(exchange, tunnelIdleMs / 1_000) }),
    tunnelLifeMs === null ? null : say(exchange, 'client.limits.life', { time: sayTime(exchange, tunnelLifeMs / 1_000) }),
  ].filter((line) => line !== null);
  return markup`<h2>${say(exchange, 'client.limits')}</h2>\n${lines.length === 0 ? markup`<p>${say(exchange, 'client.limits.none')}</p>\n` : list(lines)}`;
}

function agreedPart(exchange: Exchange, { agreed, measured }: ClientFacts): Markup | null {
  if (agreed === null) return null;
  const lines = [
    agreed.uptime === null ? null : say(exchange, 'client.agreed.uptime', { agreed: agreed.uptime, measured: percent(measured.uptime) }),
    agreed.connectMs === null
      ? null
      : say(exchange, 'client.agreed.connect', { agreed: agreed.connectMs, measured: measured.connectMs ?? '–' }),
    agreed.errors === null ? null : say(exchange, 'client.agreed.errors', { agreed: agreed.errors, measured: percent(measured.errors) }),
  ].filter((line) => line !== null);
  return markup`<h2>${say(exchange, 'client.agreed')}</h2>\n<p class="soft">${say(exchange, 'client.agreed.days')}</p>\n${list(lines)}`;
}

function percent(share: number | null): string {
  return share === null ? '–' : String(Math.round(share * 10_000) / 100);
}

function refusedPart(exchange: Exchange, { refused }: ClientFacts): Markup {
  const lines = refused.map(({ at, destination, code }) => {
    const reason = refusalReason(exchange, code);
    return `${timeOf(at)}  ${destination === '' ? '–' : destination}  ${code}${reason === null ? '' : `: ${reason}`}`;
  });
  const none = markup`<p>${say(exchange, 'client.refused.none')}</p>\n`;
  return markup`<h2>${say(exchange, 'client.refused')}</h2>\n${lines.length === 0 ? none : list(lines)}`;
}

function keyPart(exchange: Exchange, { keys, overlapHours }: ClientFacts): Markup | null {
  if (keys.length === 0) return null;
  const forms = keys.map(
    (key) => markup`<form method="post" action="${clientPagePath}/rotate">
<input type="hidden" name="key" value="${key}">
<p>${key}</p>
<button class="quiet">${say(exchange, 'client.key.rotate')}</button>
</form>
`,
  );
  return markup`<h2>${say(exchange, 'client.key')}</h2>\n${forms}<p class="soft">${say(exchange, 'client.key.soft', { hours: overlapHours })}</p>\n`;
}

function list(lines: readonly string[]): Markup {
  return markup`<ul>\n${lines.map((line) => markup`<li>${line}</li>\n`)}</ul>\n`;
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** `2026-11-21 19:30 UTC` */
function timeOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
