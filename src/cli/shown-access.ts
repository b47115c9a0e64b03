/** Who may come into a service, as its owner is shown it. */

import type { Network } from '../core/address.ts';
import type { Config, GuardUse, ServicePlan } from '../controlplane/config/plan.ts';
import { accessOf, localIsFree } from '../controlplane/config/presets.ts';
import type { AccessShown } from './event.ts';
import { instant } from './event.ts';
import type { WebhookKind } from './share-request.ts';

/** Secrets that were made for this run, by service: shown once, kept nowhere but in the store. */
export type Fresh = Readonly<{ link: Readonly<{ secret: string; expires: number | null }> | null; webhook: string | null }>;

/** @param url of the service, without a path */
export function shownAccess(plan: ServicePlan, config: Config, url: string, fresh: Fresh): readonly AccessShown[] {
  const shown = accessOf(plan, config).map((uses): AccessShown => {
    const all = uses.map((use) => shownGuard(use, url, fresh));
    const [only] = all;
    return all.length === 1 && only !== undefined ? only : { kind: 'all', of: all };
  });
  const guarded = !shown.some(({ kind }) => kind === 'public');
  return plan.behind.is !== 'egress' && localIsFree(config) && guarded && config.listen.length > 0 ? [{ kind: 'local' }, ...shown] : shown;
}

/** Options have passed the guard's own schema: each case names the shape that it gives. */
function shownGuard({ guard, options }: GuardUse, url: string, fresh: Fresh): AccessShown {
  switch (guard) {
    case 'public':
      return { kind: 'public' };
    case 'link':
      return {
        kind: 'link',
        url: fresh.link === null ? null : linkUrl(url, fresh.link.secret),
        expires: instant(fresh.link?.expires ?? null),
      };
    case 'password':
      return { kind: 'password', users: (options as Readonly<{ users: readonly string[] | 'all' }>).users };
    case 'key':
      return { kind: 'key', keys: (options as Readonly<{ keys: readonly string[] | 'all' }>).keys };
    case 'ip':
      return { kind: 'ip', allow: (options as readonly Network[]).map(({ text }) => text) };
    case 'webhook':
      return shownWebhook(options as Readonly<{ path: string; kind: WebhookKind }>, url, fresh.webhook);
    default:
      return { kind: 'other', guard };
  }
}

function shownWebhook({ path, kind }: Readonly<{ path: string; kind: WebhookKind }>, url: string, secret: string | null): AccessShown {
  const inPath = kind === 'secret' && secret !== null;
  return {
    kind: 'webhook',
    path,
    method: kind,
    url: `${url}${path}${inPath ? `/${secret}` : ''}`,
    secret: kind === 'secret' ? null : secret,
  };
}

/** What opens the service once: `GET` answers with a session and the clean path. */
export function linkUrl(url: string, secret: string): string {
  // Of a service below a path the name alone: what is ours lies at its root.
  const [, origin = url] = /^([a-z]+:\/\/[^/]+)/.exec(url.replace(/^tcp:/, 'https:')) ?? [];
  return `${origin}/.sallyport/link/${secret}`;
}
