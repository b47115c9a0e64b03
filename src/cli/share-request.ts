/** What is to be shared, as the words of a command say it: the same for flags and for PageKite's words. */

import { basename, resolve } from 'node:path';
import { SallyportError } from '../core/errors.ts';
import { parsePrefix } from '../core/address.ts';
import { parseDuration } from '../controlplane/config/duration.ts';
import { readBehind, readServiceName } from '../controlplane/config/forms.ts';
import type { Behind } from '../controlplane/config/plan.ts';

export type WebhookKind = 'secret' | 'github' | 'stripe' | 'hmac';

/** One service to share. Texts are as typed; the configuration's schema checks them once more. */
export type ShareRequest = Readonly<{
  name: string;
  at: readonly string[];
  /** Exactly one of both. */
  to: string | null;
  dir: string | null;
  indexes: boolean;
  access: AccessRequest;
  firewall: 'on' | 'off';
  rewriteHost: boolean | string;
  rawHeaders: boolean;
  from: string | null;
  /** The PROXY header that tells the service who comes. */
  proxy: 'v1' | 'v2' | null;
  /** The port of the relay that leads to it. */
  port?: number;
  /** `2h`, or null for never. */
  for: string | null;
}>;

/** Any of `users` by password, any of `keys`, or a link; from `allow` only, when that is not empty. Nothing at all makes a link. */
export type AccessRequest = Readonly<{
  isPublic: boolean;
  link: boolean;
  users: readonly string[];
  /** Names of API keys. */
  keys: readonly string[];
  allow: readonly string[];
  webhook: Readonly<{ path: string; kind: WebhookKind }> | null;
}>;

/** How long a share stays open when nobody says otherwise: a working day. */
export const shareFor = '8h';

type RawBranch = 'public' | Readonly<Record<string, unknown>>;
export type RawService = Readonly<Record<string, unknown>>;

/** The service as `sallyport.yaml` would say it. Errors: `usage-wrong` for wishes that contradict each other. */
export function rawService(request: ShareRequest): RawService {
  return {
    ...(request.at.length === 0 ? {} : { at: request.at }),
    ...(request.to === null
      ? { dir: request.dir, indexes: request.indexes }
      : { to: request.to, rewritehost: request.rewriteHost, rawheaders: request.rawHeaders }),
    ...(request.from === null ? {} : { from: request.from }),
    ...(request.proxy === null ? {} : { proxy: request.proxy }),
    ...(request.port === undefined ? {} : { port: request.port }),
    access: rawAccess(request.access, request.name),
    firewall: request.firewall,
    for: request.for ?? 'never',
  };
}

/** The stored secret of a share's webhook. */
export function webhookSecretName(service: string): string {
  return `webhook-${service}`.slice(0, 64).replace(/-+$/, '');
}

function rawAccess(access: AccessRequest, service: string): readonly RawBranch[] {
  const { isPublic, users, keys, allow, webhook } = access;
  if (isPublic && (users.length > 0 || keys.length > 0 || allow.length > 0 || access.link)) {
    throw new SallyportError('usage-wrong', '--public lets everyone in, so nothing else can be asked for.', {
      hint: 'Leave out --public, or leave out --password, --key, --allow and --link.',
    });
  }
  const address = allow.length === 0 ? {} : { ip: allow };
  const ways: RawBranch[] = isPublic ? ['public'] : [];
  if (users.length > 0) ways.push({ ...address, password: { users } });
  if (access.link) ways.push({ ...address, link: {} });
  if (keys.length > 0) ways.push({ ...address, key: { keys } });
  if (ways.length === 0 && allow.length > 0) ways.push(address);
  if (webhook !== null) ways.push({ webhook: { path: webhook.path, kind: webhook.kind, secret: webhookSecretName(service) } });
  return ways.length === 0 ? [{ link: {} }] : ways;
}

/** Whether a share of this access has a link of its own. */
export function wantsLink(access: AccessRequest): boolean {
  return (
    access.link ||
    (!access.isPublic && access.users.length === 0 && access.keys.length === 0 && access.allow.length === 0 && access.webhook === null)
  );
}

/** A port or URL as typed. Errors: `port-malformed`, with what would have been right. */
export function checkedTarget(text: string): string {
  const found = readBehind(text);
  if (found.ok && found.value.is === 'http') return text;
  if (found.ok)
    throw new SallyportError('port-malformed', `${text} is no web service.`, {
      hint: `Share it with: sallyport ${kindOf(found.value)} ${text}`,
    });
  throw new SallyportError('port-malformed', `${JSON.stringify(text)} cannot be shared: expected ${found.expected}.`, {
    hint: 'For example: sallyport 3000, or sallyport http://127.0.0.1:3000',
  });
}

/** A port, HOST:PORT or a URL of that kind, as the configuration says it: `tls://127.0.0.1:8443`. Errors: `port-malformed`. */
export function checkedAddress(text: string, kind: 'tls' | 'tcp' | 'udp'): string {
  const url = text.includes('://') ? text : `${kind}://${/^\d+$/.test(text) ? `localhost:${text}` : text}`;
  const found = readBehind(url);
  if (found.ok && kindOf(found.value) === kind) return url;
  const expected = found.ok ? `a port or ${kind}://HOST:PORT` : found.expected;
  throw new SallyportError('port-malformed', `${JSON.stringify(text)} cannot be shared: expected ${expected}.`, {
    hint: `For example: sallyport ${kind} ${{ tls: '8443', tcp: '22', udp: '53' }[kind]}`,
  });
}

function kindOf(behind: Behind): string {
  return behind.is === 'port' ? behind.transport : behind.is;
}

/** `--proxy-protocol v1`. Errors: `usage-wrong`. */
export function checkedProxy(text: string | undefined): ShareRequest['proxy'] {
  if (text === undefined || text === 'v1' || text === 'v2') return text ?? null;
  throw new SallyportError('usage-wrong', `--proxy-protocol ${JSON.stringify(text)} is no version of it.`, {
    hint: 'There are v1 and v2.',
  });
}

/** A folder's path, absolute. */
export function checkedFolder(text: string, cwd: string): string {
  return resolve(cwd, text);
}

/** `--name`, or what the target suggests: the folder's name, `web-3000`, `tcp-22`, or the host's first label. */
export function nameFor(given: string | null, target: Readonly<{ to: string } | { dir: string }>): string {
  if (given !== null) {
    const name = readServiceName(given);
    if (name !== null) return name;
    throw new SallyportError('name-malformed', `${JSON.stringify(given)} cannot be the name of a share.`, {
      hint: 'Use small letters, digits and hyphens, 63 at most: --name blog',
    });
  }
  if ('dir' in target) return labelFrom(basename(target.dir), 'files');
  const behind = readBehind(target.to);
  if (!behind.ok || !('host' in behind.value)) return 'web';
  const { host, port } = behind.value;
  const is = kindOf(behind.value);
  const here = host === 'localhost' || host.includes(':') || /^[\d.]+$/.test(host);
  const plain = `${is === 'http' ? 'web' : is}-${port}`;
  return here ? plain : labelFrom(host.split('.')[0] ?? '', plain);
}

function labelFrom(text: string, otherwise: string): string {
  const label = text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, '');
  return readServiceName(label) ?? otherwise;
}

/** `--for 2h`. Errors: `usage-wrong`. */
export function checkedFor(text: string): string | null {
  const span = parseDuration(text);
  if (span === null)
    throw new SallyportError('usage-wrong', `--for ${JSON.stringify(text)} is no time.`, {
      hint: 'Write it like --for 30m, --for 2h, --for 7d or --for never.',
    });
  return span === 'never' ? null : text;
}

/** `--allow 192.0.2.0/24`, several with commas or by saying it again. Errors: `usage-wrong`. */
export function checkedNetworks(texts: readonly string[]): readonly string[] {
  const networks = texts.flatMap((text) => text.split(','));
  const wrong = networks.find((text) => parsePrefix(text) === null);
  if (wrong === undefined) return networks;
  throw new SallyportError('usage-wrong', `--allow ${JSON.stringify(wrong)} is no address and no network.`, {
    hint: 'Write it like --allow 192.0.2.7 or --allow 192.0.2.0/24.',
  });
}

const kinds: ReadonlySet<string> = new Set(['github', 'stripe', 'hmac']);

/** `--webhook PATH[=github|stripe|hmac]`. Errors: `usage-wrong`. */
export function checkedWebhook(text: string): Readonly<{ path: string; kind: WebhookKind }> {
  const at = text.indexOf('=');
  const path = at === -1 ? text : text.slice(0, at);
  const kind = at === -1 ? 'secret' : text.slice(at + 1);
  const known = kind === 'secret' || kinds.has(kind);
  // The guard takes no other paths: what two parsers could read differently is no door.
  if (known && /^(?:\/[A-Za-z0-9._~-]+)+$/.test(path) && !/\/\.{1,2}(?:\/|$)/.test(path)) return { path, kind: kind as WebhookKind };
  throw new SallyportError('usage-wrong', `--webhook ${JSON.stringify(text)} is no path with a way to sign.`, {
    hint: 'Write it like --webhook /hooks/build=github (or =stripe, =hmac; nothing for a secret path).',
  });
}
